"""`GuestSpec`: everything a compute host needs to build, rebuild or move a guest, in one document.

A host asks nobody for more. What later releases add (volumes, NUMA, PCI, shares) gets a field here with a
default, so that an older agent ignores it and a newer one can do without it.
"""

from __future__ import annotations

from enum import StrEnum

from compute_service.domain.block_device import BlockDevice
from compute_service.domain.flavor import Flavor
from compute_service.domain.image import Image
from compute_service.domain.metadata.facts import ServerFacts
from compute_service.domain.record import Record
from compute_service.domain.states import PowerState
from compute_service.domain.vif import Vif


class GuestSpec(Record):
    """The wanted guest."""

    uuid: str
    name: str
    """The hypervisor's name for it, such as instance-0000002a."""
    display_name: str
    hostname: str
    project_id: str
    user_id: str
    flavor: Flavor
    image: Image | None = None
    vifs: tuple[Vif, ...] = ()
    block_devices: tuple[BlockDevice, ...] = ()
    config_drive: bool = False
    facts: ServerFacts | None = None
    """What a config drive tells the guest; None without one."""
    user_data: str | None = None
    metadata: dict[str, str] = {}
    keypair_name: str | None = None
    public_key: str | None = None
    admin_password: str | None = None
    injected_files: tuple[tuple[str, str], ...] = ()
    launch_index: int = 0
    availability_zone: str | None = None
    kernel_id: str = ""
    ramdisk_id: str = ""
    trusted_certs: tuple[str, ...] | None = None
    power: PowerState = PowerState.RUNNING
    """The power state to leave the guest in: RUNNING, or SHUTDOWN when it was stopped."""


class GuestBuilt(Record):
    """What a host answers when a guest stands."""

    power_state: PowerState
    root_device_name: str | None = None


class SnapshotRequest(Record):
    """Upload the guest's root disk into an image record that already exists."""

    uuid: str
    image_id: str
    disk_format: str | None = None


class DisksMoved(Record):
    """What a source host answers after it handed a guest's disks over: where the target finds them."""

    uuid: str
    location: str = ""
    details: dict[str, str] = {}


class LiveOffer(Record):
    """What a source host tells about a guest that is to move while it runs."""

    source: str
    """The source host."""
    block: bool | None = None
    """Whether the disks are copied too; None: they are when the hosts share none."""
    probe: str = ""
    """A file that the target sees where the hosts share the guest's disks; empty: nothing to look for."""
    cpu: str = ""
    """The guest's processor in the hypervisor's own terms; empty: any will do."""
    over_commit: bool = False
    """Whether the target may lack room for the full sizes of the disks. Set by whoever hands the offer on."""
    disks: dict[str, int] = {}
    """The disks that a target without them has to make, with their sizes in bytes."""
    details: dict[str, str] = {}


class LiveReady(Record):
    """What a target host answers when it is ready for a guest that runs."""

    host: str
    """The target host."""
    address: str = ""
    """Where the source's hypervisor reaches it."""
    shared: bool = False
    """Whether both hosts see the guest's disks, so that none is copied and none removed."""
    details: dict[str, str] = {}


class LiveStage(StrEnum):
    """Where a guest that comes while it runs is, as its target sees it."""

    ABSENT = "absent"
    ARRIVING = "arriving"
    ARRIVED = "arrived"


class DiskCounters(Record):
    """What went through a disk since its guest runs; None is not counted."""

    name: str
    read_bytes: int | None = None
    read_requests: int | None = None
    write_bytes: int | None = None
    write_requests: int | None = None
    errors_count: int | None = None


class NicCounters(Record):
    """What went through a network interface since its guest runs; None is not counted."""

    name: str
    mac_address: str
    rx_octets: int | None = None
    rx_errors: int | None = None
    rx_drop: int | None = None
    rx_packets: int | None = None
    rx_rate: int | None = None
    tx_octets: int | None = None
    tx_errors: int | None = None
    tx_drop: int | None = None
    tx_packets: int | None = None
    tx_rate: int | None = None


class Diagnostics(Record):
    """A guest's counters, in the standard form of microversion 2.48 (sizes in MB, times in seconds)."""

    state: str = "pending"
    driver: str = "fake"
    hypervisor: str | None = None
    hypervisor_os: str | None = None
    uptime: int | None = None
    config_drive: bool = False
    num_cpus: int = 0
    num_nics: int = 0
    num_disks: int = 0
    memory_maximum: int | None = None
    memory_used: int | None = None
    cpu_times_ns: tuple[int, ...] = ()
    cpu_utilisation: tuple[int, ...] = ()
    """Percent, processor by processor; empty where it is not measured."""
    disks: tuple[DiskCounters, ...] = ()
    nics: tuple[NicCounters, ...] = ()
