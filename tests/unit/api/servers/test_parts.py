from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from compute_service.domain.flow import Failure, FlowState, StepState
from compute_service.domain.instance import Instance
from compute_service.domain.states import VmState
from compute_service.flows.kinds.build import build_id
from compute_service.store.flow_steps import step_start
from compute_service.store.flows import flow_insert
from compute_service.store.instances import instance_delete
from compute_service.store.migrations import migration_insert
from tests.fixtures.records import a_flow, a_migration, a_step
from tests.fixtures.stores import EPOCH
from tests.unit.api.world import CELL, World, at
from tests.unit.api.wsgi import OTHER, OWN, Caller


@pytest.fixture
def member(world: World) -> Caller:
    return world.caller()


@pytest.fixture
def admin(world: World) -> Caller:
    return world.caller("root", role="admin")


@pytest.fixture
def server(world: World) -> Instance:
    return world.server(
        task_state=None, locked_by=None, metadata={"role": "db"}, tags=("blue",), availability_zone="az1"
    )


def update(caller: Caller, server: Instance, version: str | None = None, **fields: Any) -> Any:
    return caller.put(f"/servers/{server.uuid}", {"server": fields}, version)


def test_a_server_is_changed(member: Caller, server: Instance) -> None:
    reply = update(
        member, server, name="new", description="d", hostname="a.b", accessIPv4="10.0.0.1",
        accessIPv6="fd00::1", **{"OS-DCF:diskConfig": "MANUAL"},
    )  # fmt: skip
    assert reply.status == 200, reply
    expected = {
        "name": "new", "description": "d", "OS-EXT-SRV-ATTR:hostname": "a.b", "accessIPv4": "10.0.0.1",
        "accessIPv6": "fd00::1", "OS-DCF:diskConfig": "MANUAL",
    }  # fmt: skip
    view = reply.body["server"]
    assert {name: view[name] for name in expected} == expected
    assert member.get(f"/servers/{server.uuid}").body["server"] == view


def test_an_update_of_nothing_changes_nothing(member: Caller, server: Instance) -> None:
    before = member.get(f"/servers/{server.uuid}").body
    assert update(member, server).body == before


@pytest.mark.parametrize(("version", "whole"), [("2.74", False), ("2.75", True)])
def test_an_update_answers_with_the_whole_server_from_2_75_on(
    admin: Caller, server: Instance, version: str, whole: bool
) -> None:
    view = update(admin, server, version, name="new").body["server"]
    more = {"OS-EXT-STS:vm_state", "OS-EXT-SRV-ATTR:host", "key_name", "host_status", "config_drive"}
    assert (more <= view.keys()) is whole
    assert bool(more & view.keys()) is whole
    assert {"locked", "tags", "server_groups", "description"} <= view.keys()
    address = view["addresses"]["private"][0]
    assert ("OS-EXT-IPS:type" in address) is whole


@pytest.mark.parametrize(
    ("fields", "since"),
    [
        ({"description": None}, 19),
        ({"hostname": "web"}, 90),
        ({"hostname": "web.example.org"}, 94),
        ({"pinned_availability_zone": None}, 104),
    ],
)
def test_an_update_takes_a_field_from_its_version_on(
    member: Caller, server: Instance, fields: dict[str, Any], since: int
) -> None:
    assert update(member, server, f"2.{since - 1}", **fields).status == 400
    assert update(member, server, f"2.{since}", **fields).status == 200


@pytest.mark.parametrize(
    "fields",
    [{"name": ""}, {"name": None}, {"accessIPv4": "x"}, {"hostname": "a b"}, {"more": 1}, {"status": "x"}],
)
def test_a_bad_update_is_refused(member: Caller, server: Instance, fields: dict[str, Any]) -> None:
    assert update(member, server, **fields).status == 400


def test_a_server_is_pinned_to_where_it_is(world: World, member: Caller) -> None:
    server = world.server(availability_zone="az1", pinned_availability_zone="az1")
    assert update(member, server, pinned_availability_zone="az2").status == 409
    reply = update(member, server, pinned_availability_zone=None)
    assert reply.body["server"]["pinned_availability_zone"] is None
    assert update(member, server, pinned_availability_zone="az2").status == 409
    reply = update(member, server, pinned_availability_zone="az1")
    assert reply.body["server"]["pinned_availability_zone"] == "az1"


