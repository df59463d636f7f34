"""What each microversion changes of the served routes: the version before it, and it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.functional.caller import Caller, Reply
from tests.functional.sampled import PICTURE, PUBLIC_KEY, Stage

PAST = "2001-01-01T00:00:00Z"
UNKNOWN = "8c19174f-4220-44f0-824a-cd1eeef10287"
ATTRIBUTE = "OS-EXT-SRV-ATTR:"
Probe = Callable[[Stage], Any]


class Change(NamedTuple):
    """What a probe finds one version before `minor`, and at it."""

    minor: int
    about: str
    probe: Probe
    before: Any
    after: Any


def walk(body: Any, where: str) -> Any:
    """Return what is found on the way through a JSON value; of lists the first item. None: nothing there."""
    for key in where.split("/"):
        body = body[0] if isinstance(body, list) and body else body
        if not isinstance(body, dict) or key not in body:
            return None
        body = body[key]
    return body


def answer(path: str, member: bool = False) -> Callable[[Stage], Reply]:
    """Return a probe's request: GET, with the stage's things in the path."""

    def ask(stage: Stage) -> Reply:
        caller = stage.member if member else stage.admin
        return caller.get(path.format(s=stage), stage.version)

    return ask


def shows(path: str, where: str, member: bool = False) -> Probe:
    """Return a probe that tells whether a field is there, null or not."""
    way, _, key = where.rpartition("/")

    def probe(stage: Stage) -> bool:
        reply = answer(path, member)(stage)
        assert reply.status == 200, reply
        inside = walk(reply.body, way) if way else reply.body
        inside = inside[0] if isinstance(inside, list) and inside else inside
        assert isinstance(inside, dict), reply.body
        return key in inside

    return probe


def kind(path: str, where: str) -> Probe:
    """Return a probe that tells a field's type."""
    return lambda stage: type(walk(answer(path)(stage).body, where)).__name__


def status(method: str, path: str, body: Any = None, member: bool = False) -> Probe:
    """Return a probe that tells the status of a call; `body` may be made of the stage."""

    def probe(stage: Stage) -> int:
        caller = stage.member if member else stage.admin
        sent = body(stage) if callable(body) else body
        reply = caller.call(method, path.format(s=stage), sent, stage.version)
        if method == "POST" and path == "/servers" and reply.status == 202:
            stage.made.append(reply.body["server"]["id"])
        return reply.status

    return probe


def gets(path: str) -> Probe:
    """Return a probe that tells the status of a GET."""
    return status("GET", path)


def console(protocol: str, kind: str) -> Probe:
    """Return a probe that tells the status of opening a console."""
    wanted = {"remote_console": {"protocol": protocol, "type": kind}}
    return lambda stage: stage.post(f"/servers/{stage.server()}/remote-consoles", wanted).status


def old_console(stage: Stage) -> int:
    """Open a console by an action, and tell the status."""
    body = {"os-getVNCConsole": {"type": "novnc"}}
    return stage.post(f"/servers/{stage.server()}/action", body).status


def creates(server: Any = None, **more: Any) -> Probe:
    """Return a probe that tells the status of creating a server."""

    def body(stage: Stage) -> dict[str, Any]:
        networks: Any = [{"uuid": stage.cloud.private_network}]
        new = {"name": "n", "imageRef": PICTURE, "flavorRef": "sampled", "networks": networks, **more}
        new |= server(stage) if server is not None else {}
        return {"server": {key: value for key, value in new.items() if value is not ...}}

    return status("POST", "/servers", body)


def acts(name: str, value: Any) -> Probe:
    """Return a probe that tells the status of an action of a new server."""
    return lambda stage: stage.post(f"/servers/{stage.server()}/action", {name: value}).status


def rebuilt(where: str) -> Probe:
    """Return a probe that tells whether a rebuild answers with a field."""
    return lambda stage: where in stage.act("rebuild", {"imageRef": PICTURE}).body["server"]


def updated(where: str) -> Probe:
    """Return a probe that tells whether an update answers with a field."""

    def probe(stage: Stage) -> bool:
        reply = stage.put(f"/servers/{stage.server_id}", {"server": {"name": "sampled"}})
        return where in reply.body["server"]

    return probe


