"""A server as the service keeps it: one row, read whole.

The domain says *instance* where the row is meant and *server* where a user is spoken to, as the field does.
`generation` rises with every write; a writer names the generation it saw, and loses if another came first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import structs

from compute_service.domain.block_device import BlockDevice
from compute_service.domain.flavor import Flavor
from compute_service.domain.record import Record
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.domain.vif import RequestedNetworks, Vif


class Fault(Record):
    """Why a server is in error. `details` is for admins."""

    code: int
    message: str
    created: datetime
    details: str = ""


class ServerKeypair(Record):
    """The key a server was built with; deleting the user's key pair does not touch it."""

    name: str
    public_key: str
    type: str = "ssh"


class Instance(Record):
    """One server. Fields without a default are set at creation and stay."""

    uuid: str
    project_id: str
    user_id: str
    reservation_id: str
    created_at: datetime
    display_name: str
    hostname: str
    flavor: Flavor
    """A snapshot: later changes of the flavor do not reach servers."""

    id: int = 0
    generation: int = 0
    updated_at: datetime | None = None
    launched_at: datetime | None = None
    terminated_at: datetime | None = None
    deleted_at: datetime | None = None
    deleted: bool = False
    display_description: str | None = None
    vm_state: VmState = VmState.BUILDING
    task_state: TaskState | None = None
    power_state: PowerState = PowerState.NOSTATE
    progress: int = 0
    host: str | None = None
    node: str | None = None
    launch_index: int = 0
    availability_zone: str | None = None
    """The zone of the host it is on, filled when a host is chosen."""
    pinned_availability_zone: str | None = None
    """The zone the user asked for: it holds for every later move."""
    image_ref: str = ""
    image_properties: dict[str, str] = {}
    kernel_id: str = ""
    ramdisk_id: str = ""
    root_device_name: str | None = None
    key_name: str | None = None
    keypair: ServerKeypair | None = None
    user_data: str | None = None
    config_drive: bool = False
    auto_disk_config: bool = False
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    locked_by: str | None = None
    """None, "owner" or "admin"."""
    locked_reason: str | None = None
    metadata: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    requested_networks: RequestedNetworks = RequestedNetworks()
    vifs: tuple[Vif, ...] = ()
    block_devices: tuple[BlockDevice, ...] = ()
    scheduler_hints: dict[str, Any] = {}
    trusted_certs: tuple[str, ...] | None = None
    injected_files: tuple[tuple[str, str], ...] = ()
    """(path, base64 contents); only below microversion 2.57."""
    group_uuid: str | None = None
    fault: Fault | None = None
    system_metadata: dict[str, str] = {}
    """The service's own notes: `old_vm_state`, `shelved_at`, the password posted by the guest, and so on."""

    @property
    def locked(self) -> bool:
        """Whether non-admins are kept from changing it."""
        return self.locked_by is not None


class HostedServer(Record):
    """What a list of hosts tells of a server on one of them."""

    uuid: str
    id: int
    host: str
    node: str | None
    display_name: str
    hostname: str
    project_id: str
    user_id: str
    reservation_id: str


def instance_name(instance: Instance | HostedServer, template: str = "instance-%08x") -> str:
    """Return the name of the guest on its host, as OS-EXT-SRV-ATTR:instance_name shows it.

    The template takes the server's number (`%08x`), or fields of its row by name (`%(uuid)s`); where it
    cannot be filled the name is the UUID.
    """
    if "%" not in template:
        return template
    try:
        return template % (structs.asdict(instance) if "%(" in template else instance.id)
    except (KeyError, TypeError, ValueError):
        return instance.uuid
