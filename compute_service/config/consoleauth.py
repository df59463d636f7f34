"""[consoleauth]: tokens that open consoles."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Consoleauth(Section):
    """Options of the section [consoleauth]."""

    token_ttl: int = opt(600, "Seconds a console's token is good.", min=0)
    enforce_session_timeout: bool = opt(False, "Whether a console closes when its token runs out.")
