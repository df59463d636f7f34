"""[upgrade_levels]: what daemons of an older release can be sent."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class UpgradeLevels(Section):
    """Options of the section [upgrade_levels]. `auto` and unset ask what is running."""

    compute: str | None = opt(None, "The release or version that compute hosts understand.")
    conductor: str | None = opt(None, "The release or version that conductors understand.")
    scheduler: str | None = opt(None, "The release or version that schedulers understand.")
    baseapi: str | None = opt(None, "Accepted and unused.")
