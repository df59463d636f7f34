"""What the libvirt driver works with, passed to each of its verbs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from compute_service.config.settings import Settings
from compute_service.ports.clock import Clock
from compute_service.ports.config_drive import ConfigDrive
from compute_service.virt.libvirt.carrier import Carrier
from compute_service.virt.libvirt.directory import GuestDirectory
from compute_service.virt.libvirt.domains import Connection
from compute_service.virt.libvirt.hosts import Hosts
from compute_service.virt.libvirt.storage.image_cache import ImageCache
from compute_service.virt.libvirt.storage.run import Runner
from compute_service.virt.libvirt.storage.store import DiskStore
from compute_service.virt.libvirt.vifs import Plugger


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts. `host` is this host's name."""

    host: str
    settings: Settings
    clock: Clock
    connection: Connection
    hosts: Hosts
    runner: Runner
    cache: ImageCache
    disks: DiskStore
    plugger: Plugger
    carrier: Carrier
    config_drive: ConfigDrive

    @property
    def instances(self) -> Path:
        """The directory of guests' directories."""
        return Path(self.settings.default.instances_path)

    def directory(self, uuid: str) -> GuestDirectory:
        """Return where a guest's files are. Raises HostRejected for a UUID that is none."""
        return GuestDirectory(self.instances, uuid)
