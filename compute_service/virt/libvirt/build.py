"""The libvirt driver of this host, put together from the configuration."""

from __future__ import annotations

from pathlib import Path

from compute_service.config.settings import Settings
from compute_service.domain.errors import Invalid, NotSupported
from compute_service.ports.clock import Clock
from compute_service.ports.images import Images
from compute_service.virt.config_drive import ConfigDriveWriter
from compute_service.virt.libvirt.carrier import RemoteShell
from compute_service.virt.libvirt.connection import LibvirtConnection
from compute_service.virt.libvirt.domains import Connection
from compute_service.virt.libvirt.driver import LibvirtDriver
from compute_service.virt.libvirt.hosts import Hosts
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.plugging import HostPlugger
from compute_service.virt.libvirt.storage.files import FileDisks
from compute_service.virt.libvirt.storage.image_cache import ImageCache
from compute_service.virt.libvirt.storage.lvm import LogicalVolumes
from compute_service.virt.libvirt.storage.rbd import RbdImages
from compute_service.virt.libvirt.storage.run import Commands, Runner
from compute_service.virt.libvirt.storage.store import DiskStore

URIS = {"kvm": "qemu:///system", "qemu": "qemu:///system", "lxc": "lxc:///system"}
"""libvirt's address for a type of guests."""


def libvirt_driver(settings: Settings, images: Images, clock: Clock) -> LibvirtDriver:
    """Return the driver. Raises Invalid, NotSupported (a library is missing, or an option asks for what this
    release lacks), HostRejected (Ceph does not answer)."""
    runner = Commands()
    disks = disk_store(settings, runner, clock)
    connection = LibvirtConnection(uri_of(settings))
    instances = Path(settings.default.instances_path)
    options = settings.image_cache
    return LibvirtDriver(
        Parts(
            host=settings.default.host,
            settings=settings,
            clock=clock,
            connection=connection,
            hosts=hosts_of(connection, settings, clock, disks),
            runner=runner,
            cache=ImageCache(
                instances / options.subdirectory_name,
                images,
                clock,
                runner,
                options.remove_unused_original_minimum_age_seconds,
            ),
            disks=disks,
            plugger=HostPlugger(runner, settings.os_vif_ovs),
            carrier=RemoteShell(runner, settings.libvirt.remote_filesystem_transport),
            config_drive=ConfigDriveWriter.of(settings),
        )
    )


def uri_of(settings: Settings) -> str:
    """Return where libvirt is. Raises Invalid for a type of guests that has no place of its own."""
    options = settings.libvirt
    uri = options.connection_uri or URIS.get(options.virt_type)
    if uri is None:
        raise Invalid(f"This driver does not run guests of virt_type={options.virt_type}.")
    return uri


def hosts_of(connection: Connection, settings: Settings, clock: Clock, disks: DiskStore) -> Hosts:
    """Return what the host can do for guests with such disks. Raises HostRejected (Ceph does not answer)."""
    return Hosts(connection, settings, clock, disks.cluster() if isinstance(disks, RbdImages) else None)


def disk_store(settings: Settings, runner: Runner, clock: Clock) -> DiskStore:
    """Return where disks are kept. Raises Invalid, NotSupported."""
    kind = settings.libvirt.images_type
    if kind == "default":
        kind = "qcow2" if settings.default.use_cow_images else "raw"
    instances = Path(settings.default.instances_path)
    full = settings.default.preallocate_images == "space"
    if kind == "qcow2":
        return FileDisks(instances, runner, "qcow2", full)
    if kind in {"raw", "flat"}:
        return FileDisks(instances, runner, "raw", full)
    if kind == "lvm":
        return LogicalVolumes(runner, settings.libvirt)
    if kind == "rbd":
        return RbdImages(instances, runner, settings.libvirt, clock)
    raise NotSupported(f"Disks of images_type={kind} are not in this release.")
