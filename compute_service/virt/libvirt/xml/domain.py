"""A whole guest. Source: libvirt documentation, "Domain XML format"."""

from __future__ import annotations

from compute_service.virt.libvirt.xml.devices import (
    Channel,
    Console,
    Controller,
    Graphics,
    Hostdev,
    Input,
    MemBalloon,
    Rng,
    Serial,
    Sound,
    Tpm,
    Video,
    Watchdog,
)
from compute_service.virt.libvirt.xml.element import Element, at, child, children
from compute_service.virt.libvirt.xml.interface import Interface
from compute_service.virt.libvirt.xml.machine import (
    Clock,
    Cpu,
    CpuTune,
    Features,
    IdMap,
    MemoryBacking,
    Os,
    Sysinfo,
)
from compute_service.virt.libvirt.xml.owner import Server
from compute_service.virt.libvirt.xml.storage import Disk, Filesystem


class Domain(Element, tag="domain"):
    """A guest; memory in KiB."""

    type: str = at("@type")
    name: str = at("name")
    uuid: str = at("uuid")
    server: Server | None = child("metadata", default=None)
    memory: int = at("memory")
    memory_backing: MemoryBacking | None = child(default=None)
    vcpus: int = at("vcpu")
    cputune: CpuTune | None = child(default=None)
    sysinfo: Sysinfo | None = child(default=None)
    os: Os = child()
    idmap: IdMap | None = child(default=None)
    features: Features | None = child(default=None)
    cpu: Cpu | None = child(default=None)
    clock: Clock | None = child(default=None)
    on_poweroff: str = at("on_poweroff", default="destroy")
    on_reboot: str = at("on_reboot", default="restart")
    on_crash: str = at("on_crash", default="destroy")
    disks: tuple[Disk, ...] = children("devices", default=())
    filesystems: tuple[Filesystem, ...] = children("devices", default=())
    controllers: tuple[Controller, ...] = children("devices", default=())
    interfaces: tuple[Interface, ...] = children("devices", default=())
    serials: tuple[Serial, ...] = children("devices", default=())
    consoles: tuple[Console, ...] = children("devices", default=())
    channels: tuple[Channel, ...] = children("devices", default=())
    inputs: tuple[Input, ...] = children("devices", default=())
    tpm: Tpm | None = child("devices", default=None)
    graphics: tuple[Graphics, ...] = children("devices", default=())
    sound: Sound | None = child("devices", default=None)
    video: Video | None = child("devices", default=None)
    hostdevs: tuple[Hostdev, ...] = children("devices", default=())
    watchdog: Watchdog | None = child("devices", default=None)
    memballoon: MemBalloon | None = child("devices", default=None)
    rng: Rng | None = child("devices", default=None)
