"""Requests that are wrong, route by route: each gets the status and the words that are its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functional.caller import Caller, Reply, wait_for
from tests.functional.cloud import Cloud
from tests.functional.sampled import PICTURE, PUBLIC_KEY, Stage

Order = Callable[..., dict[str, Any]]
UNKNOWN = "8c19174f-4220-44f0-824a-cd1eeef10287"
NAMES = {400: "badRequest", 403: "forbidden", 404: "itemNotFound", 409: "conflictingRequest",
413: "overLimit",
         415: "badMediaType", 406: "computeFault", 405: "badMethod", 401: "unauthorized"}  # fmt: skip


def refused(reply: Reply, status: int, *words: str) -> None:
    """Assert that a reply is a fault of that status, and that its message has these words."""
    assert reply.status == status, reply
    assert list(reply.body) == [NAMES[status]]
    fault = reply.body[NAMES[status]]
    assert fault["code"] == status
    for word in words:
        assert word in fault["message"]


@pytest.fixture(scope="module")
def target(things: Stage) -> str:
    """A server of this module's own: what is tried on it may leave it in any state."""
    return things.server()


@pytest.fixture
def stage(things: Stage, target: str) -> Iterator[Stage]:
    """Everything that is shared, but for the server; the service is as it was afterwards."""
    standing, things.server_id = things.server_id, target
    things.version, things.asker = "2.1", None
    yield things
    things.server_id = standing
    well = {"status": "enabled", "forced_down": False}
    assert things.admin.put(f"/os-services/{things.a_service}", well).status == 200


class Post(NamedTuple):
    """A call with a body that is right. `inside` leads to the object with the fields that are tried."""

    method: str
    path: str
    body: Any
    inside: tuple[str, ...]
    needs: tuple[str, ...] = ()
    version: str = "2.104"
    free: bool = False
    """The object's keys are names that somebody gives."""