def test_metadata(member: Caller, server: Instance) -> None:
    base = f"/servers/{server.uuid}/metadata"
    assert member.get(base).body == {"metadata": {"role": "db"}}
    assert member.post(base, {"metadata": {"a": "b"}}).body == {"metadata": {"role": "db", "a": "b"}}
    assert member.get(f"{base}/a").body == {"meta": {"a": "b"}}
    assert member.put(f"{base}/a", {"meta": {"a": "c"}}).body == {"meta": {"a": "c"}}
    reply = member.delete(f"{base}/a")
    assert (reply.status, reply.raw) == (204, b"")
    for gone in (member.get(f"{base}/a"), member.delete(f"{base}/a")):
        assert (gone.status, gone.message) == (404, "Metadata item was not found")
    assert member.put(base, {"metadata": {"x": "y"}}).body == {"metadata": {"x": "y"}}
    assert member.get(base).body == {"metadata": {"x": "y"}}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"metadata": {"a/b": "c"}}),
        ("POST", "", {"metadata": {"a": "x" * 256}}),
        ("POST", "", {"metadata": {"a": None}}),
        ("POST", "", {"metadata": []}),
        ("PUT", "", {}),
        ("PUT", "", {"metadata": {}, "more": 1}),
        ("PUT", "/a", {"meta": {"b": "c"}}),
        ("PUT", "/a", {"meta": {}}),
        ("PUT", "/a", {"meta": {"a": "b", "c": "d"}}),
        ("PUT", "/a", {"meta": {"a": 1}}),
    ],
)
def test_bad_metadata_is_refused(member: Caller, server: Instance, method: str, path: str, body: Any) -> None:
    reply = member.call(method, f"/v2.1/servers/{server.uuid}/metadata{path}", body)
    assert reply.status == 400


def test_metadata_has_a_quota(member: Caller, server: Instance) -> None:
    base = f"/servers/{server.uuid}/metadata"
    full = {str(number): "x" for number in range(128)}
    assert member.put(base, {"metadata": {**full, "more": "x"}}).status == 403
    assert member.put(base, {"metadata": full}).status == 200
    assert member.post(base, {"metadata": {"more": "x"}}).status == 403
    assert member.put(f"{base}/more", {"meta": {"more": "x"}}).status == 403


@pytest.mark.parametrize("fields", [{"locked_by": "owner"}, {"vm_state": VmState.ERROR}])
def test_metadata_of_some_servers_is_left_alone(world: World, member: Caller, fields: dict[str, Any]) -> None:
    server = world.server(**{"locked_by": None, "task_state": None, **fields})
    base = f"/servers/{server.uuid}/metadata"
    assert member.post(base, {"metadata": {"a": "b"}}).status == 409
    assert member.put(base, {"metadata": {"a": "b"}}).status == 409
    assert member.put(f"{base}/a", {"meta": {"a": "b"}}).status == 409
    assert member.delete(f"{base}/role").status == 409


def test_tags(member: Caller, server: Instance) -> None:
    base = f"/servers/{server.uuid}/tags"
    assert member.get(base).body == {"tags": ["blue"]}
    assert member.get(f"{base}/blue").status == 204
    assert member.get(f"{base}/red").status == 404
    reply = member.put(f"{base}/red", None)
    assert reply.status == 201
    assert reply.header("Location") == [f"http://127.0.0.1:8774/v2.1{base}/red"]
    assert member.put(f"{base}/red", None).status == 204
    assert member.get(base).body == {"tags": ["blue", "red"]}
    assert member.delete(f"{base}/red").status == 204
    assert member.delete(f"{base}/red").status == 404
    assert member.put(base, {"tags": ["x", "y"]}).body == {"tags": ["x", "y"]}
    assert member.delete(base).status == 204
    assert member.get(base).body == {"tags": []}


def test_a_tag_may_be_any_word(member: Caller, server: Instance) -> None:
    base = f"/servers/{server.uuid}/tags"
    reply = member.put(f"{base}/gr%C3%B6%C3%9Fe", None)
    assert reply.header("Location") == [f"http://127.0.0.1:8774/v2.1{base}/gr%C3%B6%C3%9Fe"]
    assert member.get(base).body == {"tags": ["blue", "größe"]}
    assert member.get(f"{base}/größe").status == 204
    assert member.get(f"{base}/%FF").status == 404