def found(query: str, member: bool = True) -> Probe:
    """Return a probe that tells whether a query finds the standing server."""

    def probe(stage: Stage) -> bool:
        reply = answer(f"/servers?{query}", member)(stage)
        assert reply.status == 200, reply
        return stage.server_id in [one["id"] for one in reply.body["servers"]]

    return probe


def new_key(stage: Stage, name: str = "k", **more: Any) -> Reply:
    return stage.post("/os-keypairs", {"keypair": {"name": stage.unique(name), **more}})


def dropped_key(stage: Stage) -> int:
    stage.key(name := stage.unique("k"))
    return stage.admin.delete(f"/os-keypairs/{name}", stage.version).status


def key_owner(stage: Stage) -> bool:
    """Tell whether a query for another's key pair finds the own one."""
    stranger = stage.cloud.user_id("sampler-member")
    return stage.get(f"/os-keypairs/sampled?user_id={stranger}").status == 200


def public_access(stage: Stage) -> int:
    add = {"addTenantAccess": {"tenant": stage.project}}
    return stage.post("/flavors/sampled/action", add).status


def flavor(**more: Any) -> Probe:
    def probe(stage: Stage) -> int:
        new = {"name": stage.unique("f"), "ram": 1, "vcpus": 1, "disk": 1, **more}
        return stage.post("/flavors", {"flavor": new}).status

    return probe


def group(**wanted: Any) -> Probe:
    def probe(stage: Stage) -> int:
        reply = stage.post("/os-server-groups", {"server_group": {"name": "g", **wanted}})
        if reply.status == 200:
            stage.admin.delete(f"/os-server-groups/{reply.body['server_group']['id']}")
        return reply.status

    return probe


def forced_down(stage: Stage) -> int:
    body = {"host": stage.host, "binary": "nova-compute", "forced_down": False}
    return stage.put("/os-services/force-down", body).status


def enabled_by_uuid(stage: Stage) -> int:
    return stage.put(f"/os-services/{stage.service()}", {"status": "enabled"}).status


def named_update(stage: Stage) -> int:
    return stage.put("/os-services/enable", {"host": stage.host, "binary": "nova-compute"}).status


def deleted_log(stage: Stage) -> int:
    uuid = stage.server()
    stage.admin.delete(f"/servers/{uuid}")
    stage.admin.gone(uuid)
    return stage.get(f"/servers/{uuid}/os-instance-actions").status


def image_answer(stage: Stage) -> tuple[bool, bool]:
    """Tell whether creating an image answers with a location, and with a body."""
    reply = stage.act("createImage", {"name": "i"})
    return "Location" in reply.headers, reply.body is not None


def evacuated(**body: Any) -> Probe:
    """Return a probe that tells whether an evacuation is understood, of a server that need not go."""

    def probe(stage: Stage) -> bool:
        reply = stage.act("evacuate", body)
        assert reply.status == 400, reply
        return "still in use" in reply.message

    return probe


def fled(where: str) -> Probe:
    """Return a probe that tells a field of a server after it was evacuated, or of the answer before that."""

    def probe(stage: Stage) -> Any:
        uuid = stage.server()
        with stage.cloud.down(stage.admin, stage.cloud.host_of(stage.admin, uuid)):
            more = {} if stage.at_least(14) else {"onSharedStorage": False}
            reply = stage.post(f"/servers/{uuid}/action", {"evacuate": {"adminPass": "p", **more}})
            assert reply.status == 200, reply
            seen = stage.admin.idle(uuid)
        return seen["status"] if where == "status" else (reply.body or {}).get(where)

    return probe


def unshelved(**body: Any) -> Probe:
    """Return a probe that tells the status of unshelving a server that is on no host."""

    def probe(stage: Stage) -> int:
        uuid = stage.server()
        stage.admin.act(uuid, "shelve")
        stage.admin.settled(uuid, "SHELVED_OFFLOADED")
        reply = stage.post(f"/servers/{uuid}/action", {"unshelve": body})
        stage.admin.idle(uuid)
        return reply.status

    return probe


def event(name: str, tag: str = "POWER_ON") -> Probe:
    one = {"name": name, "server_uuid": UNKNOWN, "tag": tag}
    return status("POST", "/os-server-external-events", {"events": [one]})