POSTS = (
    Post("POST", "/servers",
         {"server": {"name": "n", "imageRef": PICTURE, "flavorRef": "sampled", "networks": "none",
                     "metadata": {"a": "b"}, "tags": ["a"], "description": "d", "key_name": "sampled",
                     "user_data": "YQ==", "hostname": "h", "min_count": 1, "max_count": 1,
                     "config_drive": False,
                     "accessIPv4": "1.2.3.4", "accessIPv6": "::1", "adminPass": "p",
                     "availability_zone": "nova",
                     "OS-DCF:diskConfig": "AUTO", "security_groups": [{"name": "default"}],
                     "block_device_mapping_v2": [], "return_reservation_id": False, "host": "host-1",
                     "trusted_image_certificates": None}},
         ("server",), ("name", "flavorRef", "networks")),
    Post("POST", "/servers",
         {"server": {"name": "n", "imageRef": PICTURE, "flavorRef": "sampled",
                     "networks": [{"uuid": UNKNOWN, "tag": "a", "fixed_ip": "10.0.0.9"}]}},
         ("server", "networks", "0")),
    Post("POST", "/servers",
         {"server": {"name": "n", "imageRef": PICTURE, "flavorRef": "sampled", "networks": "none",
                     "block_device_mapping_v2": [{"source_type": "image", "destination_type": "local",
                                                  "uuid": PICTURE, "boot_index": 0, "volume_size": 1,
                                                  "device_name": "vda", "tag": "a"}]}},
         ("server", "block_device_mapping_v2", "0")),
    Post("PUT", "{s.url}", {"server": {"name": "n", "description": "d", "hostname": "h"}}, ("server",)),
    Post("POST", "{s.url}/action", {"reboot": {"type": "HARD"}}, ("reboot",), ("type",)),
    Post("POST", "{s.url}/action", {"resize": {"flavorRef": "sampled"}}, ("resize",), ("flavorRef",)),
    Post("POST", "{s.url}/action",
         {"rebuild": {"imageRef": PICTURE, "name": "n", "metadata": {}, "hostname": "h", "user_data": "YQ==",
                      "preserve_ephemeral": False, "key_name": "k", "accessIPv4": "1.2.3.4"}},
         ("rebuild",), ("imageRef",)),
    Post("POST", "{s.url}/action", {"createImage": {"name": "n", "metadata": {}}}, ("createImage",),
    ("name",)),
    Post("POST", "{s.url}/action", {"os-resetState": {"state": "error"}}, ("os-resetState",), ("state",)),
    Post("POST", "{s.url}/action", {"os-getConsoleOutput": {"length": 1}}, ("os-getConsoleOutput",)),
    Post("POST", "{s.url}/action", {"lock": {"locked_reason": "r"}}, ("lock",)),
    Post("POST", "{s.url}/action", {"migrate": {"host": "host-1"}}, ("migrate",)),
    Post("POST", "{s.url}/metadata", {"metadata": {"a": "b"}}, ("metadata",), free=True),
    Post("PUT", "{s.url}/metadata", {"metadata": {"a": "b"}}, ("metadata",), free=True),
    Post("PUT", "{s.url}/metadata/a", {"meta": {"a": "b"}}, ("meta",), ("a",), free=True),
    Post("PUT", "{s.url}/tags", {"tags": ["a"]}, ()),
    Post("POST", "/flavors",
         {"flavor": {"name": "n", "ram": 1, "vcpus": 1, "disk": 1, "id": "i", "swap": 0, "description": "d",
                     "OS-FLV-EXT-DATA:ephemeral": 0, "os-flavor-access:is_public": True}},
         ("flavor",), ("name", "ram", "vcpus", "disk")),
    Post("PUT", "/flavors/sampled", {"flavor": {"description": "d"}}, ("flavor",), ("description",)),
    Post("POST", "/flavors/sampled/action", {"addTenantAccess": {"tenant": "t"}}, ("addTenantAccess",),
         ("tenant",)),
    Post("POST", "/flavors/sampled/os-extra_specs", {"extra_specs": {"a": "b"}}, ("extra_specs",), free=True),
    Post("PUT", "/flavors/sampled/os-extra_specs/a", {"a": "b"}, (), ("a",), free=True),
    Post("POST", "/os-keypairs", {"keypair": {"name": "n", "public_key": PUBLIC_KEY, "type": "ssh"}},
         ("keypair",), ("name", "public_key")),
    Post("POST", "/os-server-groups",
         {"server_group": {"name": "n", "policy": "anti-affinity", "rules": {"max_server_per_host": 2}}},
         ("server_group",), ("name", "policy")),
    Post("PUT", "/os-quota-sets/{s.spare}", {"quota_set": {"cores": 1, "force": True}}, ("quota_set",)),
    Post("PUT", "/os-quota-class-sets/sampled", {"quota_class_set": {"cores": 1}}, ("quota_class_set",)),
    Post("POST", "/os-server-external-events",
         {"events": [{"name": "network-changed", "server_uuid": UNKNOWN, "status": "completed", "tag": "t"}]},
         ("events", "0"), ("name", "server_uuid")),
    Post("POST", "/os-aggregates", {"aggregate": {"name": "n", "availability_zone": "z"}}, ("aggregate",),
         ("name",)),
    Post("PUT", "{s.an_aggregate}", {"aggregate": {"name": "n", "availability_zone": "z"}}, ("aggregate",)),
    Post("POST", "{s.an_aggregate}/action", {"add_host": {"host": "h"}}, ("add_host",), ("host",)),
    Post("POST", "{s.an_aggregate}/action", {"remove_host": {"host": "h"}}, ("remove_host",), ("host",)),
    Post("POST", "{s.an_aggregate}/action", {"set_metadata": {"metadata": {"a": "b"}}}, ("set_metadata",),
         ("metadata",)),
    Post("POST", "{s.an_aggregate}/images", {"cache": [{"id": PICTURE}]}, ("cache", "0"), ("id",)),
    Post("PUT", "/os-services/{s.a_service}",
         {"status": "enabled", "disabled_reason": "r", "forced_down": False}, ()),
    Post("PUT", "/os-services/enable", {"host": "h", "binary": "nova-compute"}, (),
    ("host", "binary"), "2.52"),
)  # fmt: skip


def at(body: Any, inside: tuple[str, ...]) -> Any:
    """Return a part of a body."""
    for key in inside:
        body = body[int(key)] if isinstance(body, list) else body[key]
    return body


def copied(post: Post) -> Any:
    return json.loads(json.dumps(post.body))


def named(post: Post) -> str:
    act = f" {next(iter(post.body))}" if post.path.endswith("/action") else ""
    return f"{post.method} {post.path}{act} {'.'.join(post.inside)}"


every = pytest.mark.parametrize("post", [pytest.param(post, id=named(post)) for post in POSTS])


def call(stage: Stage, post: Post, body: Any) -> Reply:
    return stage.admin.call(post.method, post.path.format(s=stage), body, post.version)


