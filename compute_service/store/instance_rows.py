"""Between an `Instance` and its row. A document column is NULL when the field has its default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from compute_service.domain.block_device import BlockDevice
from compute_service.domain.errors import Invalid
from compute_service.domain.flavor import Flavor
from compute_service.domain.instance import Fault, Instance, ServerKeypair
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.domain.vif import RequestedNetworks, Vif
from compute_service.store.database import Values
from compute_service.store.sql import dump
from compute_service.store.tables.instances import instances

PLAIN: Final = (
    "uuid",
    "project_id",
    "user_id",
    "reservation_id",
    "created_at",
    "display_name",
    "hostname",
    "id",
    "generation",
    "updated_at",
    "launched_at",
    "terminated_at",
    "deleted_at",
    "display_description",
    "progress",
    "host",
    "node",
    "launch_index",
    "availability_zone",
    "pinned_availability_zone",
    "image_ref",
    "kernel_id",
    "ramdisk_id",
    "root_device_name",
    "key_name",
    "user_data",
    "config_drive",
    "auto_disk_config",
    "access_ip_v4",
    "access_ip_v6",
    "locked_by",
    "locked_reason",
    "group_uuid",
)
"""Fields that are columns as they are."""
CODED: Final = ("vm_state", "task_state", "power_state", "deleted")
"""Fields that are columns of another type."""
DOCUMENTS: Final[dict[str, Any]] = {
    "flavor": Flavor,
    "image_properties": dict[str, str],
    "metadata": dict[str, str],
    "security_groups": tuple[str, ...],
    "requested_networks": RequestedNetworks,
    "vifs": tuple[Vif, ...],
    "block_devices": tuple[BlockDevice, ...],
    "scheduler_hints": dict[str, Any],
    "trusted_certs": tuple[str, ...],
    "injected_files": tuple[tuple[str, str], ...],
    "keypair": ServerKeypair,
    "fault": Fault,
    "system_metadata": dict[str, str],
}
"""Fields that are JSON documents, and what they hold."""

COLUMNS: Final = tuple(instances.c[name] for name in (*PLAIN, *CODED, *DOCUMENTS))
"""What is selected to make an Instance, in the order of `instance_of`."""

_VM_STATES: Final = {state.value: state for state in VmState}
_TASK_STATES: Final[dict[str | None, TaskState | None]] = {state.value: state for state in TaskState} | {
    None: None
}
_POWER_STATES: Final = {state.value: state for state in PowerState}
_DECODE: Final = tuple((name, msgspec.json.Decoder(kind).decode) for name, kind in DOCUMENTS.items())
_DEFAULTS: Final[dict[str, Any]] = {
    "requested_networks": RequestedNetworks(),
    "image_properties": {},
    "metadata": {},
    "security_groups": (),
    "vifs": (),
    "block_devices": (),
    "scheduler_hints": {},
    "injected_files": (),
    "system_metadata": {},
    "trusted_certs": None,
    "keypair": None,
    "fault": None,
}
_CODED_AT: Final = len(PLAIN)
_DOCUMENTS_AT: Final = _CODED_AT + len(CODED)
_END: Final = _DOCUMENTS_AT + len(DOCUMENTS)


def instance_of(row: Values) -> Instance:
    """Make an Instance of a row of COLUMNS; a further column holds its tags, joined by commas."""
    values: dict[str, Any] = dict(zip(PLAIN, row, strict=False))
    vm_state, task_state, power_state, deleted = row[_CODED_AT:_DOCUMENTS_AT]
    for (name, decode), document in zip(_DECODE, row[_DOCUMENTS_AT:_END], strict=True):
        if document is not None:
            values[name] = decode(document)
    if len(row) > _END and row[_END]:
        values["tags"] = tuple(sorted(row[_END].split(",")))
    return Instance(
        vm_state=_VM_STATES[vm_state],
        task_state=_TASK_STATES[task_state],
        power_state=_POWER_STATES[power_state],
        deleted=bool(deleted),
        **values,
    )


def columns_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that hold some fields of an Instance; `tags` is not among them.

    Raises Invalid for what is no field.
    """
    values: dict[str, Any] = {}
    for name, value in fields.items():
        if name in DOCUMENTS:
            values[name] = None if name in _DEFAULTS and value == _DEFAULTS[name] else dump(value)
        elif name in PLAIN:
            values[name] = value
        elif name in ("vm_state", "task_state"):
            values[name] = None if value is None else str(value)
        elif name == "power_state":
            values[name] = int(value)
        elif name not in ("deleted", "tags"):
            raise Invalid(f"A server has no field {name}.")
    if "flavor" in fields:
        values["flavorid"] = fields["flavor"].flavorid
    if "locked_by" in fields:
        values["locked"] = fields["locked_by"] is not None
    if "vifs" in fields:
        values["addresses_v4"] = _addresses(fields["vifs"], 4)
        values["addresses_v6"] = _addresses(fields["vifs"], 6)
    return values


def _addresses(vifs: tuple[Vif, ...], version: int) -> str | None:
    """Return a server's addresses of one version, one a line, for the filters `ip` and `ip6`."""
    fixed = [ip for vif in vifs for ip in vif.fixed_ips if ip.version == version]
    return "\n".join(address for ip in fixed for address in (ip.address, *ip.floating)) or None


def row_of(instance: Instance) -> dict[str, Any]:
    """Return all columns of a new row, `id` apart."""
    fields = msgspec.structs.asdict(instance)
    del fields["id"]
    values = columns_of(fields)
    values["updated_at"] = instance.updated_at or instance.created_at
    values["deleted"] = 0
    return values
