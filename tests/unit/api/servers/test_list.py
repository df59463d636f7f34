from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compute_service.config.settings import Settings
from compute_service.domain.states import TaskState, VmState
from compute_service.domain.vif import FixedIp, Vif
from compute_service.store.instances import instance_delete
from tests.unit.api.world import CELL, World, at, make_world
from tests.unit.api.wsgi import OTHER, OWN, Caller


@pytest.fixture
def member(world: World) -> Caller:
    return world.caller()


@pytest.fixture
def admin(world: World) -> Caller:
    return world.caller("root", role="admin")


def names(caller: Caller, query: str = "", version: str = "2.104") -> list[str]:
    reply = caller.get(f"/servers?sort_key=display_name&sort_dir=asc&{query}", version)
    assert reply.status == 200, reply
    return [server["name"] for server in reply.body["servers"]]


def test_a_list_shows_name_and_links(world: World, member: Caller) -> None:
    server = world.server()
    assert member.get("/servers").body == {
        "servers": [
            {
                "id": server.uuid,
                "name": server.display_name,
                "links": [
                    {"rel": "self", "href": f"http://127.0.0.1:8774/v2.1/servers/{server.uuid}"},
                    {"rel": "bookmark", "href": f"http://127.0.0.1:8774/servers/{server.uuid}"},
                ],
            }
        ]
    }


def test_links_have_the_project_when_the_request_has(world: World, member: Caller) -> None:
    server = world.server()
    links = member.get(f"/{OWN}/servers").body["servers"][0]["links"]
    assert links[0]["href"] == f"http://127.0.0.1:8774/v2.1/{OWN}/servers/{server.uuid}"


def test_others_servers_are_listed_to_admins_who_ask(world: World, member: Caller, admin: Caller) -> None:
    world.server(display_name="a")
    world.server(display_name="b", project_id=OTHER)
    assert names(member) == names(admin) == ["a"]
    assert names(admin, "all_tenants=1") == names(admin, "all_tenants=") == ["a", "b"]
    assert names(admin, "all_tenants=0") == ["a"]
    assert names(admin, f"all_tenants=1&project_id={OTHER}") == ["b"]
    assert names(admin, f"all_tenants=1&tenant_id={OTHER}") == ["b"]
    assert names(admin, f"tenant_id={OTHER}") == ["a"]
    assert admin.get("/servers?all_tenants=maybe").status == 400


@pytest.mark.parametrize("path", ["/servers", "/servers/detail"])
def test_all_tenants_is_for_admins(member: Caller, path: str) -> None:
    which = "detail" if path.endswith("detail") else "index"
    reply = member.get(f"{path}?all_tenants=1")
    assert reply.status == 403
    assert f"os_compute_api:servers:{which}:get_all_tenants" in reply.message


def test_servers_without_a_cell_are_listed_too(world: World, member: Caller) -> None:
    world.server(display_name="placed")
    world.server(None, display_name="waiting", vm_state=VmState.BUILDING, task_state=TaskState.SCHEDULING)
    assert names(member) == ["placed", "waiting"]