@every
def test_a_field_of_a_wrong_type_is_refused(stage: Stage, post: Post) -> None:
    for key in at(post.body, post.inside):
        body = copied(post)
        part = at(body, post.inside)
        part[key] = {"nonsense": [{}]}
        refused(call(stage, post, body), 400, "Invalid input for field/attribute")


@every
def test_a_key_that_is_unknown_is_refused(stage: Stage, post: Post) -> None:
    body = copied(post)
    refused(call(stage, post, body | {"nonsense": {}}), 400)
    if not post.free and isinstance(at(body, post.inside), dict):
        at(body, post.inside)["nonsense"] = "x"
        refused(call(stage, post, body), 400, "nonsense")


@every
def test_a_key_that_is_missing_is_refused(stage: Stage, post: Post) -> None:
    for key in post.needs:
        body = copied(post)
        del at(body, post.inside)[key]
        refused(call(stage, post, body), 400)
    if not post.path.endswith("/action"):
        refused(call(stage, post, {}), 400)


@every
def test_a_body_that_is_no_object_is_refused(stage: Stage, post: Post) -> None:
    for body in ([], [post.body], "text", 1, True):
        refused(call(stage, post, body), 400)
    for data in (b"{", b"", b'{"a": }', b"\xff\xfe", b"[" * 2000, b'{"a": NaN'):
        reply = stage.admin.send(
            post.method, post.path.format(s=stage), data, "application/json", post.version
        )
        refused(reply, 400)


@every
def test_a_body_of_another_type_or_too_large_is_refused(stage: Stage, post: Post) -> None:
    path, data = post.path.format(s=stage), json.dumps(post.body).encode()
    for kind in ("application/xml", "application/x-www-form-urlencoded", "multipart/form-data"):
        refused(stage.admin.send(post.method, path, data, kind, post.version), 415)
    large = b'{"nonsense": "' + b"x" * 114_688 + b'"}'
    refused(stage.admin.send(post.method, path, large, "application/json", post.version), 413)