def cached(stage: Stage) -> int:
    return stage.post(f"{stage.aggregate()}/images", {"cache": [{"id": PICTURE}]}).status


def of_migration(key: str) -> Probe:
    return shows("/os-migrations?instance_uuid={s.server_id}", f"migrations/{key}")


def of_server(key: str, member: bool = False) -> Probe:
    return shows("{s.url}", f"server/{key}", member)


def of_event(key: str, member: bool = False) -> Probe:
    def probe(stage: Stage) -> bool:
        request = stage.request_id("stop")
        path = f"{stage.url}/os-instance-actions/{request}"
        return shows(path, f"instanceAction/events/{key}", member)(stage)

    return probe


def events_shown(stage: Stage) -> bool:
    path = f"{stage.url}/os-instance-actions/{stage.request_id('create')}"
    return shows(path, "instanceAction/events", member=True)(stage)


def spec(stage: Stage) -> int:
    return stage.post("/flavors/sampled/os-extra_specs", {"extra_specs": {"hw:nonsense": "1"}}).status


def boot_device(**more: Any) -> Probe:
    disk = {"boot_index": 0, "uuid": PICTURE, "source_type": "image", "destination_type": "local", **more}
    return creates(block_device_mapping_v2=[disk], imageRef=PICTURE)


def lock_reason(stage: Stage) -> Any:
    uuid = stage.server()
    assert stage.post(f"/servers/{uuid}/action", {"lock": {"locked_reason": "why"}}).status == 202
    return stage.admin.server(uuid)["locked_reason"]


def volume_type(stage: Stage) -> bool:
    """Tell whether a volume's type is refused as an unknown key."""
    disk = {"boot_index": 0, "uuid": PICTURE, "source_type": "image", "destination_type": "volume",
            "volume_size": 1, "volume_type": "fast"}  # fmt: skip
    server = {"name": "n", "flavorRef": "sampled", "networks": "none", "block_device_mapping_v2": [disk]}
    reply = stage.post("/servers", {"server": server})
    assert reply.status == 400, reply
    return "volume_type" in reply.message


def plain(stage: Stage) -> dict[str, Any]:
    return {"personality": [{"path": "/a", "contents": "YQ=="}]}


def tagged(stage: Stage) -> dict[str, Any]:
    return {"networks": [{"uuid": stage.cloud.private_network, "tag": "nic"}]}


def placed(stage: Stage) -> dict[str, Any]:
    return {"host": stage.host}


