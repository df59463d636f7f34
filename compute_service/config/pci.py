"""[pci]: devices passed through to guests."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Pci(Section):
    """Options of the section [pci]."""

    alias: tuple[str, ...] = opt(
        (), "Names for kinds of devices that flavors ask for, one JSON object a line.", multi=True
    )
    device_spec: tuple[str, ...] = opt(
        (), "Devices of this host that guests may get, one JSON object a line.", multi=True
    )
    report_in_placement: bool = opt(False, "Whether such devices are reported to placement.")
