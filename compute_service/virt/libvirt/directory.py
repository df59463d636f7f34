"""Where a guest's files are on a host, under `instances_path`.

| directory | what it is |
|---|---|
| `<uuid>` | the guest that is here |
| `<uuid>.part` | a copy that is being made of it |
| `<uuid>_resize` | what is kept of a guest that moved away, until the move is settled |
| `<uuid>_incoming` | disks that another host hands over |

What has its own name is whole: what is being made has the suffix `.part`. A guest being built has the file
`unfinished`, so that one that was stopped later is not taken for one that has yet to be started.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from compute_service.domain.errors import HostRejected

PART = ".part"
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class GuestDirectory:
    """The files of one guest."""

    def __init__(self, instances: Path, uuid: str) -> None:
        """Raises HostRejected for a UUID that is none: it is part of paths that are removed."""
        if not _UUID.fullmatch(uuid):
            raise HostRejected(f"A guest cannot have the UUID {uuid!r}.")
        self.path = instances / uuid
        self.copied = instances / f"{uuid}{PART}"
        self.kept = instances / f"{uuid}_resize"
        self.incoming = instances / f"{uuid}_incoming"

    @property
    def console_log(self) -> Path:
        """The first serial port's output."""
        return self.path / "console.log"

    @property
    def config_drive(self) -> Path:
        """The config drive."""
        return self.path / "disk.config"

    @property
    def taken_by(self) -> str | None:
        """The host that found this directory when it made the guest anew, if any did."""
        mark = self.path / "host"
        return mark.read_text() if mark.exists() else None

    def take(self, host: str) -> None:
        """Say that a host has made the guest anew from what is here."""
        (self.path / "host").write_text(host)

    @property
    def kernel(self) -> Path:
        """The kernel of a guest that does not bring its own."""
        return self.path / "kernel"

    @property
    def ramdisk(self) -> Path:
        """The first file system of that kernel."""
        return self.path / "ramdisk"

    @property
    def rescue_drive(self) -> Path:
        """The config drive while the guest is rescued."""
        return self.path / "disk.config.rescue"

    @property
    def rescue_kernel(self) -> Path:
        """The kernel of a rescue."""
        return self.path / "kernel.rescue"

    @property
    def rescue_ramdisk(self) -> Path:
        """The first file system of that kernel."""
        return self.path / "ramdisk.rescue"

    @property
    def rescued(self) -> Path:
        """The mark that the guest has something of a rescue, from its first file to its last."""
        return self.path / "rescued"

    @property
    def rescuing(self) -> Path:
        """The mark that the rescue is not made, or not removed, whole."""
        return self.path / "rescuing"

    @property
    def ports(self) -> Path:
        """What is plugged, so that it can be unplugged by who knows only the guest's UUID."""
        return self.path / "ports.json"

    @property
    def unfinished(self) -> bool:
        """Whether the guest is being built."""
        return (self.path / "unfinished").exists()

    def begin(self) -> None:
        """Make the directory of a guest that is being built."""
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "unfinished").touch()

    def finish(self) -> None:
        """Say that the guest is built."""
        (self.path / "unfinished").unlink(missing_ok=True)

    def prepare_log(self) -> None:
        """Make the console's log before virtlogd does, so that it is ours to read."""
        if not self.console_log.exists():
            os.close(os.open(self.console_log, os.O_CREAT | os.O_WRONLY, 0o640))

    def remove(self, path: Path) -> None:
        """Remove one of the guest's directories; nothing there is fine. It first loses its name.

        Raises HostRejected when something in it cannot be removed.
        """
        leaving = path.with_name(f"{path.name}.gone")
        try:
            if path.exists():
                if leaving.exists():
                    shutil.rmtree(leaving)
                path.rename(leaving)
            if leaving.exists():
                shutil.rmtree(leaving)
        except OSError as error:
            raise HostRejected(f"{path} could not be removed: {error.strerror}.") from error
