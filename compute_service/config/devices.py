"""[devices]: mediated devices such as virtual GPUs."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Devices(Section):
    """Options of the section [devices]."""

    enabled_mdev_types: tuple[str, ...] = opt((), "Types of mediated devices that guests may get.")