WRONG = (
    ("POST", "/servers", "server", {"name": ""}),
    ("POST", "/servers", "server", {"name": "n" * 256}),
    ("POST", "/servers", "server", {"imageRef": "no-uuid"}),
    ("POST", "/servers", "server", {"flavorRef": ""}),
    ("POST", "/servers", "server", {"networks": "some"}),
    ("POST", "/servers", "server", {"networks": [{"uuid": "no-uuid"}]}),
    ("POST", "/servers", "server", {"networks": [{"port": "no-uuid"}]}),
    ("POST", "/servers", "server", {"metadata": {"a" * 256: "b"}}),
    ("POST", "/servers", "server", {"metadata": {"a": "b" * 256}}),
    ("POST", "/servers", "server", {"metadata": {"a": 1}}),
    ("POST", "/servers", "server", {"tags": ["a,b"]}),
    ("POST", "/servers", "server", {"tags": ["a" * 61]}),
    ("POST", "/servers", "server", {"tags": [f"{n}" for n in range(51)]}),
    ("POST", "/servers", "server", {"hostname": "-"*300}),
    ("POST", "/servers", "server", {"user_data": "not base64!"}),
    ("POST", "/servers", "server", {"accessIPv4": "1.2.3"}),
    ("POST", "/servers", "server", {"accessIPv6": "1.2.3.4"}),
    ("POST", "/servers", "server", {"min_count": 0}),
    ("POST", "/servers", "server", {"min_count": 3, "max_count": 2}),
    ("POST", "/servers", "server", {"min_count": -1}),
    ("POST", "/servers", "server", {"OS-DCF:diskConfig": "auto"}),
    ("POST", "/servers", "server", {"config_drive": "perhaps"}),
    ("POST", "/servers", "server", {"description": "d" * 256}),
    ("POST", "/servers", "server", {"hostname": "a", "max_count": 2}),
    ("PUT", "{s.url}", "server", {"name": " "}),
    ("PUT", "{s.url}", "server", {"accessIPv4": "::1"}),
    ("POST", "{s.url}/action", "reboot", {"type": "WARM"}),
    ("POST", "{s.url}/action", "os-resetState", {"state": "paused"}),
    ("POST", "{s.url}/action", "os-getConsoleOutput", {"length": -2}),
    ("POST", "{s.url}/action", "lock", {"locked_reason": ""}),
    ("POST", "{s.url}/action", "createImage", {"name": ""}),
    ("POST", "{s.url}/action", "resize", {"flavorRef": "sampled"}),
    ("PUT", "{s.url}/tags", "tags", ["a/b"]),
    ("PUT", "{s.url}/metadata/a", "meta", {"b": "c"}),
    ("POST", "{s.url}/metadata", "metadata", {"": "c"}),
    ("POST", "/flavors", "flavor", {"name": "n", "ram": 0, "vcpus": 1, "disk": 1}),
    ("POST", "/flavors", "flavor", {"name": "n", "ram": 1, "vcpus": 2_147_483_648, "disk": 1}),
    ("POST", "/flavors", "flavor", {"name": "n", "ram": 1, "vcpus": 1, "disk": -1}),
    ("POST", "/flavors", "flavor", {"name": "n", "ram": 1, "vcpus": 1, "disk": 1, "id": " a"}),
    ("POST", "/flavors", "flavor", {"name": "n", "ram": 1.5, "vcpus": 1, "disk": 1}),
    ("POST", "/os-keypairs", "keypair", {"name": "a/b", "public_key": PUBLIC_KEY}),
    ("POST", "/os-keypairs", "keypair", {"name": "n", "public_key": "ssh-rsa nonsense"}),
    ("POST", "/os-keypairs", "keypair", {"name": "n", "public_key": PUBLIC_KEY, "type": "gpg"}),
    ("POST", "/os-server-groups", "server_group", {"name": "n", "policy": "near"}),
    ("POST", "/os-server-groups", "server_group",
     {"name": "n", "policy": "affinity", "rules": {"max_server_per_host": 2}}),
    ("POST", "/os-server-groups", "server_group",
     {"name": "n", "policy": "anti-affinity", "rules": {"max_server_per_host": 0}}),
    ("PUT", "/os-quota-sets/{s.spare}", "quota_set", {"cores": -2}),
    ("PUT", "/os-quota-sets/{s.spare}", "quota_set", {"cores": "many"}),
    ("PUT", "/os-quota-sets/no-such-project", "quota_set", {"cores": 1}),
    ("POST", "/os-aggregates", "aggregate", {"name": "n", "availability_zone": "a:b"}),
    ("POST", "/os-aggregates", "aggregate", {"name": ""}),
    ("PUT", "{s.an_aggregate}", "aggregate", {}),
    ("POST", "{s.an_aggregate}/images", "cache", [{"id": PICTURE}, {"id": PICTURE}]),
    ("POST", "{s.an_aggregate}/images", "cache", []),
    ("PUT", "/os-services/{s.a_service}", "status", "asleep"),
    ("PUT", "/os-services/{s.a_service}", "disabled_reason", "alone"),
    ("PUT", "/os-services/no-uuid", "status", "enabled"),
    ("POST", "/os-server-external-events", "events", []),
    ("POST", "/os-server-external-events", "events", [{"name": "nonsense", "server_uuid": UNKNOWN}]),
)  # fmt: skip


@pytest.mark.parametrize(("method", "path", "key", "value"), WRONG)
def test_a_value_that_is_wrong_is_refused(stage: Stage, method: str, path: str, key: str, value: Any) -> None:
    if path == "/servers":
        value = {"name": "n", "imageRef": PICTURE, "flavorRef": "sampled", "networks": "none", **value}
    refused(stage.admin.call(method, path.format(s=stage), {key: value}), 400)


@pytest.mark.parametrize(
    "named",
    [
        {"imageRef": UNKNOWN},
        {"flavorRef": "no-such-flavor"},
        {"flavorRef": UNKNOWN},
        {"key_name": "no-such-key"},
        {"networks": [{"uuid": UNKNOWN}]},
        {"networks": [{"port": UNKNOWN}]},
        {"availability_zone": "no-such-zone"},
        {"host": "no-such-host"},
        {"hypervisor_hostname": "no-such-node"},
        {"imageRef": ""},
        {"security_groups": [{"name": "no-such-group"}]},
    ],
)
def test_a_reference_in_a_new_server_to_what_is_not_there_is_refused(
    stage: Stage, named: dict[str, Any]
) -> None:
    networks = [{"uuid": stage.cloud.private_network}]
    server = {"name": "n", "imageRef": PICTURE, "flavorRef": "sampled", "networks": networks, **named}
    refused(stage.admin.post("/servers", {"server": server}), 400)


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("resize", {"flavorRef": "no-such-flavor"}),
        ("rebuild", {"imageRef": UNKNOWN}),
        ("rebuild", {"imageRef": PICTURE, "key_name": "no-such-key"}),
        ("migrate", {"host": "no-such-host"}),
        ("nonsense", None),
    ],
)
def test_a_reference_in_an_action_to_what_is_not_there_is_refused(
    stage: Stage, action: str, value: Any
) -> None:
    refused(stage.admin.act(stage.server_id, action, value), 400)


