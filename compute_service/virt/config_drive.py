"""Writes config drives: the files of `domain.metadata.drive` in a small file system of their own.

The programs that make file systems are the host's, as every hypervisor host has them: `mkisofs_cmd` for
iso9660; `mkfs.vfat` and mtools' `mcopy` for vfat, which need neither root nor a mount.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from compute_service.config.settings import Settings
from compute_service.domain.errors import HostRejected
from compute_service.domain.guest import GuestSpec
from compute_service.domain.metadata.drive import LABEL, drive_files
from compute_service.domain.metadata.openstack import SEED_BYTES
from compute_service.virt.libvirt.storage.run import Commands, Runner

ISO9660, VFAT = "iso9660", "vfat"
VFAT_BYTES = 64 << 20
"""Size of a vfat drive; larger when what stands on it would not fit."""
_SECONDS = 60.0
_MODE = 0o640


class ConfigDriveWriter:
    """The `ConfigDrive` port. `skip` names EC2 versions that drives leave out."""

    def __init__(self, form: str, mkisofs: str, skip: Collection[str], runner: Runner | None = None) -> None:
        self._form = form
        self._mkisofs = shlex.split(mkisofs)
        self._skip = frozenset(skip)
        self._runner = runner or Commands()

    @classmethod
    def of(cls, settings: Settings) -> ConfigDriveWriter:
        """Return the writer that the configuration describes."""
        options = settings.default
        skip = settings.api.config_drive_skip_versions.split()
        return cls(options.config_drive_format, options.mkisofs_cmd, skip)

    def write(self, spec: GuestSpec, path: Path) -> None:
        """Write a whole config drive to a file, over what may be there. Raises HostRejected."""
        if spec.facts is None:
            raise HostRejected(f"Nothing was said of what the config drive of guest {spec.uuid} has on it.")
        files = drive_files(spec.facts, os.urandom(SEED_BYTES), self._skip)
        try:
            with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as made:
                tree, image = Path(made, "tree"), Path(made, "image")
                _plant(tree, files)
                if self._form == VFAT:
                    self._vfat(tree, image, sum(map(len, files.values())))
                else:
                    self._iso9660(tree, image)
                image.chmod(_MODE)
                os.replace(image, path)
        except OSError as error:
            raise HostRejected(
                f"The config drive of guest {spec.uuid} could not be written: {error.strerror}."
            ) from error

    def _iso9660(self, tree: Path, image: Path) -> None:
        options = ("-quiet", "-J", "-r", "-V", LABEL, "-o", str(image))
        self._runner.run([*self._mkisofs, *options, str(tree)], _SECONDS)

    def _vfat(self, tree: Path, image: Path, content: int) -> None:
        with image.open("wb") as file:
            file.truncate(max(VFAT_BYTES, 2 * content))
        self._runner.run(["mkfs.vfat", "-n", LABEL, str(image)], _SECONDS)
        tops = sorted(str(top) for top in tree.iterdir())
        self._runner.run(["mcopy", "-Q", "-s", "-i", str(image), *tops, "::/"], _SECONDS)


def _plant(tree: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        file = tree / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
