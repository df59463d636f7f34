"""Images as servers see them: found for a user, checked against a flavor, kept with the server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Forbidden, Invalid, NotFound
from compute_service.domain.flavor import Flavor
from compute_service.domain.image import Image
from compute_service.domain.instance import Instance

_GIB: Final = 1024**3
_FACTS: Final = (
    "name",
    "disk_format",
    "container_format",
    "checksum",
    "hash_algo",
    "hash_value",
    "owner",
)
_NUMBERS: Final = ("size", "min_disk_gb", "min_ram_mb")
_PREFIX: Final = "image_"
_TRUE: Final = frozenset({"1", "t", "true", "on", "y", "yes"})

_ARCHITECTURES: Final = (
    "aarch64 alpha armv6 armv7l armv7b cris i686 ia64 lm32 loongarch64 m68k microblaze microblazeel mips "
    "mipsel mips64 mips64el openrisc parisc parisc64 ppc ppcle ppc64 ppc64le ppcemb riscv64 s390 s390x sh4 "
    "sh4eb sparc sparc64 unicore32 x86_64 xtensa xtensaeb"
)
ARCHITECTURES: Final = frozenset(_ARCHITECTURES.split())
"""Names of architectures that images may ask for. Source: Compute documentation, image properties."""
_OTHER_NAMES: Final = {"amd64": "x86_64", "x64": "x86_64", "i386": "i686", "i486": "i686", "i586": "i686"}


def image_find(ctx: Context, svc: Services, image_ref: str) -> Image:
    """Return an image that a request's body names. Raises Invalid when there is none for this user."""
    try:
        return svc.images.show(image_ref, ctx)
    except (NotFound, Forbidden) as error:
        raise Invalid("Can not find requested image") from error


def image_check(image: Image, flavor: Flavor) -> None:
    """Refuse an image that cannot be used, or not with this flavor's local disk. Raises Invalid."""
    if image.status != "active":
        raise Invalid(f"Image {image.id} is not active.")
    if "img_block_device_mapping" in image.properties or "block_device_mapping" in image.properties:
        raise Invalid(
            f"Image {image.id} is unacceptable: it stands for volumes, and no volume service is in use."
        )
    architecture = image.properties.get("hw_architecture", image.properties.get("architecture"))
    if architecture and _OTHER_NAMES.get(architecture.lower(), architecture.lower()) not in ARCHITECTURES:
        raise Invalid(f"Architecture name '{architecture}' is not recognised")
    if flavor.memory_mb < image.min_ram_mb:
        raise Invalid("Flavor's memory is too small for requested image.")
    if flavor.root_gb == 0:
        return
    root = flavor.root_gb * _GIB
    if image.size > root:
        raise Invalid(
            f"Flavor's disk is too small for requested image. Flavor disk is {root} bytes, "
            f"image is {image.size} bytes."
        )
    if image.min_disk_gb > flavor.root_gb:
        raise Invalid(
            "Flavor's disk is smaller than the minimum size specified in image metadata. "
            f"Flavor disk is {root} bytes, minimum size is {image.min_disk_gb * _GIB} bytes."
        )


def image_truth(properties: Mapping[str, str], name: str) -> bool:
    """Tell whether an image property says yes."""
    return properties.get(name, "").strip().lower() in _TRUE


def disk_config_of(image: Image | None, asked: str | None) -> bool:
    """Return `auto_disk_config` for what a request asked (AUTO, MANUAL or nothing). Raises Invalid."""
    says = None if image is None else image.properties.get("auto_disk_config")
    allowed = None if says is None else says.strip().lower() in _TRUE
    if asked == "AUTO" and allowed is False and image is not None:
        raise Invalid(f"Requested image {image.id} has automatic disk resizing disabled.")
    return bool(allowed) if asked is None else asked == "AUTO"


def image_notes(image: Image | None) -> dict[str, str]:
    """Return what is kept of an image in a server's notes, beside its properties."""
    if image is None:
        return {}
    notes = {_PREFIX + name: str(getattr(image, name)) for name in _FACTS if getattr(image, name)}
    return notes | {_PREFIX + name: str(getattr(image, name)) for name in _NUMBERS}


def without_image_notes(notes: Mapping[str, str]) -> dict[str, str]:
    """Return a server's notes without those of its image."""
    ours = {_PREFIX + name for name in (*_FACTS, *_NUMBERS)}
    return {key: value for key, value in notes.items() if key not in ours}


def image_of(instance: Instance) -> Image | None:
    """Return the image a server was built from, as it was then; None for a server without one."""
    if not instance.image_ref:
        return None
    kept = {
        name: instance.system_metadata[_PREFIX + name]
        for name in (*_FACTS, *_NUMBERS)
        if _PREFIX + name in instance.system_metadata
    }
    wanted = {**kept, "id": instance.image_ref, "properties": instance.image_properties}
    return msgspec.convert(wanted, Image, strict=False)