def test_a_hint_of_a_group_that_is_not_there_is_refused(stage: Stage) -> None:
    server = {"name": "n", "imageRef": PICTURE, "flavorRef": "sampled", "networks": "none"}
    for group in (UNKNOWN, "no-uuid"):
        body = {"server": server, "os:scheduler_hints": {"group": group}}
        refused(stage.admin.post("/servers", body), 400)


SERVER = f"/servers/{UNKNOWN}"
MISSING = (
    ("GET", SERVER, None), ("PUT", SERVER, {"server": {"name": "n"}}), ("DELETE", SERVER, None),
    ("GET", "/servers/no-uuid", None), ("DELETE", "/servers/no-uuid", None),
    *(("POST", f"{SERVER}/action", {name: value}) for name, value in (
        ("os-start", None), ("os-stop", None), ("reboot", {"type": "SOFT"}), ("pause", None),
        ("unpause", None), ("rescue", None), ("unrescue", None), ("changePassword", {"adminPass": "n"}),
        ("trigger_crash_dump", None),
        ("suspend", None), ("resume", None), ("lock", None), ("unlock", None), ("forceDelete", None),
        ("restore", None), ("resize", {"flavorRef": "x"}), ("confirmResize", None), ("revertResize", None),
        ("migrate", None), ("rebuild", {"imageRef": PICTURE}), ("createImage", {"name": "n"}),
        ("os-resetState", {"state": "error"}), ("os-getConsoleOutput", {}),
    )),
    ("GET", f"{SERVER}/metadata", None), ("POST", f"{SERVER}/metadata", {"metadata": {}}),
    ("PUT", f"{SERVER}/metadata", {"metadata": {}}), ("GET", "{s.url}/metadata/none", None),
    ("DELETE", "{s.url}/metadata/none", None), ("GET", f"{SERVER}/tags", None),
    ("PUT", f"{SERVER}/tags", {"tags": []}), ("DELETE", f"{SERVER}/tags", None),
    ("GET", "{s.url}/tags/no", None),
    ("DELETE", "{s.url}/tags/no", None), ("GET", f"{SERVER}/ips", None), ("GET", "{s.url}/ips/none", None),
    ("GET", f"{SERVER}/os-interface", None), ("GET", "{s.url}/os-interface/none", None),
    ("GET", f"{SERVER}/topology", None), ("GET", f"{SERVER}/diagnostics", None),
    ("GET", f"{SERVER}/os-instance-actions", None),
    ("GET", "{s.url}/os-instance-actions/req-none", None), ("GET", f"{SERVER}/migrations", None),
    ("GET", "{s.url}/migrations/999999", None), ("GET", "{s.url}/migrations/nonsense", None),
    ("GET", "/flavors/none", None), ("PUT", "/flavors/none", {"flavor": {"description": None}}),
    ("DELETE", "/flavors/none", None), ("GET", "/flavors/none/os-extra_specs", None),
    ("POST", "/flavors/none/os-extra_specs", {"extra_specs": {"a": "b"}}),
    ("GET", "/flavors/sampled/os-extra_specs/none", None), ("GET", "/flavors/none/os-flavor-access", None),
    ("DELETE", "/flavors/sampled/os-extra_specs/none", None), ("GET", "/flavors/sampled/os-flavor-access",
    None),
    ("POST", "/flavors/none/action", {"addTenantAccess": {"tenant": "{s.project}"}}),
    ("GET", "/os-keypairs/none", None), ("DELETE", "/os-keypairs/none", None),
    ("GET", f"/os-server-groups/{UNKNOWN}", None), ("DELETE", f"/os-server-groups/{UNKNOWN}", None),
    ("GET", "/os-aggregates/999999", None), ("DELETE", "/os-aggregates/999999", None),
    ("PUT", "/os-aggregates/999999", {"aggregate": {"name": "none"}}),
    ("POST", "/os-aggregates/999999/action", {"add_host": {"host": "host-1"}}),
    ("POST", "{s.an_aggregate}/action", {"add_host": {"host": "none"}}),
    ("POST", "{s.an_aggregate}/action", {"remove_host": {"host": "none"}}),
    ("PUT", f"/os-services/{UNKNOWN}", {"status": "enabled"}), ("DELETE", f"/os-services/{UNKNOWN}", None),
    ("GET", f"/os-hypervisors/{UNKNOWN}", None), ("GET", "/os-hypervisors?hypervisor_hostname_pattern=no",
    None),
    ("GET", "/extensions/none", None), ("GET", "/versions/v9", None), ("GET", "/nonsense", None),
    ("GET", "/servers/detail/nonsense/too", None), ("PATCH", "/servers", None), ("DELETE", "/servers", None),
    ("PUT", "/servers", {}), ("POST", "{s.url}", {}), ("POST", "/limits", {}),
    ("GET", "{s.url}/action", None),
)  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), MISSING)
def test_what_is_not_there_is_not_found(stage: Stage, method: str, path: str, body: Any) -> None:
    if body and "addTenantAccess" in body:
        body = {"addTenantAccess": {"tenant": stage.project}}
    refused(stage.admin.call(method, path.format(s=stage), body), 404)