STRICT = (
    "/servers", "/servers/detail", "/flavors", "/flavors/detail", "/os-keypairs", "/os-keypairs/sampled",
    "/limits", "/os-quota-sets/{s.project}", "/os-services", "/os-server-groups", "/os-simple-tenant-usage",
    "/os-simple-tenant-usage/{s.project}", "/os-quota-sets/{s.project}/detail",
)  # fmt: skip
STRICT_LAST = (
    "{s.url}", "{s.url}/metadata", "{s.url}/metadata/foo", "{s.url}/ips", "{s.url}/ips/private",
    "{s.url}/migrations", "{s.url}/diagnostics", "/flavors/sampled", "/flavors/sampled/os-extra_specs",
    "/flavors/sampled/os-extra_specs/hw:numa_nodes", "/flavors/sampled-private/os-flavor-access",
    "/os-quota-class-sets/x", "/os-aggregates", "/os-availability-zone", "/os-availability-zone/detail",
    "/extensions", "/extensions/os-agents", "/os-server-groups/{s.a_group}",
)  # fmt: skip
QUOTA_SET = "/os-quota-sets/{s.project}"
SPARE = "/os-quota-sets/{s.spare}"
CLASS = "/os-quota-class-sets/sampled"
LOG = "{s.url}/os-instance-actions"
CHANGES = (
    Change(77, "the zone of what is unshelved", unshelved(availability_zone="nowhere"), 202, 400),
    Change(91, "what is unshelved loses its zone", unshelved(availability_zone=None), 400, 202),
    Change(14, "shared storage need not be told of", evacuated(onSharedStorage=False), True, False),
    Change(14, "shared storage is found out", evacuated(), False, True),
    Change(14, "the password is not answered", fled("adminPass"), "p", None),
    Change(29, "a target may be forced", evacuated(force=True, host="h"), False, True),
    Change(68, "a target may not be forced", evacuated(force=True, host="h"), True, False),
    Change(95, "evacuated servers end stopped", fled("status"), "ACTIVE", "SHUTOFF"),
    Change(2, "a key pair is created", lambda s: new_key(s).status, 200, 201),
    Change(2, "a key pair is deleted", dropped_key, 202, 204),
    Change(2, "a key pair's type", shows("/os-keypairs/sampled", "keypair/type"), False, True),
    Change(2, "a type is asked for", lambda s: new_key(s, type="ssh").status, 400, 201),
    Change(3, "more of a server for admins", of_server(f"{ATTRIBUTE}hostname"), False, True),
    Change(3, "user data", of_server(f"{ATTRIBUTE}user_data"), False, True),
    Change(5, "ip6 filters for all", found("ip6=^none$"), True, False),
    Change(6, "a console action", old_console, 200, 404),
    Change(6, "a remote console", console("vnc", "novnc"), 404, 200),
    Change(7, "access to a public flavor", public_access, 200, 409),
    Change(8, "an mks console", console("mks", "webmks"), 400, 501),
    Change(9, "locked", of_server("locked"), False, True),
    Change(10, "a key pair for another", lambda s: new_key(s, user_id="x").status, 400, 201),
    Change(10, "another's key pairs", key_owner, True, False),
    Change(11, "forced_down", shows("/os-services", "services/forced_down"), False, True),
    Change(11, "forcing down", forced_down, 400, 200),
    Change(13, "a group's project", shows("/os-server-groups/{s.a_group}", "server_group/project_id"),
           False, True),
    Change(15, "soft policies", group(policies=["soft-affinity"]), 400, 200),
    Change(16, "a host's status", of_server("host_status"), False, True),
    Change(19, "a description", of_server("description"), False, True),
    Change(19, "a description is set", status("PUT", "{s.url}", {"server": {"description": "d"}}), 400, 200),
    Change(21, "the log of what is deleted", deleted_log, 404, 200),
    Change(23, "a server's migrations", gets("{s.url}/migrations"), 404, 200),
    Change(23, "a migration's type", of_migration("migration_type"), False, True),
    Change(23, "a running migration's links", of_migration("links"), False, True),
    Change(26, "tags", gets("{s.url}/tags"), 404, 200),
    Change(26, "tags in a server", of_server("tags"), False, True),
    Change(26, "a filter by tags", found("tags=nosuch"), True, False),
    Change(28, "a hypervisor's processor", kind("/os-hypervisors/detail", "hypervisors/cpu_info"),
           "str", "dict"),
    Change(32, "a network's tag", creates(tagged), 400, 202),
    Change(32, "a disk's tag", boot_device(tag="d"), 400, 202),
    Change(31, "a console's token", gets("/os-console-auth-tokens/none"), 400, 404),
    Change(33, "a disk's tag", boot_device(tag="d"), 202, 400),
    Change(33, "pages of hypervisors", shows("/os-hypervisors?limit=1", "hypervisors_links"), False, True),
    Change(35, "pages of key pairs", shows("/os-keypairs?limit=1", "keypairs_links"), False, True),
    Change(36, "quotas of networks", shows(QUOTA_SET, "quota_set/fixed_ips"), True, False),
    Change(36, "quotas of networks are set", status("PUT", SPARE, {"quota_set": {"floating_ips": 1}}),
           200, 400),
    Change(36, "limits of networks", shows("/limits", "limits/absolute/maxTotalFloatingIps"), True, False),
    Change(37, "a create without networks", creates(networks=...), 202, 400),
    Change(37, "any network", creates(networks="auto"), 400, 202),
    Change(37, "a network's tag", creates(tagged), 202, 400),
    Change(38, "an unknown status", gets("/servers?status=nonsense"), 200, 400),
    Change(39, "a limit of images", shows("/limits", "limits/absolute/maxImageMeta"), True, False),
    Change(40, "pages of usage", shows("/os-simple-tenant-usage/{s.project}?limit=1", "tenant_usage_links"),
           False, True),
    Change(41, "an aggregate's UUID", shows("/os-aggregates", "aggregates/uuid"), False, True),
    Change(42, "a network's tag", creates(tagged), 400, 202),
    Change(42, "a disk's tag", boot_device(tag="d"), 400, 202),
    Change(45, "an image's place and identifier", image_answer, (True, False), (False, True)),
    Change(47, "a server's flavor by reference", of_server("flavor/id"), True, False),
    Change(47, "a server's flavor by value", of_server("flavor/vcpus"), False, True),
    Change(48, "diagnostics for all drivers", shows("{s.url}/diagnostics", "num_cpus"), False, True),
    Change(50, "a class's groups", shows(CLASS, "quota_class_set/server_groups"), False, True),
    Change(50, "a class's networks", shows(CLASS, "quota_class_set/fixed_ips"), True, False),
    Change(50, "a class's networks are set", status("PUT", CLASS, {"quota_class_set": {"fixed_ips": 1}}),
           200, 400),
    Change(51, "an extended volume", event("volume-extended"), 400, 207),
    Change(51, "events for all", events_shown, False, True),
    Change(52, "tags of a new server", creates(tags=["a"]), 400, 202),
    Change(53, "a service's identifier", kind("/os-services", "services/id"), "int", "str"),
    Change(53, "a service by UUID", enabled_by_uuid, 400, 200),
    Change(53, "a service by name", named_update, 200, 400),
    Change(53, "a service is deleted by UUID", status("DELETE", f"/os-services/{UNKNOWN}"), 400, 404),
    Change(53, "a hypervisor's identifier", kind("/os-hypervisors", "hypervisors/id"), "int", "str"),
    Change(53, "a search of its own", gets("/os-hypervisors/{s.host}/search"), 200, 404),
    Change(53, "servers of their own", gets("/os-hypervisors/{s.host}/servers"), 200, 404),
    Change(53, "a search by pattern", gets("/os-hypervisors?hypervisor_hostname_pattern=nosuch"), 200, 404),
    Change(54, "a rebuild's key", acts("rebuild", {"imageRef": PICTURE, "key_name": None}), 400, 202),
    Change(54, "a rebuilt server's key", rebuilt("key_name"), False, True),
    Change(55, "a flavor's description", shows("/flavors/sampled", "flavor/description"), False, True),
    Change(55, "a described flavor", flavor(description="d"), 400, 200),
    Change(55, "a flavor is described",
           status("PUT", "/flavors/sampled", {"flavor": {"description": "d"}}), 404, 200),
    Change(56, "a migration's target", acts("migrate", {"host": "nowhere"}), 202, 400),
    Change(57, "injected files", creates(plain, networks="none"), 202, 400),
    Change(57, "quotas of files", shows(QUOTA_SET, "quota_set/injected_files"), True, False),
    Change(57, "a class's files", shows(CLASS, "quota_class_set/injected_files"), True, False),
    Change(57, "limits of files", shows("/limits", "limits/absolute/maxPersonality"), True, False),
    Change(57, "a rebuild's user data", acts("rebuild", {"imageRef": PICTURE, "user_data": None}), 400, 202),
    Change(58, "an action's end", shows(LOG, "instanceActions/updated_at"), False, True),
    Change(58, "pages of actions", shows(f"{LOG}?limit=1", "links"), False, True),
    Change(59, "a migration's UUID", of_migration("uuid"), False, True),
    Change(59, "pages of migrations", shows("/os-migrations?limit=1", "migrations_links"), False, True),
    Change(59, "an unknown key", gets("/os-migrations?nonsense=1"), 200, 400),
    Change(61, "a flavor's extra specs", shows("/flavors/sampled", "flavor/extra_specs"), False, True),
    Change(62, "an event's host", of_event("host"), False, True),
    Change(62, "an event's host's name for all", of_event("hostId", member=True), False, True),
    Change(63, "certificates", of_server("trusted_image_certificates"), False, True),
    Change(63, "certificates of a new server", creates(trusted_image_certificates=None), 400, 202),
    Change(64, "one policy", group(policy="affinity"), 400, 200),
    Change(64, "a list of policies", group(policies=["affinity"]), 200, 400),
    Change(64, "a group's rules", shows("/os-server-groups/{s.a_group}", "server_group/rules"), False, True),
    Change(66, "servers changed before", found(f"changes-before={PAST}"), True, False),
    Change(66, "actions changed before", gets(f"{LOG}?changes-before={PAST}"), 400, 200),
    Change(66, "migrations changed before", gets(f"/os-migrations?changes-before={PAST}"), 400, 200),
    Change(67, "a volume's type", volume_type, True, False),
    Change(71, "a server's groups", of_server("server_groups"), False, True),
    Change(73, "why it is locked", lock_reason, None, "why"),
    Change(73, "the reason is shown", of_server("locked_reason"), False, True),
    Change(73, "a filter by lock", found("locked=true"), True, False),
    Change(74, "a new server's host", creates(placed), 400, 202),
    *(Change(75, f"unknown keys of {path}", gets(f"{path}?nonsense=1"), 200, 400) for path in STRICT),
    Change(75, "all of an updated server", updated("key_name"), False, True),
    Change(75, "all of a rebuilt server", rebuilt("OS-EXT-STS:vm_state"), False, True),
    Change(75, "no swap", kind("/flavors/sampled", "flavor/swap"), "str", "int"),
    Change(76, "power", event("power-update"), 400, 207),
    Change(80, "a migration's project", of_migration("project_id"), False, True),
    Change(80, "migrations of a user", gets("/os-migrations?user_id=u"), 400, 200),
    Change(81, "images in a cache", cached, 404, 202),
    Change(82, "accelerators", event("accelerator-request-bound"), 400, 207),
    Change(83, "more filters for all", found("key_name=nosuch"), True, False),
    Change(84, "an event's details", of_event("details"), False, True),
    Change(86, "extra specs are checked", spec, 200, 400),
    Change(88, "statistics", gets("/os-hypervisors/statistics"), 200, 404),
    Change(88, "a hypervisor's processors", shows("/os-hypervisors/detail", "hypervisors/vcpus"),
           True, False),
    Change(88, "a hypervisor's uptime", shows("/os-hypervisors/detail", "hypervisors/uptime"), False, True),
    Change(88, "uptime by itself", lambda s: s.get(f"{s.hypervisor()}/uptime").status, 200, 404),
    Change(90, "a host name", creates(hostname="given"), 400, 202),
    Change(90, "a host name for all", of_server(f"{ATTRIBUTE}hostname", member=True), False, True),
    Change(90, "a filter by host name", found("hostname=nosuch"), True, False),
    Change(92, "keys are made", lambda s: new_key(s).status, 201, 400),
    Change(92, "a key's name", lambda s: new_key(s, "a@b.c", public_key=PUBLIC_KEY).status, 400, 201),
    Change(93, "a new image", event("volume-reimaged"), 400, 207),
    Change(94, "a qualified host name", creates(hostname="given.example.org"), 400, 202),
    Change(96, "a server's pinned zone", of_server("pinned_availability_zone"), False, True),
    Change(98, "properties of a server's image", of_server("image/properties"), False, True),
    Change(99, "a direct console", console("spice", "spice-direct"), 400, 200),
    Change(99, "unknown parameters of a token", gets("/os-console-auth-tokens/none?nonsense=1"), 404, 400),
    Change(100, "hints", of_server("scheduler_hints"), False, True),
    Change(102, "a flavor's factor", shows("/flavors/sampled", "flavor/rxtx_factor"), True, False),
    Change(102, "whether it is disabled", shows("/flavors/sampled", "flavor/OS-FLV-DISABLED:disabled"),
           True, False),
    Change(102, "a new flavor's factor", flavor(rxtx_factor=1.0), 200, 400),
    Change(102, "a filter by name", gets("/flavors?name=x"), 400, 200),
    *(Change(102, f"unknown keys of {path}", gets(f"{path}?nonsense=1"), 200, 400) for path in STRICT_LAST),
    Change(103, "the servers' other name", gets("/os-volumes_boot"), 200, 404),
    Change(104, "a zone is unpinned",
           status("PUT", "{s.url}", {"server": {"pinned_availability_zone": None}}), 400, 200),
)  # fmt: skip
ELSEWHERE = {
    4: "fixed addresses are gone", 12: "virtual interfaces are gone",
    17: "crash dumps", 18: "nothing changes: the project may be left out at every version",
    20: "volumes of shelved servers", 22: "live migration", 24: "live migration", 25: "live migration",
    27: "a header that is taken at every version", 30: "live migration",
    34: "live migration", 43: "the API of hosts", 44: "addresses of servers",
    46: "a header that is sent at every version", 49: "interfaces and volumes", 60: "volumes",
    65: "live migration", 69: "cells that do not answer",
    70: "interfaces and volumes", 72: "ports with a resource request", 78: "topology",
    79: "volumes", 85: "volumes", 87: "rescue", 89: "volumes", 97: "shares",
    101: "volumes",
}  # fmt: skip
"""Microversions that change nothing of what is asked here, and what they are about."""


