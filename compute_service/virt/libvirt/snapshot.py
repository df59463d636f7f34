"""Reading a guest's root disk: while it runs by a backup of libvirt's, all of one moment, else by copying.

What is written for it is in `snapshots_directory` under the guest's UUID and goes when it was read. What a
process left that was killed is removed when the next snapshot of that guest begins.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from compute_service.domain.errors import HostRejected, Timeout
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt.definition import defined
from compute_service.virt.libvirt.guest_agent import quiet
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.spawn import OFF
from compute_service.virt.libvirt.storage.files import PRIVATE
from compute_service.virt.libvirt.storage.qemu_img import QemuImg
from compute_service.virt.libvirt.xml.backup import Backup, BackupDisk

FORMATS = frozenset({"qcow2", "raw", "vmdk", "vdi"})
COPIED = "qcow2"
"""What libvirt copies into: a raw file would be written whole, holes and all."""
PIECE = 1 << 20
LOOK_EVERY = 0.5
COPY_SECONDS = 7200.0


def snapshot(parts: Parts, uuid: str, disk_format: str | None) -> tuple[str, Iterator[bytes]]:
    """Return the format, and the root disk's data in pieces. Raises NotFound, HostRejected."""
    power = parts.connection.domain(uuid).power
    options = parts.settings.libvirt
    wanted = options.snapshot_image_format or (disk_format if disk_format in FORMATS else None)
    target_format = wanted or parts.disks.format
    directory = Path(options.snapshots_directory) / parts.directory(uuid).path.name
    _clear(parts, uuid, directory)
    directory.mkdir(parents=True)
    try:
        file = _write(parts, uuid, power, (directory, target_format))
        file.chmod(PRIVATE)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return target_format, _pieces(file, directory)


def _clear(parts: Parts, uuid: str, directory: Path) -> None:
    """Remove what an earlier snapshot of the guest left."""
    parts.connection.abort_job(uuid)
    if directory.exists():
        shutil.rmtree(directory)


def _write(parts: Parts, uuid: str, power: PowerState, where: tuple[Path, str]) -> Path:
    """Write the root disk to a file in a directory, and return the file."""
    directory, disk_format = where
    target = directory / "snapshot"
    compress = parts.settings.libvirt.snapshot_compression and disk_format == "qcow2"
    if power in OFF:
        parts.disks.export(uuid, "disk", target, disk_format)
        return target
    copied = directory / "copy"
    _backup(parts, uuid, copied)
    if disk_format == COPIED and not compress:
        return copied
    QemuImg(parts.runner).copy((COPIED, str(copied)), (disk_format, str(target)), compress)
    copied.unlink()
    return target


def _backup(parts: Parts, uuid: str, file: Path) -> None:
    """Copy the root disk of a guest that runs, as it is when this begins."""
    names = [disk.target for disk in defined(parts, uuid, lasting=False).disks if disk.device == "disk"]
    if not names:
        raise HostRejected(f"Guest {uuid} has no disk to copy.")
    wanted = Backup(
        disks=(
            BackupDisk(name=names[0], type="file", format=COPIED, file=str(file)),
            *(BackupDisk(name=name, backup=False) for name in names[1:]),
        )
    )
    QemuImg(parts.runner).blank(file, COPIED, parts.connection.disk_bytes(uuid, names[0]))
    file.chmod(PRIVATE)
    with quiet(parts, uuid):
        parts.connection.backup(uuid, wanted.xml())
    end = parts.clock.time() + COPY_SECONDS
    while parts.connection.job(uuid) is not None:
        if parts.clock.time() >= end:
            parts.connection.abort_job(uuid)
            raise Timeout(f"The disk of guest {uuid} was not copied within {COPY_SECONDS:g} seconds.")
        parts.clock.sleep(LOOK_EVERY)
    failure = parts.connection.job_failure(uuid)
    if failure is not None:
        raise HostRejected(f"The disk of guest {uuid} could not be copied: {failure}")


def _pieces(file: Path, directory: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as data:
            while piece := data.read(PIECE):
                yield piece
    finally:
        shutil.rmtree(directory, ignore_errors=True)