@pytest.mark.parametrize(
    "path",
    [
        "/servers?limit=-1", "/servers?limit=x", f"/servers?marker={UNKNOWN}", "/servers?status=nonsense",
        "/servers?changes-since=yesterday", "/servers?sort_key=nonsense", "/servers?sort_dir=up",
        "/servers?changes-since=2030-01-01T00:00:00Z&changes-before=2020-01-01T00:00:00Z", "/servers?name=(",
        "/servers?nonsense=1", "/servers?locked=perhaps", "/servers?all_tenants=perhaps", "/flavors?limit=x",
        "/flavors?marker=none", "/flavors?is_public=perhaps", "/flavors?minRam=x",
        "/flavors?sort_key=nonsense",
        "/os-keypairs?limit=-1", "/os-keypairs?marker=none", "/os-hypervisors/no-uuid",
        f"/os-hypervisors?marker={UNKNOWN}", "/os-hypervisors?hypervisor_hostname_pattern=a&limit=1",
        f"/os-migrations?marker={UNKNOWN}", "/os-migrations?limit=x", "/os-migrations?changes-since=x",
        "/os-aggregates/nonsense", "/os-quota-sets/no-such-project", "/os-simple-tenant-usage?start=x",
        "/os-simple-tenant-usage?limit=x", "/os-server-groups?limit=x", "{s.url}/os-instance-actions?limit=x",
        "{s.url}/os-instance-actions?marker=none", "{s.url}/os-instance-actions?changes-since=x",
        "/00000000000000000000000000000000/servers",
    ],
)  # fmt: skip
def test_a_query_that_is_wrong_is_refused(stage: Stage, path: str) -> None:
    refused(stage.admin.get(path.format(s=stage)), 400)


ALLOWED = {
    "os-start": ("start", None, {"SHUTOFF"}),
    "os-stop": ("stop", None, {"ACTIVE", "ERROR"}),
    "reboot": ("reboot", {"type": "SOFT"}, {"ACTIVE"}),
    "pause": ("pause", None, {"ACTIVE"}),
    "unpause": ("unpause", None, {"PAUSED"}),
    "suspend": ("suspend", None, {"ACTIVE"}),
    "resume": ("resume", None, {"SUSPENDED"}),
    "rescue": ("rescue", None, {"ACTIVE", "SHUTOFF", "ERROR"}),
    "unrescue": ("unrescue", None, set()),
    "changePassword": ("changePassword", {"adminPass": "new"}, {"ACTIVE"}),
    "trigger_crash_dump": ("trigger_crash_dump", None, {"ACTIVE", "PAUSED", "ERROR", "VERIFY_RESIZE"}),
    "rebuild": ("rebuild", {"imageRef": PICTURE}, {"ACTIVE", "SHUTOFF", "ERROR"}),
    "resize": ("resize", {"flavorRef": "test-bigger"}, {"ACTIVE", "SHUTOFF"}),
    "migrate": ("migrate", None, {"ACTIVE", "SHUTOFF"}),
    "confirmResize": ("confirmResize", None, {"VERIFY_RESIZE"}),
    "revertResize": ("revertResize", None, {"VERIFY_RESIZE"}),
    "createImage": ("createImage", {"name": "i"}, {"ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED"}),
    "restore": ("restore", None, set()),
}
"""Of each action the name in messages, what is sent with it, and the statuses in which it is allowed."""
VM_STATES = {
    "ACTIVE": "active", "SHUTOFF": "stopped", "PAUSED": "paused", "SUSPENDED": "suspended",
    "VERIFY_RESIZE": "resized", "ERROR": "error",
}  # fmt: skip
WAYS: dict[str, tuple[str, Any] | None] = {
    "ACTIVE": None, "SHUTOFF": ("os-stop", None), "PAUSED": ("pause", None), "SUSPENDED": ("suspend", None),
    "VERIFY_RESIZE": ("resize", {"flavorRef": "test-bigger"}), "ERROR": ("os-resetState", {"state": "error"}),
}  # fmt: skip


