"""[privsep_osbrick], [vif_plug_ovs_privileged] and their like: helpers that run as root."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Privsep(Section):
    """Options of a section that describes a privileged helper."""

    user: str | None = opt(None, "The user the helper runs as.")
    group: str | None = opt(None, "The group the helper runs as.")
    capabilities: tuple[str, ...] = opt((), "The capabilities the helper keeps.")
    thread_pool_size: int | None = opt(None, "The helper's threads; unset is one a processor.", min=1)
    helper_command: str | None = opt(None, "The command that starts the helper.")
