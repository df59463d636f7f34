"""[key_manager]: where secrets are kept."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class KeyManager(Section):
    """Options of the section [key_manager]."""

    backend: str = opt("barbican", "The key manager in use.")
    auth_type: str | None = opt(None, "The way to sign in to it; unset uses the request's token.")
    fixed_key: str | None = opt(None, "One key for all, in hexadecimal; for tests only.", secret=True)