@pytest.mark.parametrize("status", WAYS)
def test_an_action_in_a_wrong_state_is_refused(stage: Stage, status: str) -> None:
    uuid, way = stage.server(), WAYS[status]
    if way is not None:
        assert stage.admin.act(uuid, *way).status == 202
        wait_for(lambda: stage.admin.server(uuid)["status"] == status)
        wait_for(lambda: stage.admin.server(uuid)["OS-EXT-STS:task_state"] is None)
    for action, (name, value, allowed) in ALLOWED.items():
        if status not in allowed:
            words = f"Cannot '{name}' instance {uuid} while it is in vm_state {VM_STATES[status]}"
            refused(stage.admin.act(uuid, action, value), 409, words)
    for reply in (
        stage.admin.put(f"/servers/{uuid}/tags", {"tags": []}),
        stage.admin.post(f"/servers/{uuid}/metadata", {"metadata": {"a": "b"}}),
    ):
        if status in ("VERIFY_RESIZE", "ERROR"):
            refused(reply, 409, f"vm_state {VM_STATES[status]}")
        else:
            assert reply.status == 200


def test_an_action_on_a_busy_server_is_refused(stage: Stage) -> None:
    uuid = stage.server()
    with stage.cloud.slow("power_off", 0.7):
        assert stage.admin.act(uuid, "os-stop").status == 202
        for action, (name, value, allowed) in ALLOWED.items():
            if "ACTIVE" in allowed:
                refused(
                    stage.admin.act(uuid, action, value),
                    409,
                    f"Cannot '{name}' instance {uuid} while it is in",
                )
    stage.admin.settled(uuid, "SHUTOFF")


def test_what_exists_is_not_made_again(stage: Stage) -> None:
    flavor = {"name": "sampled", "id": "other", "ram": 1, "vcpus": 1, "disk": 1}
    refused(stage.admin.post("/flavors", {"flavor": flavor}), 409, "sampled")
    flavor = {"name": "other", "id": "sampled", "ram": 1, "vcpus": 1, "disk": 1}
    refused(stage.admin.post("/flavors", {"flavor": flavor}), 409, "sampled")
    key = {"keypair": {"name": "sampled", "public_key": PUBLIC_KEY}}
    refused(stage.admin.post("/os-keypairs", key), 409, "sampled")
    name = stage.admin.get(stage.an_aggregate).body["aggregate"]["name"]
    refused(stage.admin.post("/os-aggregates", {"aggregate": {"name": name}}), 409, name)
    path = stage.aggregate(host=True)
    refused(stage.admin.post(f"{path}/action", {"add_host": {"host": stage.host}}), 409, stage.host)
    refused(stage.admin.delete(path), 400)
    assert stage.admin.post(f"{path}/action", {"remove_host": {"host": stage.host}}).status == 200
    used = stage.admin.get(
        f"/os-services?binary=nova-compute&host={stage.cloud.host_of(stage.admin, stage.server_id)}"
    )
    refused(stage.admin.delete(f"/os-services/{used.body['services'][0]['id']}"), 409, "hosting instances")


@pytest.fixture(scope="module")
def poor(cloud: Cloud) -> Caller:
    """A member of a project of their own, whose quotas tests set."""
    return cloud.newcomer("poor", "poor", "member", "reader")


@pytest.mark.parametrize(
    ("quota", "server", "message"),
    [
        (
            {"instances": 0},
            {},
            "Quota exceeded for instances: Requested 1, but already used 0 of 0 instances",
        ),
        ({"instances": 1}, {"min_count": 2}, "Quota exceeded for instances"),
        ({"cores": 0}, {}, "Quota exceeded for cores: Requested 1, but already used 0 of 0 cores"),
        ({"ram": 1}, {}, "Quota exceeded for ram: Requested 64, but already used 0 of 1 ram"),
        ({"metadata_items": 1}, {"metadata": {"a": "b", "c": "d"}}, "metadata"),
    ],
)
def test_a_server_over_quota_is_refused(
    stage: Stage, poor: Caller, quota: dict[str, int], server: dict[str, Any], message: str
) -> None:
    project = stage.cloud.project_id("poor")
    new = {"name": "n", "imageRef": PICTURE, "flavorRef": "sampled", "networks": "none", **server}
    assert stage.admin.put(f"/os-quota-sets/{project}", {"quota_set": quota}).status == 200
    try:
        refused(poor.post("/servers", {"server": new}), 403, message)
    finally:
        stage.admin.delete(f"/os-quota-sets/{project}")
    assert poor.get("/servers").body["servers"] == []


