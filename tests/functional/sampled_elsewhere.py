"""Asking for, and sending, the published samples of what other services keep: images, networks, addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from compute_service.domain.image import Image
from tests.functional.caller import Reply
from tests.functional.sampled import Stage

Ask = Callable[[Stage], Reply]
Send = Callable[[Stage, Any], Reply]
KEPT = {
    "architecture": "x86_64",
    "auto_disk_config": "True",
    "kernel_id": "nokernel",
    "ramdisk_id": "nokernel",
}
GROUPS = "/os-security-groups"
RULE = {"ip_protocol": "tcp", "from_port": 22, "to_port": 22, "cidr": "10.0.0.0/24"}


def picture(stage: Stage) -> str:
    """Return the path of a new image."""
    made = str(uuid4())
    stage.cloud.add_image(Image(id=made, name="sampled", properties=KEPT), bytes(4096))
    return f"/images/{made}"


def taken(stage: Stage) -> str:
    """Return the identifier of a new floating address."""
    found: str = stage.post("/os-floating-ips", {"pool": "public"}).body["floating_ip"]["id"]
    return found


def released(stage: Stage, ask: Ask) -> Reply:
    """Ask while there is a floating address."""
    made = taken(stage)
    reply = ask(stage)
    assert stage.admin.delete(f"/os-floating-ips/{made}", stage.version).status == 202
    return reply


def new_address(stage: Stage, body: Any) -> Reply:
    """Take a floating address and give it back."""
    reply = stage.post("/os-floating-ips", body)
    assert (
        stage.admin.delete(f"/os-floating-ips/{reply.body['floating_ip']['id']}", stage.version).status == 202
    )
    return reply


def one_address(stage: Stage) -> Reply:
    """Show a floating address."""
    made = taken(stage)
    reply = stage.get(f"/os-floating-ips/{made}")
    stage.admin.delete(f"/os-floating-ips/{made}", stage.version)
    return reply


def addressed(stage: Stage, body: Any) -> Reply:
    """Lead a floating address to a new server, or away from one."""
    uuid, made = stage.server(), taken(stage)
    value = next(iter(body.values()))
    value["address"] = stage.get(f"/os-floating-ips/{made}").body["floating_ip"]["ip"]
    value.pop("fixed_address", None)
    path = f"/servers/{uuid}/action"
    if "removeFloatingIp" in body:
        assert stage.post(path, {"addFloatingIp": value}).status == 202
    reply = stage.post(path, body)
    stage.admin.delete(f"/os-floating-ips/{made}", stage.version)
    return reply


def group(stage: Stage) -> str:
    """Return the identifier of a new security group."""
    new = {"security_group": {"name": stage.unique("sampled"), "description": "d"}}
    found: str = stage.post(GROUPS, new).body["security_group"]["id"]
    return found


def grouped(stage: Stage, body: Any) -> Reply:
    """Put a new server into a group, or take it out of one."""
    uuid, made = stage.server(), group(stage)
    next(iter(body.values()))["name"] = made
    path = f"/servers/{uuid}/action"
    if "removeSecurityGroup" in body:
        assert stage.post(path, {"addSecurityGroup": {"name": made}}).status == 202
    return stage.post(path, body)


def new_rule(stage: Stage, body: Any) -> Reply:
    """Add a rule to a new group."""
    body["security_group_rule"]["parent_group_id"] = group(stage)
    return stage.post("/os-security-group-rules", body)


def on_picture(method: str, path: str) -> Send:
    """Return what sends a body to a part of a new image."""
    return lambda stage, body: getattr(stage, method)(f"{picture(stage)}{path}", body)


def item_of(stage: Stage, body: Any) -> Reply:
    """Set an item of a new image's metadata."""
    return stage.put(f"{picture(stage)}/metadata/{next(iter(body['meta']))}", body)


def network(stage: Stage) -> Reply:
    """Show the network that servers are on."""
    return stage.get(f"/os-networks/{stage.cloud.private_network}")


ELSEWHERE: dict[str, dict[str, Ask]] = {
    "images": {
        "image-get-resp": lambda s: s.get(picture(s)),
        "images-list-get-resp": lambda s: s.get("/images"),
        "images-details-get-resp": lambda s: s.get("/images/detail"),
        "image-metadata-get-resp": lambda s: s.get(f"{picture(s)}/metadata"),
        "image-metadata-post-resp": lambda s: s.post(
            f"{picture(s)}/metadata", {"metadata": {"kernel_id": "False", "Label": "UpdatedImage"}}
        ),
        "image-metadata-put-resp": lambda s: s.put(
            f"{picture(s)}/metadata", {"metadata": {"auto_disk_config": "True", "Label": "Changed"}}
        ),
        "image-meta-key-get": lambda s: s.get(f"{picture(s)}/metadata/kernel_id"),
        "image-meta-key-put-resp": lambda s: item_of(s, {"meta": {"auto_disk_config": "False"}}),
    },
    "os-floating-ip-pools": {"floatingippools-list-resp": lambda s: s.get("/os-floating-ip-pools")},
    "os-floating-ips": {
        "floating-ips-create-resp": lambda s: new_address(s, {"pool": "public"}),
        "floating-ips-get-resp": one_address,
        "floating-ips-list-empty-resp": lambda s: s.get("/os-floating-ips"),
        "floating-ips-list-resp": lambda s: released(s, lambda s: s.get("/os-floating-ips")),
    },
    "os-hosts": {
        "host-get-resp": lambda s: s.get(f"/os-hosts/{s.host}"),
        "hosts-list-resp": lambda s: s.get("/os-hosts"),
    },
    "os-instance-usage-audit-log": {
        "inst-usage-audit-log-index-get-resp": lambda s: s.get("/os-instance_usage_audit_log"),
        "inst-usage-audit-log-show-get-resp": lambda s: s.get(
            "/os-instance_usage_audit_log/2012-07-05%2010:00:00"
        ),
    },
    "os-networks": {
        "network-show-resp": network,
        "networks-list-resp": lambda s: s.get("/os-networks"),
    },
    "os-tenant-networks": {"networks-list-res": lambda s: s.get("/os-tenant-networks")},
    "os-security-groups": {
        "security-group-rules-post-resp": lambda s: new_rule(s, {"security_group_rule": dict(RULE)}),
        "security-groups-create-resp": lambda s: s.post(
            GROUPS, {"security_group": {"name": s.unique("sampled"), "description": "d"}}
        ),
        "security-groups-get-resp": lambda s: s.get(f"{GROUPS}/{group(s)}"),
        "security-groups-list-get-resp": lambda s: s.get(GROUPS),
        "server-security-groups-list-resp": lambda s: s.get(f"{s.url}/os-security-groups"),
    },
}
"""Resource → sample of an answer → how to get it."""

SENT_ELSEWHERE: dict[str, dict[str, Send]] = {
    "images": {
        "image-metadata-post-req": on_picture("post", "/metadata"),
        "image-metadata-put-req": on_picture("put", "/metadata"),
        "image-meta-key-put-req": item_of,
    },
    "os-floating-ips": {"floating-ips-create-req": new_address},
    "os-security-groups": {
        "security-group-add-post-req": grouped,
        "security-group-remove-post-req": grouped,
        "security-group-post-req": lambda s, body: s.post(GROUPS, body),
        "security-group-rules-post-req": new_rule,
    },
}
"""Resource → sample of a request → how to send it."""
