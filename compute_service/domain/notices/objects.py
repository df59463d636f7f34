"""Payloads with versions: nested objects, each with its name, namespace and version.

Source of names, versions and fields: Nova's notification samples of the release 2026.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from compute_service.domain.aggregate import Aggregate
from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import Failure
from compute_service.domain.group import ServerGroup
from compute_service.domain.host import Service
from compute_service.domain.instance import Instance
from compute_service.domain.keypair import Keypair
from compute_service.domain.request_id import Asker
from compute_service.domain.states import PowerState

Payload = dict[str, Any]

VERSIONS: dict[str, str] = {
    "AggregatePayload": "1.1",
    "AuditPeriodPayload": "1.0",
    "BlockDevicePayload": "1.0",
    "ComputeTaskPayload": "1.0",
    "ExceptionPayload": "1.1",
    "FlavorPayload": "1.4",
    "InstanceActionPayload": "1.9",
    "InstanceActionRebuildPayload": "1.10",
    "InstanceActionRescuePayload": "1.4",
    "InstanceActionResizePrepPayload": "1.4",
    "InstanceActionSnapshotPayload": "1.10",
    "InstanceCreatePayload": "1.13",
    "InstanceExistsPayload": "1.4",
    "InstanceStateUpdatePayload": "1.0",
    "InstanceUpdatePayload": "1.10",
    "IpPayload": "1.0",
    "KeypairPayload": "1.0",
    "ServerGroupPayload": "1.1",
    "ServiceStatusPayload": "1.1",
}
"""Name of an object → its version."""

_POWER = {
    PowerState.NOSTATE: "pending",
    PowerState.RUNNING: "running",
    PowerState.PAUSED: "paused",
    PowerState.SHUTDOWN: "shutdown",
    PowerState.CRASHED: "crashed",
    PowerState.SUSPENDED: "suspended",
}


def an_object(name: str, data: Payload) -> Payload:
    """Return fields in the envelope of a versioned object."""
    return {
        "nova_object.name": name,
        "nova_object.namespace": "nova",
        "nova_object.version": VERSIONS[name],
        "nova_object.data": data,
    }


def moment(when: datetime | None) -> str | None:
    """Return a time as payloads have it, such as 2026-10-29T13:42:11Z."""
    return None if when is None else when.strftime("%Y-%m-%dT%H:%M:%SZ")


def flavor_object(flavor: Flavor, projects: Sequence[str] | None = None) -> Payload:
    """Return a flavor; `projects` None where it is not known who may use it, as within a server."""
    data = {
        "flavorid": flavor.flavorid,
        "name": flavor.name,
        "root_gb": flavor.root_gb,
        "vcpus": flavor.vcpus,
        "ephemeral_gb": flavor.ephemeral_gb,
        "memory_mb": flavor.memory_mb,
        "disabled": flavor.disabled,
        "rxtx_factor": flavor.rxtx_factor,
        "extra_specs": dict(flavor.extra_specs),
        "projects": None if projects is None else list(projects),
        "swap": flavor.swap_mb,
        "is_public": flavor.is_public,
        "vcpu_weight": 0,
        "description": flavor.description,
    }
    return an_object("FlavorPayload", data)


def exception_object(failure: Failure, where: str) -> Payload:
    """Return why something failed; `where` names the kind of flow."""
    data = {
        "module_name": f"compute_service.flows.kinds.{where}",
        "function_name": where,
        "exception": failure.kind,
        "exception_message": failure.message,
        "traceback": failure.details or failure.message,
    }
    return an_object("ExceptionPayload", data)


def _addresses(server: Instance) -> list[Payload]:
    return [
        an_object(
            "IpPayload",
            {
                "label": vif.network_label,
                "mac": vif.mac,
                "meta": {},
                "port_uuid": vif.port_id,
                "version": ip.version,
                "address": ip.address,
                "device_name": f"tap{vif.port_id[:11]}",
            },
        )
        for vif in server.vifs
        for ip in vif.fixed_ips
    ]


def _volumes(server: Instance) -> list[Payload]:
    return [
        an_object(
            "BlockDevicePayload",
            {
                "device_name": disk.device_name,
                "boot_index": disk.boot_index,
                "delete_on_termination": disk.delete_on_termination,
                "volume_id": disk.volume_id,
                "tag": disk.tag,
            },
        )
        for disk in server.block_devices
        if disk.volume_id is not None
    ]


def server_data(server: Instance, asker: Asker, volumes: bool = False) -> Payload:
    """Return the fields that every payload of a server has."""
    return {
        "uuid": server.uuid,
        "user_id": server.user_id,
        "tenant_id": server.project_id,
        "reservation_id": server.reservation_id,
        "display_name": server.display_name,
        "display_description": server.display_description,
        "host_name": server.hostname,
        "host": server.host,
        "node": server.node,
        "os_type": server.image_properties.get("os_type"),
        "architecture": server.image_properties.get("hw_architecture"),
        "availability_zone": server.availability_zone,
        "flavor": flavor_object(server.flavor),
        "image_uuid": server.image_ref,
        "key_name": server.key_name,
        "kernel_id": server.kernel_id,
        "ramdisk_id": server.ramdisk_id,
        "created_at": moment(server.created_at),
        "launched_at": moment(server.launched_at),
        "terminated_at": moment(server.terminated_at),
        "deleted_at": moment(server.deleted_at),
        "updated_at": moment(server.updated_at),
        "state": server.vm_state.value,
        "power_state": _POWER[server.power_state],
        "task_state": None if server.task_state is None else server.task_state.value,
        "progress": server.progress,
        "ip_addresses": _addresses(server),
        "block_devices": _volumes(server) if volumes else None,
        "metadata": dict(server.metadata),
        "locked": server.locked,
        "locked_reason": server.locked_reason,
        "auto_disk_config": "AUTO" if server.auto_disk_config else "MANUAL",
        "request_id": asker.request_id,
        "action_initiator_user": asker.user_id,
        "action_initiator_project": asker.project_id,
        "shares": [],
    }


def keypair_object(keypair: Keypair) -> Payload:
    """Return a key pair; one that is not made yet has no key."""
    data = {
        "user_id": keypair.user_id,
        "name": keypair.name,
        "fingerprint": keypair.fingerprint or None,
        "public_key": keypair.public_key or None,
        "type": keypair.type,
    }
    return an_object("KeypairPayload", data)


def state_object(before: Instance | None, now: Instance) -> Payload:
    """Return what became of a server's states; `before` None when it is new."""
    data = {
        "old_state": None if before is None else before.vm_state.value,
        "state": now.vm_state.value,
        "old_task_state": None if before is None or before.task_state is None else before.task_state.value,
        "new_task_state": None if now.task_state is None else now.task_state.value,
    }
    return an_object("InstanceStateUpdatePayload", data)