def test_key_pairs_and_groups_over_quota_are_refused(stage: Stage, poor: Caller) -> None:
    project = stage.cloud.project_id("poor")
    none = {"quota_set": {"key_pairs": 0, "server_groups": 0}}
    assert stage.admin.put(f"/os-quota-sets/{project}", none).status == 200
    key = {"keypair": {"name": "n", "public_key": PUBLIC_KEY}}
    refused(poor.post("/os-keypairs", key), 403, "Quota exceeded, too many key pairs.")
    group = {"server_group": {"name": "n", "policy": "affinity"}}
    refused(poor.post("/os-server-groups", group), 403, "Quota exceeded, too many server groups.")
    stage.admin.delete(f"/os-quota-sets/{project}")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "TRACE", "NONSENSE"])
def test_a_method_that_no_route_has_is_no_failure(stage: Stage, method: str) -> None:
    reply = stage.admin.send(method, "/servers", None, None)
    assert reply.status in (200, 404, 405, 501), reply


PARTS = st.sampled_from(["servers", "detail", "flavors", "os-keypairs", "os-aggregates", "os-services",
"action",
                         "metadata", "tags", "limits", "os-quota-sets", "os-migrations", "ips", "a", "%00",
                         "%2F",
                         "%E2%98%83", UNKNOWN, "..", "", "-1", "9" * 30, "os-hypervisors",
                         "os-server-groups"])  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20),
    st.sampled_from(["", " ", "\x00", "\ud83d\ude00", "a" * 300, UNKNOWN, PICTURE, "sampled",
    "2030-01-01T00:00:00Z"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
WORDS = st.sampled_from(["limit", "marker", "sort_key", "sort_dir", "name", "status", "changes-since",
"ip", "tags",
                         "all_tenants", "deleted", "locked", "host", "with_servers", "user_id",
                         "x"])  # fmt: skip
QUERIES = st.lists(st.tuples(WORDS, st.text(max_size=12) | st.integers().map(str)), max_size=3)
VERSIONS = st.integers(1, 104).map(lambda minor: f"2.{minor}")
BOUNDED = settings(
    max_examples=130,
    deadline=timedelta(seconds=10),
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def sound(reply: Reply) -> None:
    """Assert that nothing failed, and that a refusal is a fault."""
    assert reply.status < 500, reply
    if reply.status >= 400 and reply.body is not None:
        [(_, fault)] = reply.body.items()
        assert fault["code"] == reply.status
        assert fault["message"]


@BOUNDED
@given(st.sampled_from(POSTS), st.data(), VERSIONS)
def test_no_body_makes_it_fail(stage: Stage, post: Post, data: st.DataObject, version: str) -> None:
    body = copied(post)
    part = at(body, post.inside) if post.inside else body
    key = data.draw(st.sampled_from(sorted(part)) | st.text(max_size=8))
    part[key] = data.draw(VALUES)
    if post.path == "/servers":
        body["server"]["flavorRef"] = "no-such-flavor"
    sound(stage.admin.call(post.method, post.path.format(s=stage), body, version))


@BOUNDED
@given(st.lists(PARTS, max_size=5), QUERIES, VERSIONS)
def test_no_path_and_query_makes_it_fail(
    stage: Stage, parts: list[str], query: list[tuple[str, str]], version: str
) -> None:
    asked = "&".join(f"{key}={quote(value.encode('utf-8', 'replace'))}" for key, value in query)
    sound(stage.admin.get(f"/{'/'.join(parts)}" + (f"?{asked}" if asked else ""), version))


@BOUNDED
@given(
    st.sampled_from(POSTS), st.binary(max_size=60), st.sampled_from(["application/json", "text/plain", None])
)
def test_no_bytes_make_it_fail(stage: Stage, post: Post, data: bytes, kind: str | None) -> None:
    sound(stage.admin.send(post.method, post.path.format(s=stage), data, kind, post.version))
