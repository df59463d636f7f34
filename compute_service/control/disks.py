"""A new server's local disks: what was ordered, checked against its image and flavor. Pure.

Volumes are refused: no volume service is in use.
"""

from __future__ import annotations

from uuid import uuid4

from compute_service.domain.block_device import BlockDevice
from compute_service.domain.errors import Invalid
from compute_service.domain.flavor import Flavor

UNLIMITED = -1
_INVALID = "Block Device Mapping is Invalid"
_BAD_ORDER = "Boot sequence for the instance and image/block device mapping combination is not valid."


def disks_of(
    ordered: tuple[BlockDevice, ...], image_ref: str, flavor: Flavor, most_local: int
) -> tuple[BlockDevice, ...]:
    """Return a server's disks, the root disk first. Raises Invalid."""
    for device in ordered:
        _check_source(device, image_ref)
    if not image_ref:
        raise Invalid(f"{_INVALID}: {_BAD_ORDER}" if ordered else "Invalid imageRef provided.")
    roots = [device for device in ordered if device.source_type == "image"]
    if len(roots) > 1:
        raise Invalid(f"{_INVALID}: Mapping image to local is not supported.")
    root = roots[0] if roots else _root(image_ref)
    blank = [device for device in ordered if device.source_type == "blank"]
    _check_order(root, blank)
    _check_sizes(blank, flavor)
    disks = (root.replace(image_id=image_ref, boot_index=0), *blank)
    if most_local != UNLIMITED and len(disks) > most_local:
        raise Invalid("You specified more local devices than the limit allows")
    return disks


def _root(image_ref: str) -> BlockDevice:
    return BlockDevice(
        uuid=str(uuid4()),
        source_type="image",
        destination_type="local",
        boot_index=0,
        image_id=image_ref,
        device_type="disk",
    )


def _check_source(device: BlockDevice, image_ref: str) -> None:
    if "volume" in (device.source_type, device.destination_type) or device.source_type == "snapshot":
        raise Invalid(f"{_INVALID}: volumes cannot be used, for no volume service is configured.")
    if device.source_type == "image" and (device.boot_index != 0 or device.image_id not in (None, image_ref)):
        raise Invalid(f"{_INVALID}: Mapping image to local is not supported.")


def _check_order(root: BlockDevice, blank: list[BlockDevice]) -> None:
    """Disks that can be booted from are numbered from 0 without a gap; a negative number means never."""
    asked = [device.boot_index for device in (root, *blank)]
    numbers = sorted(index for index in asked if index is not None and index >= 0)
    if numbers != list(range(len(numbers))):
        raise Invalid(f"{_INVALID}: {_BAD_ORDER}")


def _check_sizes(blank: list[BlockDevice], flavor: Flavor) -> None:
    swaps = [device for device in blank if device.guest_format == "swap"]
    if len(swaps) > 1:
        raise Invalid(f"{_INVALID}: more than one swap drive requested.")
    if any(device.size_gb * 1024 > flavor.swap_mb for device in swaps):
        raise Invalid("Swap drive requested is larger than instance type allows.")
    ephemeral = [device for device in blank if device.guest_format != "swap"]
    if sum(device.size_gb or flavor.ephemeral_gb for device in ephemeral) > flavor.ephemeral_gb:
        raise Invalid(
            "Ephemeral disks requested are larger than the instance type allows. If no size is given in one "
            "block device mapping, flavor ephemeral size will be used."
        )


def own_copies(disks: tuple[BlockDevice, ...]) -> tuple[BlockDevice, ...]:
    """Return the disks for one server of several: the same, each with an identifier of its own."""
    return tuple(disk.replace(uuid=str(uuid4())) for disk in disks)
