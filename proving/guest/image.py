"""The guest's image, kept from use to use; another is made when anything that goes into it changes."""

from __future__ import annotations

import os
from pathlib import Path

from proving.lab.layers import Layers, digest
from proving.lab.locks import locked
from proving.lab.workshop import run_inside, workshop

MARK = "GUEST:"
"""What each line begins with that the guest tells on its serial console."""
LOGIN = ("root", "stratus")
"""Who may log in on its consoles, unless metadata brings another password."""
_HERE = Path(__file__).parent
_PACKAGES = (
    *("busybox", "dropbear-bin", "openssl"),
    *("cpio", "gzip", "xz-utils", "kmod"),
    *("syslinux", "syslinux-common", "mtools", "dosfstools", "e2fsprogs", "fdisk", "qemu-utils"),
)
_BUILD_SECONDS = 300
_BUILD = """set -eu
GUEST_PASSWORD=$1 /guest/build /guest/files /tmp/guest.raw
qemu-img convert -f raw -O qcow2 /tmp/guest.raw /made/guest.qcow2
"""


def guest_image() -> Path:
    """Return the image, a qcow2, making it when it is not there. Raises Failed or Unable."""
    layers = Layers.here()
    stack = layers.stack(_PACKAGES)
    sources = {
        str(path): path.read_text() for path in (_HERE / "build", *sorted((_HERE / "files").iterdir()))
    }
    key = digest(stack[0].parent.name, sources, _BUILD, LOGIN)
    folder = layers.cache / "guests" / key
    image = folder / "guest.qcow2"
    if not image.exists():
        with locked(folder.with_suffix(".lock")):
            if not image.exists():
                _make(image, stack)
    os.utime(folder)
    return image


def _make(image: Path, stack: tuple[Path, ...]) -> None:
    folder = image.parent.with_suffix(".part")
    with workshop(stack, folder) as root:
        made = folder / "made"
        made.mkdir()
        binds = {_HERE: "/guest", made: "/made"}
        command = ["/bin/sh", "-c", _BUILD, "sh", LOGIN[1]]
        run_inside(root, folder.stem, command, binds, _BUILD_SECONDS)
        image.parent.mkdir(exist_ok=True)
        (made / image.name).rename(image)