@pytest.mark.parametrize(
    ("fields", "query"),
    [
        ({"reservation_id": "r-1"}, "reservation_id=r-1"),
        ({"display_name": "b-1"}, "name=b-"),
        ({"display_name": "b-1"}, "name=^b"),
        ({"image_ref": "8c19174f-4220-44f0-824a-cd1eeef10287"}, "image=8c19174f-4220-44f0-824a-cd1eeef10287"),
        ({"vm_state": VmState.STOPPED, "task_state": None}, "status=SHUTOFF"),
        ({"vm_state": VmState.STOPPED, "task_state": None}, "status=shutoff&status=paused"),
        ({"vm_state": VmState.ACTIVE, "task_state": TaskState.REBOOTING_HARD}, "status=HARD_REBOOT"),
        ({"locked_by": "owner"}, "locked=true"),
        ({"availability_zone": "az9"}, "availability_zone=az9"),
        ({"config_drive": True}, "config_drive=True"),
        ({"key_name": "special"}, "key_name=special"),
        ({"power_state": 4}, "power_state=4"),
        ({"vm_state": VmState.SUSPENDED}, "vm_state=suspended"),
        ({"task_state": TaskState.PAUSING}, "task_state=pausing"),
        ({"progress": 77}, "progress=77"),
        ({"hostname": "special"}, "hostname=special"),
        ({"created_at": at(2020, 1, 1)}, "created_at=2020-01-01T00:00:00"),
        ({"launched_at": at(2020, 1, 1)}, "launched_at=2020-01-01T00:00:00"),
        ({"tags": ("red",)}, "tags=red"),
        ({"tags": ("red", "big")}, "tags=red,big"),
        ({"tags": ("red",)}, "tags-any=red,pink"),
        ({"tags": ("red",)}, "not-tags=small"),
        ({"tags": ("red",)}, "not-tags-any=small,tiny"),
    ],
)
def test_everyone_may_filter_by(world: World, member: Caller, fields: dict[str, Any], query: str) -> None:
    plain: dict[str, Any] = {
        "display_name": "a",
        "vm_state": VmState.ACTIVE,
        "task_state": None,
        "locked_by": None,
        "config_drive": False,
        "tags": ("small", "tiny"),
    }
    world.server(**plain)
    found = world.server(**{**plain, "display_name": "b", **fields})
    assert names(member, query) == [found.display_name]


def test_addresses_are_searched(world: World, member: Caller) -> None:
    def vif(address: str) -> tuple[Vif, ...]:
        ip = FixedIp(address=address, version=6 if ":" in address else 4)
        return (Vif(port_id="p", network_id="n", network_label="l", mac="m", fixed_ips=(ip,)),)

    world.server(display_name="a", vifs=vif("10.0.0.1"))
    world.server(display_name="b", vifs=vif("fd00::2"))
    assert names(member, "ip=10.0") == ["a"]
    assert names(member, "ip6=fd00") == ["b"]
    assert names(member, "ip6=fd00", "2.5") == ["b"]
    assert names(member, "ip6=fd00", "2.4") == ["a", "b"]


@pytest.mark.parametrize(
    ("query", "since"),
    [
        ("tags=none", 26),
        ("locked=true", 73),
        ("key_name=none", 83),
        ("user_id=none", 83),
        ("hostname=none", 90),
    ],
)
def test_a_filter_has_no_effect_before_its_version(
    world: World, member: Caller, query: str, since: int
) -> None:
    world.server(display_name="a", locked_by=None)
    assert names(member, query, f"2.{since - 1}") == ["a"]
    assert names(member, query, f"2.{since}") == []


@pytest.mark.parametrize("query", ["host=none", "node=none", "uuid=none", "launch_index=9", "locked_by=none"])
def test_other_filters_are_admins(world: World, member: Caller, admin: Caller, query: str) -> None:
    world.server(display_name="a", locked_by=None)
    assert names(member, query) == ["a"]
    assert names(admin, query) == []


@pytest.mark.parametrize("name", ["services", "metadata", "block_device_mapping", "info_cache"])
def test_what_hangs_on_a_server_is_no_filter(member: Caller, admin: Caller, name: str) -> None:
    assert admin.get(f"/servers?{name}=x").status == 400
    assert member.get(f"/servers?{name}=x").status == 200


@pytest.mark.parametrize(
    "query",
    ["name=*", "limit=-1", "limit=x", "sort_key=color", "sort_dir=up", "changes-since=yesterday",
     "changes-since=0001-01-01T00:00:00%2B14:00", "name=a{99999999999}",
     "sort_key=uuid&sort_dir=asc&sort_dir=desc", "marker=none", "locked=maybe", "created_at=x",
     "changes-since=2020-01-02T00:00:00Z&changes-before=2020-01-01T00:00:00Z"],
)  # fmt: skip
def test_bad_parameters_are_refused(member: Caller, query: str) -> None:
    assert member.get(f"/servers?{query}").status == 400