def period_object(beginning: datetime, ending: datetime) -> Payload:
    """Return an audit period."""
    data = {"audit_period_beginning": moment(beginning), "audit_period_ending": moment(ending)}
    return an_object("AuditPeriodPayload", data)


def aggregate_object(aggregate: Aggregate) -> Payload:
    """Return an aggregate."""
    data = {
        "id": aggregate.id or None,
        "uuid": aggregate.uuid,
        "name": aggregate.name,
        "hosts": list(aggregate.hosts),
        "metadata": dict(aggregate.metadata),
    }
    return an_object("AggregatePayload", data)


def service_object(service: Service) -> Payload:
    """Return a daemon's service."""
    data = {
        "host": service.host,
        "binary": service.binary,
        "topic": service.topic,
        "report_count": service.report_count,
        "disabled": service.disabled,
        "disabled_reason": service.disabled_reason,
        "availability_zone": None,
        "last_seen_up": moment(service.last_seen_up),
        "forced_down": service.forced_down,
        "version": service.version,
        "uuid": service.uuid,
    }
    return an_object("ServiceStatusPayload", data)


def group_object(group: ServerGroup) -> Payload:
    """Return a server group. Its rules are text."""
    data = {
        "uuid": group.uuid,
        "name": group.name,
        "user_id": group.user_id,
        "project_id": group.project_id,
        "policies": [group.policy],
        "policy": group.policy,
        "rules": {rule: str(value) for rule, value in group.rules.items()},
        "members": list(group.members),
        "hosts": None,
    }
    return an_object("ServerGroupPayload", data)
