"""[conductor]: the daemon that runs flows."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Conductor(Section):
    """Options of the section [conductor]."""

    workers: int | None = opt(
        None,
        "Processes of nova-conductor, forked from one whose memory they share; unset means one.",
        min=1,
    )
