"""The disks: on which bus, under which name, with which cache.

The format is always said: a hypervisor that guessed it from the data would believe what a guest wrote there.
"""

from __future__ import annotations

from collections import Counter
from string import ascii_lowercase

from compute_service.config.libvirt import Libvirt
from compute_service.domain.errors import BuildAborted, HostRejected, Invalid
from compute_service.virt.libvirt.assemble.machine import ARM, QEMU, X86, is_q35
from compute_service.virt.libvirt.assemble.place import DiskPlace, Host, Place
from compute_service.virt.libvirt.assemble.properties import Wishes
from compute_service.virt.libvirt.xml.storage import Disk, DiskAuth, Filesystem, IoTune, SourceHost

BUSES = {
    "kvm": frozenset({"virtio", "scsi", "ide", "sata", "usb", "fdc"}),
    "qemu": frozenset({"virtio", "scsi", "ide", "sata", "usb", "fdc"}),
    "xen": frozenset({"xen", "ide", "scsi"}),
}
"""The buses of a domain type."""
PREFIXES = {
    "virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd", "fdc": "fd", "xen": "xvd",
}  # fmt: skip
SLOTS = {"hd": 4, "fd": 2}
"""How many disks a bus takes, where that is few."""
CACHE_MODES = frozenset({"default", "none", "writethrough", "writeback", "directsync", "unsafe"})
LIMITS = tuple(
    f"{way}_{what}_sec{long}"
    for way in ("total", "read", "write")
    for what in ("bytes", "iops")
    for long in ("", "_max", "_max_length")
)


def assemble_disks(
    place: Place, wishes: Wishes, host: Host, options: Libvirt, machine: str | None
) -> tuple[Disk, ...]:
    """Return the disks in their order. Raises BuildAborted, HostRejected, Invalid (an option)."""
    if host.virt_type == "lxc":
        return ()
    taken: Counter[str] = Counter()
    iotune = _iotune(wishes)
    return tuple(
        _disk(disk, bus, _name(bus, taken, options), (host, options, iotune))
        for disk in place.disks
        for bus in (_bus(disk, wishes, host, machine),)
    )


def assemble_filesystems(place: Place, host: Host) -> tuple[Filesystem, ...]:
    """Return a container's root. Raises HostRejected when it is not mounted."""
    if host.virt_type != "lxc":
        return ()
    if place.rootfs is None:
        raise HostRejected("The container's root is not mounted on this host.")
    return (Filesystem(source=place.rootfs, target="/"),)


def _disk(disk: DiskPlace, bus: str, target: str, how: tuple[Host, Libvirt, IoTune | None]) -> Disk:
    host, options, iotune = how
    rbd = host.rbd if disk.kind == "rbd" else None
    if disk.kind == "rbd" and rbd is None:
        raise HostRejected("This host does not know the Ceph cluster of the guest's disks.")
    qemu = host.virt_type in QEMU
    cache = cache_mode(disk, host, options) if qemu else None
    return Disk(
        type="network" if disk.kind == "rbd" else disk.kind,
        device=disk.device,
        driver="qemu",
        format=disk.format,
        cache=cache,
        io="native" if disk.kind == "block" and cache in {"none", "directsync"} else None,
        discard=options.hw_disk_discard if qemu and disk.device == "disk" else None,
        file=disk.path if disk.kind == "file" else None,
        dev=disk.path if disk.kind == "block" else None,
        protocol="rbd" if rbd else None,
        name=disk.path if rbd else None,
        hosts=tuple(SourceHost(name=name, port=port) for name, port in rbd.monitors) if rbd else (),
        auth=DiskAuth(username=rbd.user, secret_type="ceph", secret_uuid=rbd.secret)  # noqa: S106 - a kind
        if rbd and rbd.user and rbd.secret
        else None,
        target=target,
        bus=bus,
        iotune=iotune if qemu and disk.device == "disk" else None,
        serial=disk.serial,
        boot_order=disk.boot_order,
        readonly=disk.device == "cdrom",
    )


def cache_mode(disk: DiskPlace, host: Host, options: Libvirt) -> str:
    """Return the cache mode: the option's for this kind of disk, else none where the files' system can."""
    chosen = dict(each.partition("=")[::2] for each in options.disk_cachemodes)
    kind = "network" if disk.kind == "rbd" else disk.kind
    mode = chosen.get(kind)
    if mode is not None and mode not in CACHE_MODES:
        raise Invalid(f"The option disk_cachemodes in [libvirt] has the unknown mode {mode!r}.")
    if mode is not None:
        return mode
    return "none" if host.direct_io or disk.kind != "file" else "writeback"


def _bus(disk: DiskPlace, wishes: Wishes, host: Host, machine: str | None) -> str:
    kinds = {"cdrom": "cdrom_bus", "disk": "disk_bus"}
    asked = disk.bus or (wishes.text(kinds[disk.device]) if disk.device in kinds else None)
    bus = asked or _default_bus(disk, host, machine)
    if bus not in BUSES.get(host.virt_type, ()):
        raise BuildAborted(f"Guests of type {host.virt_type} have no disk bus {bus}.")
    if not host.domains.offers("disk", "bus", bus):
        raise HostRejected(f"This host has no disk bus {bus} for machine type {machine}.")
    return bus


def _default_bus(disk: DiskPlace, host: Host, machine: str | None) -> str:
    if disk.device == "floppy":
        return "fdc"
    if host.virt_type == "xen":
        return "ide" if disk.device == "cdrom" else "xen"
    if disk.device == "disk":
        return "virtio"
    if host.domains.arch in X86:
        return "sata" if is_q35(machine) else "ide"
    return "scsi" if host.domains.arch in ARM or host.domains.arch.startswith(("ppc", "s390")) else "sata"


def _name(bus: str, taken: Counter[str], options: Libvirt) -> str:
    prefix = (options.disk_prefix if bus in {"virtio", "xen"} else None) or PREFIXES[bus]
    number = taken[prefix]
    taken[prefix] += 1
    if number >= SLOTS.get(prefix, 26 * 27):
        raise BuildAborted(f"The bus {bus} takes {SLOTS.get(prefix, 26 * 27)} disks and no more.")
    first, last = divmod(number, 26)
    return prefix + (ascii_lowercase[first - 1] if first else "") + ascii_lowercase[last]


def _iotune(wishes: Wishes) -> IoTune | None:
    limits = {name: wishes.number(f"quota_disk_{name}") for name in LIMITS}
    if not any(limits.values()):
        return None
    for what in ("bytes", "iops"):
        parts = limits[f"read_{what}_sec"] or limits[f"write_{what}_sec"]
        if limits[f"total_{what}_sec"] and parts:
            raise BuildAborted(f"quota:disk_total_{what}_sec excludes its read and write limits.")
    return IoTune(**limits)