@pytest.mark.parametrize("body", [{}, {"tags": "x"}, {"tags": ["a,b"]}, {"tags": [""]}, {"tags": [1]}])
def test_bad_tags_are_refused(member: Caller, server: Instance, body: Any) -> None:
    assert member.put(f"/servers/{server.uuid}/tags", body).status == 400


def test_a_server_has_at_most_50_tags(member: Caller, server: Instance) -> None:
    base = f"/servers/{server.uuid}/tags"
    assert member.put(base, {"tags": [str(n) for n in range(51)]}).status == 400
    assert member.put(base, {"tags": [str(n) for n in range(50)]}).status == 200
    assert member.put(f"{base}/more", None).status == 400
    assert member.put(f"{base}/a,b", None).status == 400
    assert member.put(f"{base}/{'x' * 61}", None).status == 400


def test_tags_of_a_broken_server_are_left_alone(world: World, member: Caller) -> None:
    base = f"/servers/{world.server(vm_state=VmState.ERROR).uuid}/tags"
    assert member.put(base, {"tags": []}).status == 409
    assert member.put(f"{base}/a", None).status == 409
    assert member.delete(f"{base}/blue").status == 409
    assert member.delete(base).status == 409


@pytest.mark.parametrize(("version", "status"), [("2.25", 404), ("2.26", 200)])
def test_tags_come_with_2_26(member: Caller, server: Instance, version: str, status: int) -> None:
    assert member.get(f"/servers/{server.uuid}/tags", version).status == status
    assert member.get(f"/servers/{server.uuid}/tags?x=1", "2.104").status == 200


def test_addresses(member: Caller, server: Instance) -> None:
    addresses = [
        {"version": 4, "addr": "10.0.0.5"},
        {"version": 4, "addr": "203.0.113.7"},
        {"version": 6, "addr": "fd00::5"},
    ]
    base = f"/servers/{server.uuid}/ips"
    assert member.get(base).body == {"addresses": {"private": addresses}}
    assert member.get(f"{base}/private").body == {"private": addresses}
    assert member.get(f"{base}/public").status == 404


def put_flow(world: World, server: Instance, minutes: int, **fields: Any) -> str:
    started = EPOCH + timedelta(minutes=minutes)
    flow = a_flow(
        **{
            "instance_uuid": server.uuid,
            "action": "stop",
            "state": FlowState.DONE,
            "request_id": f"req-{minutes}",
            "user_id": "alice",
            "project_id": OWN,
            "started_at": started,
            "updated_at": started,
            **fields,
        }
    )
    failure = Failure(kind="HostRejected", message="no room", details="a trace")
    with world.store.database(CELL).write() as tx:
        flow_insert(tx, flow)
        failed = flow.state is FlowState.FAILED
        step_start(tx, a_step(flow.id, 0, name="quiet"))
        state = StepState.FAILED if failed else StepState.DONE
        step_start(
            tx,
            a_step(
                flow.id, 1, name="stop", event="compute_stop_instance", host="host1", state=state,
                started_at=started, finished_at=started, error=failure if failed else None,
            ),
        )  # fmt: skip
    return f"req-{minutes}"


def actions(caller: Caller, server: Instance, query: str = "", version: str | None = None) -> Any:
    reply = caller.get(f"/servers/{server.uuid}/os-instance-actions{query}", version)
    assert reply.status == 200, reply
    return reply.body


def test_the_log_lists_what_was_done_newest_first(world: World, member: Caller, server: Instance) -> None:
    put_flow(world, server, 1)
    put_flow(world, server, 2, action="start", state=FlowState.FAILED)
    put_flow(world, server, 3, action=None)
    newest, oldest = actions(member, server)["instanceActions"]
    assert newest == {
        "action": "start", "instance_uuid": server.uuid, "request_id": "req-2", "user_id": "alice",
        "project_id": OWN, "start_time": "2026-01-01T12:02:00.000000", "message": "Error",
        "updated_at": "2026-01-01T12:02:00.000000",
    }  # fmt: skip
    assert (oldest["action"], oldest["message"]) == ("stop", None)


