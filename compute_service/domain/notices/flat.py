"""Payloads without versions: one flat dictionary each, in the form that telemetry has read for a decade.

Times in it are texts; one that is not known is an empty text.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from compute_service.domain.aggregate import Aggregate
from compute_service.domain.flow import Failure
from compute_service.domain.group import ServerGroup
from compute_service.domain.instance import Instance

Payload = dict[str, Any]

MOST_TEXT = 255
"""Letters of a state's description or an error's words."""


def moment(when: datetime | None) -> str:
    """Return a time, such as 2026-10-29T13:42:11.000000."""
    return "" if when is None else when.strftime("%Y-%m-%dT%H:%M:%S.%f")


def server_payload(server: Instance, image_service: str) -> Payload:
    """Return a server. `image_service` is the address under which its image is found."""
    flavor = server.flavor
    return {
        "tenant_id": server.project_id,
        "user_id": server.user_id,
        "instance_id": server.uuid,
        "display_name": server.display_name,
        "reservation_id": server.reservation_id,
        "hostname": server.hostname,
        "instance_type": flavor.name,
        "instance_type_id": flavor.id,
        "instance_flavor_id": flavor.flavorid,
        "architecture": server.image_properties.get("hw_architecture"),
        "memory_mb": flavor.memory_mb,
        "disk_gb": flavor.root_gb + flavor.ephemeral_gb,
        "vcpus": flavor.vcpus,
        "root_gb": flavor.root_gb,
        "ephemeral_gb": flavor.ephemeral_gb,
        "host": server.host,
        "node": server.node,
        "availability_zone": server.availability_zone,
        "cell_name": "",
        "created_at": f"{server.created_at:%Y-%m-%d %H:%M:%S}+00:00",
        "terminated_at": moment(server.terminated_at),
        "deleted_at": moment(server.deleted_at),
        "launched_at": moment(server.launched_at),
        "image_ref_url": f"{image_service}/images/{server.image_ref}",
        "os_type": server.image_properties.get("os_type"),
        "kernel_id": server.kernel_id,
        "ramdisk_id": server.ramdisk_id,
        "state": server.vm_state.value,
        "state_description": server.task_state.value if server.task_state is not None else "",
        "progress": server.progress,
        "access_ip_v4": server.access_ip_v4,
        "access_ip_v6": server.access_ip_v6,
        "metadata": dict(server.metadata),
        "image_meta": {**server.image_properties, "base_image_ref": server.image_ref},
    }


def fixed_ips(server: Instance) -> list[Payload]:
    """Return a server's addresses."""
    return [
        {
            "address": ip.address,
            "type": "fixed",
            "version": ip.version,
            "meta": {},
            "floating_ips": list(ip.floating),
            "label": vif.network_label,
            "vif_mac": vif.mac,
        }
        for vif in server.vifs
        for ip in vif.fixed_ips
    ]


def failure_fields(failure: Failure) -> Payload:
    """Return what a payload has beside the server when an action failed."""
    return {"exception": failure.kind, "message": failure.message[:MOST_TEXT], "code": 500}


def aggregate_payload(aggregate: Aggregate, host: str | None = None) -> Payload:
    """Return an aggregate, and the host that it gets or loses."""
    found: Payload = {
        "aggregate_id": aggregate.id,
        "name": aggregate.name,
        "meta_data": dict(aggregate.metadata),
    }
    return found if host is None else {**found, "host_name": host}


def group_payload(group: ServerGroup) -> Payload:
    """Return a server group."""
    return {
        "server_group_id": group.uuid,
        "name": group.name,
        "user_id": group.user_id,
        "project_id": group.project_id,
        "policies": [group.policy],
        "policy": group.policy,
        "rules": {rule: str(value) for rule, value in group.rules.items()},
    }