def named(change: Change) -> Any:
    return pytest.param(change, id=f"2.{change.minor} {change.about}")


@pytest.mark.parametrize("change", [named(change) for change in CHANGES])
def test_a_microversion_changes_what_it_is_for(stage: Stage, change: Change) -> None:
    stage.version = f"2.{change.minor - 1}"
    before = change.probe(stage)
    stage.version = f"2.{change.minor}"
    assert (before, change.probe(stage)) == (change.before, change.after)


def test_every_microversion_is_told() -> None:
    assert {change.minor for change in CHANGES} | ELSEWHERE.keys() == set(range(2, 105))


@pytest.mark.parametrize("minor", range(1, 105))
def test_every_microversion_is_echoed(stage: Stage, minor: int) -> None:
    reply = stage.admin.get("/servers?limit=1", f"2.{minor}")
    assert reply.status == 200
    assert reply.headers["OpenStack-API-Version"] == f"compute 2.{minor}"
    assert reply.headers["X-OpenStack-Nova-API-Version"] == f"2.{minor}"
    vary = ",".join(reply.headers.get_all("Vary"))
    assert "OpenStack-API-Version" in vary
    assert "X-OpenStack-Nova-API-Version" in vary
    assert reply.headers["x-openstack-request-id"].startswith("req-")


