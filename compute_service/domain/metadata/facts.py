"""`ServerFacts`: all that the documents of one server are made of."""

from __future__ import annotations

from typing import Any

from compute_service.domain.instance import ServerKeypair
from compute_service.domain.record import Record
from compute_service.domain.vif import Vif


class VendorData(Record):
    """What the operator adds. `static` is None where the provider StaticJSON is off; `dynamic` is by the name
    of its source."""

    static: dict[str, Any] | None = {}
    dynamic: dict[str, Any] = {}


class TaggedDevice(Record):
    """A device with a tag, where the guest finds it. `mac` names an interface, the others a disk."""

    tags: tuple[str, ...]
    bus: str = "none"
    address: str = "none"
    mac: str | None = None
    serial: str | None = None
    path: str | None = None


class ServerFacts(Record):
    """A server as its guest may know it."""

    uuid: str
    number: int
    """Of its row: what EC2 identifiers are made of."""
    reservation_id: str
    project_id: str
    name: str
    hostname: str
    """With the domain, where one is configured."""
    short_hostname: str = ""
    """Without it."""
    instance_type: str
    """The flavor's name."""
    launch_index: int = 0
    availability_zone: str | None = None
    image_id: str = ""
    kernel_id: str = ""
    ramdisk_id: str = ""
    keypair: ServerKeypair | None = None
    metadata: dict[str, str] = {}
    user_data: str | None = None
    """Base64."""
    boot_roles: str = ""
    """Of who ordered the server, joined by commas: for vendor data."""
    security_groups: tuple[str, ...] = ()
    root_device_name: str | None = None
    block_devices: dict[str, str] = {}
    """Device names by EC2's names for what they are: `ephemeral0`, `swap`, `ebs0`, …"""
    vifs: tuple[Vif, ...] = ()
    disks: tuple[TaggedDevice, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    """Injected files: path, and contents as base64."""
    dedicated_cpus: tuple[int, ...] = ()
    admin_password: str | None = None
    """Told on config drives alone."""
    vendor: VendorData = VendorData()

    def address(self, version: int) -> str:
        """Return the first fixed address of an IP version, or nothing."""
        found = (ip.address for vif in self.vifs for ip in vif.fixed_ips if ip.version == version)
        return next(found, "")

    @property
    def floating_address(self) -> str:
        """The first floating address, or nothing."""
        return next((each for vif in self.vifs for ip in vif.fixed_ips for each in ip.floating), "")