@pytest.mark.parametrize(("version", "status"), [("2.37", 200), ("2.38", 400)])
def test_an_unknown_status(world: World, member: Caller, version: str, status: int) -> None:
    world.server()
    reply = member.get("/servers?status=FLYING", version)
    assert reply.status == status
    if status == 200:
        assert reply.body == {"servers": []}


@pytest.mark.parametrize(("version", "status"), [("2.74", 200), ("2.75", 400)])
def test_unknown_parameters(member: Caller, version: str, status: int) -> None:
    assert member.get("/servers?color=red", version).status == status
    assert member.get("/servers/detail?color=red", version).status == status


def test_deleted_servers_are_for_admins(world: World, member: Caller, admin: Caller) -> None:
    world.server(display_name="a")
    gone = world.server(display_name="b")
    with world.store.database(CELL).write() as tx:
        instance_delete(tx, gone, at(2026, 1, 2))
    assert names(member) == names(member, "deleted=True") == ["a"]
    assert names(admin, "deleted=True") == ["b"]
    assert names(admin, "status=DELETED") == ["b"]
    assert names(admin, "deleted=nonsense") == ["a"]
    reply = member.get("/servers?status=deleted")
    assert (reply.status, reply.message) == (403, "Only administrators may list deleted instances")


def test_soft_deleted_servers_are_left_out(world: World, member: Caller, admin: Caller) -> None:
    world.server(display_name="a", vm_state=VmState.SOFT_DELETED)
    assert names(member) == []
    assert names(admin, "deleted=True") == ["a"]
    assert names(admin, "soft_deleted=True") == ["a"]


def test_changes_bring_deleted_servers_along(world: World, member: Caller) -> None:
    world.server(display_name="old", updated_at=at(2020, 1, 1))
    gone = world.server(display_name="gone")
    with world.store.database(CELL).write() as tx:
        instance_delete(tx, gone, at(2026, 6, 1))
    assert names(member, "changes-since=2026-05-01T00:00:00Z") == ["gone"]
    assert names(member, "changes-before=2020-05-01T00:00:00Z") == ["old"]
    assert names(member, "changes-before=2020-05-01T00:00:00Z", "2.65") == ["old"]
    whole = names(member, "changes-since=2019-01-01T00:00:00Z&changes-before=2027-01-01T00:00:00Z")
    assert whole == ["gone", "old"]


def test_changes_before_comes_with_2_66(world: World, member: Caller) -> None:
    world.server(display_name="new", updated_at=at(2026, 1, 1))
    assert names(member, "changes-before=2020-05-01T00:00:00Z", "2.65") == ["new"]
    assert names(member, "changes-before=2020-05-01T00:00:00Z", "2.66") == []


@pytest.mark.parametrize("key", ["host", "node"])
def test_sorting_by_host_is_for_admins(world: World, member: Caller, admin: Caller, key: str) -> None:
    world.server()
    assert member.get(f"/servers?sort_key={key}").status == 403
    assert admin.get(f"/servers?sort_key={key}").status == 200


def test_sort_keys_of_the_past_are_passed_over(world: World, member: Caller) -> None:
    world.server()
    assert member.get("/servers?sort_key=vcpus&sort_key=uuid").status == 200
    assert member.get("/servers?sort_key=vcpus").status == 200


def test_sorting_by_locked_comes_with_2_73(world: World, member: Caller) -> None:
    world.server(display_name="a", locked_by="owner")
    world.server(display_name="b", locked_by=None)
    query = "/servers?sort_key=locked&sort_key=display_name&sort_dir=asc"
    order = [server["name"] for server in member.get(query, "2.73").body["servers"]]
    before = [server["name"] for server in member.get(query, "2.72").body["servers"]]
    assert (order, before) == (["b", "a"], ["a", "b"])


