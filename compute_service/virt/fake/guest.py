"""What a fake guest consists of."""

from __future__ import annotations

import string
from datetime import datetime

from compute_service.domain.guest import Diagnostics, DiskCounters, GuestSpec, NicCounters
from compute_service.domain.metadata.facts import ServerFacts
from compute_service.domain.record import Record
from compute_service.domain.states import PowerState

CONSOLE_LINES = 1000


class Disk(Record):
    """A disk with as much of its data as is kept. An empty one has none."""

    name: str
    size_gb: int
    image_id: str | None = None
    disk_format: str = "raw"
    data: bytes = b""


class FakeGuest(Record):
    """A guest; one that is not `defined` is only disks left on the host."""

    uuid: str
    name: str
    defined: bool = False
    power: PowerState = PowerState.SHUTDOWN
    saved: bool = False
    """Its memory is on disk."""
    vcpus: int
    memory_mb: int
    macs: tuple[str, ...] = ()
    """Of its interfaces, in order."""
    config_drive: bool = False
    facts: ServerFacts | None = None
    """What its config drive was made of; None without one."""
    disks: tuple[Disk, ...] = ()
    console: tuple[str, ...] = ()
    started_at: datetime | None = None
    rescue_image_id: str | None = None
    """What it was booted from to be mended; None when it was booted from its own disk."""
    coming_from: str | None = None
    """The host that it is to come from while it runs; None once it has."""
    gone_to: str | None = None
    """The host that it went to while it ran, until what is left of it here goes too."""
    password: str | None = None
    """Of its administrator, once it was changed from outside."""

    @property
    def local_gb(self) -> int:
        """The size of all its disks."""
        return sum(disk.size_gb for disk in self.disks)

    def say(self, line: str) -> FakeGuest:
        """Return the guest with one more line on its console."""
        return self.replace(console=(*self.console, line)[-CONSOLE_LINES:])

    def sized(self, spec: GuestSpec) -> FakeGuest:
        """Return the guest with the CPUs, memory, interfaces and disk sizes of `spec`; disks never shrink."""
        wanted = {disk.name: disk.size_gb for disk in extra_disks(spec)} | {"root": spec.flavor.root_gb}
        disks = tuple(
            disk.replace(size_gb=max(disk.size_gb, wanted.get(disk.name, 0))) for disk in self.disks
        )
        return self.replace(
            vcpus=spec.flavor.vcpus,
            memory_mb=spec.flavor.memory_mb,
            macs=tuple(vif.mac for vif in spec.vifs),
            config_drive=spec.config_drive,
            disks=disks,
        )

    def diagnostics(self, now: datetime) -> Diagnostics:
        """Return its counters: a guest here is always half busy."""
        running = self.power is PowerState.RUNNING
        uptime = int((now - self.started_at).total_seconds()) if running and self.started_at else 0
        return Diagnostics(
            state=self.power.name.lower(),
            # The API knows a few drivers only; this one plays the first of them.
            driver="libvirt",
            hypervisor="kvm",
            hypervisor_os="linux",
            uptime=uptime,
            config_drive=self.config_drive,
            num_cpus=self.vcpus,
            num_nics=len(self.macs),
            num_disks=len(self.disks),
            memory_maximum=self.memory_mb,
            memory_used=self.memory_mb // 2 if running else 0,
            cpu_times_ns=(uptime * 500_000_000,) * self.vcpus,
            cpu_utilisation=(50 if running else 0,) * self.vcpus,
            disks=tuple(_disk_counters(number, uptime) for number in range(len(self.disks))),
            nics=tuple(_nic_counters(number, mac, uptime) for number, mac in enumerate(self.macs)),
        )


_REQUEST, _PACKET = 4096, 1000
"""Bytes of a request to a disk, and of a packet."""


def _disk_counters(number: int, uptime: int) -> DiskCounters:
    """Return the counters of a disk that is read from twice a second and written to once."""
    return DiskCounters(
        name=f"vd{string.ascii_lowercase[number]}",
        read_bytes=2 * uptime * _REQUEST,
        read_requests=2 * uptime,
        write_bytes=uptime * _REQUEST,
        write_requests=uptime,
        errors_count=0,
    )


def _nic_counters(number: int, mac: str, uptime: int) -> NicCounters:
    """Return the counters of an interface that receives a packet a second and sends as many."""
    return NicCounters(
        name=f"vnet{number}",
        mac_address=mac,
        rx_octets=uptime * _PACKET,
        rx_errors=0,
        rx_drop=0,
        rx_packets=uptime,
        rx_rate=_PACKET if uptime else 0,
        tx_octets=uptime * _PACKET,
        tx_errors=0,
        tx_drop=0,
        tx_packets=uptime,
        tx_rate=_PACKET if uptime else 0,
    )


def root_disk(spec: GuestSpec, data: bytes) -> Disk:
    """Return the root disk that `spec` asks for, with what the image left on it."""
    image = spec.image
    return Disk(
        name="root",
        size_gb=spec.flavor.root_gb,
        image_id=image.id if image else None,
        disk_format=image.disk_format if image else "raw",
        data=data,
    )


def extra_disks(spec: GuestSpec) -> tuple[Disk, ...]:
    """Return the ephemeral and swap disks that `spec` asks for, blank."""
    flavor = spec.flavor
    disks = [Disk(name="ephemeral", size_gb=flavor.ephemeral_gb)] if flavor.ephemeral_gb else []
    if flavor.swap_mb:
        disks.append(Disk(name="swap", size_gb=(flavor.swap_mb + 1023) // 1024))
    return tuple(disks)


def guest_of(spec: GuestSpec, disks: tuple[Disk, ...]) -> FakeGuest:
    """Return the guest of `spec` with these disks, not defined yet."""
    guest = FakeGuest(
        uuid=spec.uuid,
        name=spec.name,
        vcpus=spec.flavor.vcpus,
        memory_mb=spec.flavor.memory_mb,
        facts=spec.facts,
        disks=disks,
    )
    return guest.sized(spec)
