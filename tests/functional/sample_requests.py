"""Sending the published samples of requests: each as it stands, but for the names of another site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.functional.caller import Reply, wait_for
from tests.functional.sampled import PICTURE, PUBLIC_KEY, Stage
from tests.functional.sampled_elsewhere import SENT_ELSEWHERE, addressed

SPECS = "/flavors/sampled/os-extra_specs"
STATES: dict[str, tuple[tuple[str, Any, str], ...]] = {
    "confirmResize": (("resize", {"flavorRef": "test-bigger"}, "VERIFY_RESIZE"),),
    "revertResize": (("resize", {"flavorRef": "test-bigger"}, "VERIFY_RESIZE"),),
    "shelveOffload": (("shelve", None, "SHELVED_OFFLOADED"),),
    "unshelve": (("shelve", None, "SHELVED_OFFLOADED"),),
    "os-start": (("os-stop", None, "SHUTOFF"),),
    "unpause": (("pause", None, "PAUSED"),),
    "unrescue": (("rescue", None, "RESCUE"),),
    "resume": (("suspend", None, "SUSPENDED"),),
}
"""What is done to a server before an action, and the status that it then has."""
ACCEPTED_LATE = {"restore": 409, "shelveOffload": 409}
"""Actions of a state that servers have on other sites only."""


def acted(stage: Stage, body: Any) -> Reply:
    """Send an action to a new server that is in the state for it."""
    name, uuid = next(iter(body)), stage.server()
    here = stage.cloud.host_of(stage.admin, uuid)
    for action, value, status in STATES.get(name, ()):
        assert stage.admin.act(uuid, action, value).status < 300
        stage.admin.settled(uuid, status)
    if name == "evacuate":
        return evacuated(stage, uuid, body)
    if name in ("migrate", "unshelve", "os-migrateLive") and (body[name] or {}).get("host"):
        body = {name: body[name] | {"host": stage.cloud.others(here)[0]}}
    return stage.post(f"/servers/{uuid}/action", body)


def forced(stage: Stage, body: Any) -> Reply:
    """Send a word to a live migration that is slow."""
    uuid = stage.server()
    with stage.cloud.slow("live_migrate", 60.0):
        anywhere = {"host": None, "block_migration": "auto"}
        assert stage.admin.act(uuid, "os-migrateLive", anywhere).status == 202
        path = f"/servers/{uuid}/migrations"
        wait_for(lambda: [m["status"] for m in stage.admin.get(path).body["migrations"]] == ["running"], 60)
        number = stage.admin.get(path).body["migrations"][0]["id"]
        reply = stage.post(f"/servers/{uuid}/migrations/{number}/action", body)
        stage.admin.settled(uuid, "ACTIVE", 60)
        return reply


def evacuated(stage: Stage, uuid: str, body: Any) -> Reply:
    """Evacuate a server from a host that is down, and wait for it."""
    here = stage.cloud.host_of(stage.admin, uuid)
    if "host" in body["evacuate"]:
        body["evacuate"]["host"] = stage.cloud.others(here)[0]
    with stage.cloud.down(stage.admin, here):
        reply = stage.post(f"/servers/{uuid}/action", body)
        stage.admin.idle(uuid)
    return reply


def on_aggregate(stage: Stage, body: Any) -> Reply:
    name = next(iter(body))
    path = stage.aggregate(host=name == "remove_host")
    reply = stage.post(f"{path}/action", body)
    stage.admin.post(f"{path}/action", {"remove_host": {"host": stage.host}})
    return reply


def on_service(stage: Stage, way: str, body: Any) -> Reply:
    uuid = stage.service()
    reply = stage.put(f"/os-services/{uuid if stage.at_least(53) else way}", body)
    assert stage.admin.put(f"/os-services/{uuid}", {"status": "enabled", "forced_down": False}).status == 200
    return reply


def with_extended_event(stage: Stage, body: Any) -> Reply:
    body["events"][0]["name"] = "network-changed"
    return stage.post("/os-server-external-events", body)


def ready_access(stage: Stage, body: Any) -> Reply:
    path, named = "/flavors/sampled-private/action", {"tenant": stage.project}
    stage.admin.post(path, {"removeTenantAccess": named})
    if "removeTenantAccess" in body:
        stage.admin.post(path, {"addTenantAccess": named})
    return stage.post(path, body)


def new_group(stage: Stage, body: Any) -> Reply:
    """Create a server group, and leave room for others."""
    reply = stage.post("/os-server-groups", body)
    stage.admin.delete(f"/os-server-groups/{reply.body['server_group']['id']}")
    return reply


def whole_metadata(stage: Stage, body: Any) -> Reply:
    path = f"/servers/{stage.server()}/metadata"
    assert stage.post(path, body).body == body | {"metadata": {"foo": "bar"} | body["metadata"]}
    return stage.put(path, body)


def attached(stage: Stage, body: Any) -> Reply:
    """Give a new server an interface, on a port of its project or on our network with a free address."""
    wanted, network = body["interfaceAttachment"], stage.cloud.private_network
    if "port_id" in wanted:
        wanted["port_id"] = stage.cloud.network.add_port(network, stage.project)
    else:
        taken = stage.cloud.network.plane.take_address(network)
        stage.cloud.network.plane.give_back(taken)
        wanted |= {"net_id": network, "fixed_ips": [{"ip_address": taken.ip_address}]}
    return stage.post(f"/servers/{stage.server()}/os-interface", body)


Send = Callable[[Stage, Any], Reply]
CREATE: Send = lambda s, body: s.post("/servers", body)  # noqa: E731
UPDATE: Send = lambda s, body: s.put(f"/servers/{s.server()}", body)  # noqa: E731
QUOTAS: Send = lambda s, body: s.put(f"/os-quota-sets/{s.spare_project()}", body)  # noqa: E731
USERS: Send = lambda s, body: s.put(f"/os-quota-sets/{s.spare_project()}?user_id=1", body)  # noqa: E731
FLAVOR: Send = lambda s, body: s.post("/flavors", body)  # noqa: E731
KEYPAIR: Send = lambda s, body: s.post("/os-keypairs", body)  # noqa: E731
CONSOLE: Send = lambda s, body: s.post(f"/servers/{s.server()}/remote-consoles", body)  # noqa: E731
SENT: dict[str, dict[str, Send]] = {
    "servers": {
        "server-create-req": CREATE, "server-create-req-v237": CREATE, "server-create-req-v257": CREATE,
        "server-create-req-with-host-and-node": CREATE, "server-create-req-with-only-host": CREATE,
        "server-create-req-with-only-node": CREATE, "server-put-req": UPDATE, "server-update-req": UPDATE,
        "server-groups-post-req": new_group, "lock-server-with-reason": acted,
        "server-action-confirm-resize": acted,
        "server-action-create-image": acted, "server-action-reboot": acted, "server-action-rebuild": acted,
        "server-action-resize": acted, "server-action-revert-resize": acted, "server-action-start": acted,
        "server-action-stop": acted, "server-action-trigger-crash-dump": acted,
    },
    "os-multiple-create": {"multiple-create-no-resv-post-req": CREATE, "multiple-create-post-req": CREATE},
    "os-preserve-ephemeral-rebuild": {"server-action-rebuild-preserve-ephemeral": acted},
    "os-admin-actions": {
        "admin-actions-reset-server-state": acted,
        "admin-actions-inject-network-info": acted,
    },
    "os-console-output": {"console-output-post-req": acted},
    "os-remote-consoles": {
        "get-serial-console-post-req": acted, "get-spice-console-post-req": acted,
        "get-vnc-console-post-req": acted, "create-vnc-console-req": CONSOLE,
        "create-spice-direct-console-req": CONSOLE,
    },
    "os-console-auth-tokens": {
        "create-serial-console-req": CONSOLE, "create-spice-direct-console-req": CONSOLE,
    },
    "os-deferred-delete": {"force-delete-post-req": acted, "restore-post-req": acted},
    "os-lock-server": {"lock-server": acted, "lock-server-with-reason": acted, "unlock-server": acted},
    "os-migrate-server": {
        "migrate-server": acted, "migrate-server-null": acted, "live-migrate-server": acted,
    },
    "os-create-backup": {"create-backup-req": acted},
    "os-shelve": {
        "os-shelve": acted, "os-shelve-offload": acted, "os-unshelve": acted, "os-unshelve-az": acted,
        "os-unshelve-host": acted, "os-unshelve-az-host": acted, "os-unshelve-unpin-az": acted,
        "os-unshelve-host-and-unpin-az": acted,
    },
    "server-migrations": {"live-migrate-server": acted, "force_complete": forced},
    "os-evacuate": {"server-evacuate-req": acted, "server-evacuate-find-host-req": acted},
    "os-admin-password": {"admin-password-change-password": acted},
    "os-rescue": {
        "server-rescue-req": acted, "server-rescue-req-with-image-ref": acted, "server-unrescue-req": acted,
    },
    "os-pause-server": {"pause-server": acted, "unpause-server": acted},
    "os-suspend-server": {"server-suspend": acted, "server-resume": acted},
    "os-attach-interfaces": {
        "attach-interfaces-create-req": attached, "attach-interfaces-create-net_id-req": attached,
    },
    "os-server-tags": {"server-tags-put-all-req": lambda s, body: s.put(f"{s.url}/tags", body)},
    "server-metadata": {
        "server-metadata-all-req": whole_metadata,
        "server-metadata-req": lambda s, body: s.put(f"/servers/{s.server()}/metadata/foo", body),
    },
    "flavor-manage": {
        "flavor-create-post-req": FLAVOR,
        "flavor-update-req": lambda s, body: s.put("/flavors/sampled", body),
    },
    "flavor-access": {
        "flavor-create-req": FLAVOR, "flavor-access-add-tenant-req": ready_access,
        "flavor-access-remove-tenant-req": ready_access,
    },
    "flavor-extra-specs": {
        "flavor-extra-specs-create-req": lambda s, body: s.post(SPECS, body),
        "flavor-extra-specs-update-req": lambda s, body: s.put(f"{SPECS}/hw:numa_nodes", body),
    },
    "os-keypairs": {"keypairs-post-req": KEYPAIR, "keypairs-import-post-req": KEYPAIR},
    "os-server-groups": {"server-groups-post-req": new_group},
    "os-quota-class-sets": {
        "quota-classes-update-post-req": lambda s, body: s.put("/os-quota-class-sets/sampled", body),
    },
    "os-quota-sets": {
        "quotas-update-post-req": QUOTAS, "quotas-update-force-post-req": QUOTAS,
        "user-quotas-update-post-req": USERS,
    },
    "os-server-external-events": {"event-create-req": with_extended_event},
    "os-aggregates": {
        "aggregate-post-req": lambda s, body: s.post("/os-aggregates", body),
        "aggregate-update-post-req": lambda s, body: s.put(s.aggregate(), body),
        "aggregate-images-post-req": lambda s, body: s.post(f"{s.aggregate()}/images", body),
        "aggregate-add-host-post-req": on_aggregate, "aggregate-remove-host-post-req": on_aggregate,
        "aggregate-metadata-post-req": on_aggregate,
    },
    "os-services": {
        "service-enable-put-req": lambda s, body: on_service(s, "enable", body),
        "service-disable-put-req": lambda s, body: on_service(s, "disable", body),
        "service-disable-log-put-req": lambda s, body: on_service(s, "disable-log-reason", body),
        "service-force-down-put-req": lambda s, body: on_service(s, "force-down", body),
    },
}  # fmt: skip
SENT |= SENT_ELSEWHERE
SENT["servers"] |= {
    "server-action-addfloatingip-req": addressed, "server-action-removefloatingip-req": addressed,
}  # fmt: skip
SENT["os-quota-sets-noop"] = SENT["os-quota-sets"]


def ours(stage: Stage, value: Any, under: str = "") -> Any:
    """Return a sample's body with our names in the place of those of the sample's site."""
    names = {
        "imageRef": PICTURE, "rescue_image_ref": PICTURE, "flavorRef": stage.cloud.small_flavor,
        "availability_zone": "nova",
        "host": stage.host, "hypervisor_hostname": stage.host, "tenant": stage.project,
        "user_id": stage.cloud.user_id("sampler"), "server_uuid": stage.server_id,
        "same_host": stage.server_id, "key_name": "sampled", "public_key": PUBLIC_KEY,
    }  # fmt: skip
    if isinstance(value, list):
        return [ours(stage, item, under) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: ours(stage, inner, key) for key, inner in value.items()}
    if "group" in made:
        made["group"] = stage.group()
    made |= {key: names[key] for key in made.keys() & names.keys() if made[key] is not None}
    if under in ("keypair", "flavor", "aggregate") and "name" in made:
        made["name"] = stage.unique("sent")
    if under == "flavor" and "id" in made:
        made["id"] = made["name"]
    if under == "networks" and "uuid" in made:
        made["uuid"] = stage.cloud.private_network
    return made | ({"id": PICTURE} if under == "cache" else {})