def test_tries_of_one_action_are_one(world: World, member: Caller, server: Instance) -> None:
    put_flow(world, server, 1, action="create", state=FlowState.FAILED, request_id="req-c")
    put_flow(world, server, 2, action="create", state=FlowState.DONE, request_id="req-c")
    [found] = actions(member, server)["instanceActions"]
    assert (found["start_time"], found["message"]) == ("2026-01-01T12:01:00.000000", None)
    shown = member.get(f"/servers/{server.uuid}/os-instance-actions/req-c").body["instanceAction"]
    assert [event["result"] for event in shown["events"]] == ["Success", "Error"]


def test_the_placing_is_an_event_until_the_build_begins(
    world: World, member: Caller, server: Instance
) -> None:
    put_flow(world, server, 1, id=build_id(server.uuid), kind="build", action="create")
    shown = member.get(f"/servers/{server.uuid}/os-instance-actions/req-1").body["instanceAction"]
    assert [event["event"] for event in shown["events"]] == [
        "compute_stop_instance",
        "conductor_schedule_and_build_instances",
    ]
    assert shown["events"][1]["result"] == "Success"


def test_the_placing_of_a_server_without_a_host_failed(world: World, admin: Caller, server: Instance) -> None:
    why = Failure(kind="NoValidHost", message="No valid host was found.")
    failed = a_flow(
        id=build_id(server.uuid), kind="build", action="create", instance_uuid=server.uuid,
        request_id="req-1", state=FlowState.FAILED, error=why, started_at=EPOCH, finished_at=EPOCH,
    )  # fmt: skip
    with world.store.database(CELL).write() as tx:
        flow_insert(tx, failed)
    shown = admin.get(f"/servers/{server.uuid}/os-instance-actions/req-1").body["instanceAction"]
    (event,) = shown["events"]
    assert (event["event"], event["result"]) == ("conductor_schedule_and_build_instances", "Error")
    assert event["details"] == why.message


@pytest.mark.parametrize(("version", "has"), [("2.57", False), ("2.58", True)])
def test_the_log_is_paged_from_2_58_on(
    world: World, member: Caller, server: Instance, version: str, has: bool
) -> None:
    for minute in (1, 2, 3):
        put_flow(world, server, minute)
    page = actions(member, server, "?limit=2", version)
    assert len(page["instanceActions"]) == (2 if has else 3)
    assert ("updated_at" in page["instanceActions"][0]) is has
    if has:
        base = f"http://127.0.0.1:8774/v2.1/servers/{server.uuid}/os-instance-actions"
        assert page["links"] == [{"rel": "next", "href": f"{base}?limit=2&marker=req-2"}]
        rest = actions(member, server, "?limit=2&marker=req-2", version)
        assert [one["request_id"] for one in rest["instanceActions"]] == ["req-1"]
        assert "links" not in rest


def test_the_log_is_searched_by_time(world: World, member: Caller, server: Instance) -> None:
    for minute in (1, 2, 3):
        put_flow(world, server, minute)

    def found(query: str, version: str) -> list[str]:
        return [one["request_id"] for one in actions(member, server, query, version)["instanceActions"]]

    assert found("?changes-since=2026-01-01T12:02:00Z", "2.58") == ["req-3", "req-2"]
    assert found("?changes-before=2026-01-01T12:02:00Z", "2.66") == ["req-2", "req-1"]
    url = f"/servers/{server.uuid}/os-instance-actions"
    both = "?changes-since=2026-01-02T00:00:00Z&changes-before=2026-01-01T00:00:00Z"
    for bad in ("?changes-before=2026-01-01T12:02:00Z", "?limit=1&limit=2", "?x=1", "?marker=none"):
        assert member.get(url + bad, "2.65").status == 400
    assert member.get(url + both, "2.66").status == 400
    assert member.get(url + "?x=1", "2.57").status == 200


@pytest.mark.parametrize(
    ("minor", "role", "keys"),
    [
        (50, "member", None),
        (50, "admin", {"traceback"}),
        (51, "member", set()),
        (51, "admin", {"traceback"}),
        (61, "member", set()),
        (62, "member", {"hostId"}),
        (62, "admin", {"traceback", "hostId", "host"}),
        (83, "admin", {"traceback", "hostId", "host"}),
        (84, "member", {"hostId"}),
        (84, "admin", {"traceback", "hostId", "host", "details"}),
    ],
)
def test_events_show_by_version_and_role(
    world: World, server: Instance, minor: int, role: str, keys: set[str] | None
) -> None:
    request_id = put_flow(world, server, 1, state=FlowState.FAILED)
    url = f"/servers/{server.uuid}/os-instance-actions/{request_id}"
    action = world.caller(role=role).get(url, f"2.{minor}").body["instanceAction"]
    assert action["action"] == "stop"
    if keys is None:
        assert "events" not in action
        return
    [event] = action["events"]
    assert event.keys() == {"event", "start_time", "finish_time", "result"} | keys
    assert (event["event"], event["result"]) == ("compute_stop_instance", "Error")
    if "details" in keys:
        assert (event["details"], event["traceback"], event["host"]) == ("no room", "a trace", "host1")