@pytest.mark.parametrize(
    ("headers", "status", "version"),
    [
        ({}, 200, "2.1"),
        ({"OpenStack-API-Version": "compute latest"}, 200, "2.104"),
        ({"OpenStack-API-Version": "COMPUTE 2.5"}, 200, "2.5"),
        ({"OpenStack-API-Version": "volume 3.5"}, 200, "2.1"),
        ({"OpenStack-API-Version": "volume 3.5, compute 2.7"}, 200, "2.7"),
        ({"X-OpenStack-Nova-API-Version": "2.9"}, 200, "2.9"),
        ({"X-OpenStack-Nova-API-Version": "2.9", "OpenStack-API-Version": "compute 2.8"}, 200, "2.8"),
        ({"OpenStack-API-Version": "compute 2.105"}, 406, None),
        ({"OpenStack-API-Version": "compute 2.0"}, 406, None),
        ({"OpenStack-API-Version": "compute 3.1"}, 406, None),
        ({"OpenStack-API-Version": "compute 2.01"}, 400, None),
        ({"OpenStack-API-Version": "compute 2"}, 400, None),
        ({"OpenStack-API-Version": "compute nonsense"}, 400, None),
        ({"X-OpenStack-Nova-API-Version": "2.x"}, 400, None),
    ],
)
def test_a_version_is_negotiated(
    stage: Stage, headers: dict[str, str], status: int, version: str | None
) -> None:
    caller = Caller(stage.admin.url, stage.admin.token, headers)
    reply = caller.get("/servers?limit=1", None)
    assert reply.status == status, reply
    if version is not None:
        assert reply.headers["OpenStack-API-Version"] == f"compute {version}"
    elif status == 406:
        asked = headers["OpenStack-API-Version"].split()[1]
        assert reply.body["computeFault"]["message"] == (
            f"Version {asked} is not supported by the API. Minimum is 2.1 and maximum is 2.104."
        )
    else:
        assert reply.body["badRequest"]["code"] == 400