@pytest.mark.parametrize("path", ["/servers", "/servers/detail"])
def test_pages_follow_one_another(world: World, member: Caller, path: str) -> None:
    for name in ("a", "b", "c"):
        world.server(display_name=name)
    world.server(None, display_name="d")
    seen: list[str] = []
    href = f"http://127.0.0.1:8774/v2.1{path}?limit=2&sort_key=display_name&sort_dir=asc"
    for _ in range(3):
        page = member.get(href.removeprefix("http://127.0.0.1:8774/v2.1")).body
        seen += [server["name"] for server in page["servers"]]
        if "servers_links" not in page:
            break
        href = page["servers_links"][0]["href"]
        assert href.startswith(f"http://127.0.0.1:8774/v2.1{path}?limit=2&marker=")
    assert seen == ["a", "b", "c", "d"]


@pytest.mark.parametrize("limit", ["1", "2", "100"])
def test_a_page_has_at_most_the_configured_number(limit: str) -> None:
    api = dataclasses.replace(Settings().api, max_limit=2)
    world = make_world(dataclasses.replace(Settings(), api=api))
    for _ in range(3):
        world.server()
    page = world.caller().get(f"/servers?limit={limit}").body
    assert len(page["servers"]) == (1 if limit == "1" else 2)
    assert "servers_links" in page
    world.store.close()


@pytest.mark.parametrize("count", [1, 50])
@pytest.mark.parametrize("path", ["/servers", "/servers/detail", "/servers/detail?limit=20&all_tenants=1"])
def test_a_page_of_any_size_takes_few_statements(world: World, count: int, path: str) -> None:
    admin = world.caller("root", role="admin")
    for _ in range(count):
        world.server()
    admin.get(path)
    before = world.statements()
    assert admin.get(path).status == 200
    assert world.statements() - before <= 6


def test_a_page_after_a_marker_takes_few_statements(world: World, member: Caller) -> None:
    servers = [world.server() for _ in range(3)]
    member.get("/servers/detail")
    before = world.statements()
    assert member.get(f"/servers/detail?marker={servers[0].uuid}").status == 200
    assert world.statements() - before <= 6


@pytest.mark.parametrize("path", ["/servers", "/servers/detail"])
def test_servers_of_a_cell_that_is_down_are_named_from_2_69_on(
    world: World, member: Caller, path: str
) -> None:
    lost = world.server()
    here = world.server(None)
    world.cell_is_down()
    assert [s["id"] for s in member.get(path, "2.68").body["servers"]] == [here.uuid]
    servers = member.get(path, "2.69").body["servers"]
    assert [s["id"] for s in servers] == [here.uuid, lost.uuid]
    assert servers[1]["status"] == "UNKNOWN"
    kept = (
        {"id", "status", "links"} if path == "/servers" else {"id", "status", "links", "tenant_id", "created"}
    )
    assert servers[1].keys() == kept


@pytest.mark.parametrize("query", ["?limit=10", "?name=x", "?status=ACTIVE", "?sort_key=uuid"])
def test_a_narrowed_list_leaves_cells_that_are_down_out(world: World, member: Caller, query: str) -> None:
    world.server()
    world.cell_is_down()
    assert member.get(f"/servers{query}").body["servers"] == []


def test_a_list_may_be_made_to_fail_when_a_cell_is_down() -> None:
    api = dataclasses.replace(Settings().api, list_records_by_skipping_down_cells=False)
    world = make_world(dataclasses.replace(Settings(), api=api))
    world.server()
    world.cell_is_down()
    assert world.caller().get("/servers", "2.68").status == 503
    assert world.caller().get("/servers", "2.69").status == 200
    world.store.close()


@pytest.mark.parametrize("path", ["/servers", "/servers/detail"])
def test_no_servers_are_listed_for_a_limit_of_0(world: World, member: Caller, path: str) -> None:
    world.server()
    assert member.get(f"{path}?limit=0").body == {"servers": []}