def test_an_unknown_action_is_not_found(member: Caller, server: Instance) -> None:
    assert member.get(f"/servers/{server.uuid}/os-instance-actions/req-x").status == 404


@pytest.mark.parametrize(("version", "status"), [("2.20", 404), ("2.21", 200)])
def test_the_log_of_a_deleted_server_can_be_read_from_2_21_on(
    world: World, member: Caller, server: Instance, version: str, status: int
) -> None:
    request_id = put_flow(world, server, 1)
    with world.store.database(CELL).write() as tx:
        instance_delete(tx, server, at(2026, 2, 1))
    url = f"/servers/{server.uuid}/os-instance-actions"
    assert member.get(url, version).status == status
    assert member.get(f"{url}/{request_id}", version).status == status


def put_migration(world: World, server: Instance, **fields: Any) -> int:
    usual = {"migration_type": "live-migration", "status": "running", "memory_total": 7}
    with world.store.database(CELL).write() as tx:
        return migration_insert(tx, a_migration(server.uuid, **{**usual, **fields})).id


@pytest.mark.parametrize(
    ("minor", "keys"), [(23, set()), (58, set()), (59, {"uuid"}), (80, {"uuid", "user_id", "project_id"})]
)
def test_running_live_migrations(
    world: World, admin: Caller, server: Instance, minor: int, keys: set[str]
) -> None:
    number = put_migration(world, server)
    put_migration(world, server, status="completed")
    url = f"/servers/{server.uuid}/migrations"
    [found] = admin.get(url, f"2.{minor}").body["migrations"]
    plain = {
        "id", "server_uuid", "status", "source_compute", "source_node", "dest_compute", "dest_host",
        "dest_node", "created_at", "updated_at", "memory_total_bytes", "memory_processed_bytes",
        "memory_remaining_bytes", "disk_total_bytes", "disk_processed_bytes", "disk_remaining_bytes",
    }  # fmt: skip
    assert found.keys() == plain | keys
    assert (found["id"], found["memory_total_bytes"], found["source_compute"]) == (number, 7, "host1")
    assert admin.get(f"{url}/{number}", f"2.{minor}").body["migration"] == found


def test_hosts_of_migrations_are_for_admins(world: World, server: Instance) -> None:
    put_migration(world, server)
    [found] = world.caller(role="manager").get(f"/servers/{server.uuid}/migrations").body["migrations"]
    assert (found["source_compute"], found["dest_compute"]) == (None, None)


def test_other_migrations_are_not_found_here(world: World, admin: Caller, server: Instance) -> None:
    url = f"/servers/{server.uuid}/migrations"
    cold = put_migration(world, server, migration_type="migration")
    done = put_migration(world, server, status="completed")
    for number in (cold, done, 99, "x", "1.5"):
        assert admin.get(f"{url}/{number}").status == 404
    assert admin.get(url, "2.22").status == 404


@pytest.mark.parametrize(
    "path", ["metadata", "metadata/role", "tags", "ips", "os-instance-actions", "migrations", "diagnostics"]
)
def test_what_hangs_on_a_foreign_server_is_not_found(world: World, path: str) -> None:
    server = world.server(project_id=OTHER)
    assert world.caller(role="manager").get(f"/servers/{server.uuid}/{path}").status == 404


@pytest.mark.parametrize("path", ["metadata", "metadata/role", "ips", "migrations", "os-instance-actions"])
def test_parts_refuse_unknown_parameters_from_2_102_on(
    world: World, admin: Caller, server: Instance, path: str
) -> None:
    url = f"/servers/{server.uuid}/{path}?x=1"
    before = 400 if path == "os-instance-actions" else 200
    assert (admin.get(url, "2.101").status, admin.get(url, "2.102").status) == (before, 400)
