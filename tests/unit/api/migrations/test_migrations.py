from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from compute_service.domain.migration import Migration
from compute_service.store.migrations import migration_insert
from tests.fixtures.records import a_migration, new_uuid
from tests.fixtures.stores import EPOCH
from tests.unit.api.hosts import HostWorld
from tests.unit.api.world import CELL
from tests.unit.api.wsgi import OTHER, OWN, Caller


def put(world: HostWorld, minutes: int = 0, **fields: Any) -> Migration:
    at = EPOCH + timedelta(minutes=minutes)
    values = {"project_id": OWN, "created_at": at, "updated_at": at, **fields}
    with world.store.database(CELL).write() as tx:
        return migration_insert(tx, a_migration(values.pop("instance_uuid", new_uuid()), **values))


def listed(caller: Caller, query: str = "", version: str = "2.104") -> list[dict[str, Any]]:
    reply = caller.get(f"/os-migrations?{query}", version)
    assert reply.status == 200, reply
    return list(reply.body["migrations"])


def test_a_migration_shows_from_where_to_where(world: HostWorld, admin: Caller) -> None:
    one = put(world, old_flavor_id=1, new_flavor_id=2, dest_host="10.0.0.2", source_node="n1", dest_node="n2")
    assert listed(admin) == [
        {
            "id": one.id,
            "uuid": one.uuid,
            "instance_uuid": one.instance_uuid,
            "status": "migrating",
            "migration_type": "resize",
            "source_compute": "host1",
            "source_node": "n1",
            "dest_compute": "host2",
            "dest_node": "n2",
            "dest_host": "10.0.0.2",
            "old_instance_type_id": 1,
            "new_instance_type_id": 2,
            "user_id": "user",
            "project_id": OWN,
            "created_at": EPOCH.isoformat(timespec="microseconds"),
            "updated_at": EPOCH.isoformat(timespec="microseconds"),
        }
    ]


@pytest.mark.parametrize(
    ("version", "has", "lacks"),
    [
        ("2.22", set(), {"migration_type", "links", "uuid", "user_id"}),
        ("2.23", {"migration_type", "links"}, {"uuid", "user_id"}),
        ("2.58", {"migration_type", "links"}, {"uuid", "user_id"}),
        ("2.59", {"uuid"}, {"user_id", "project_id"}),
        ("2.79", {"uuid"}, {"user_id", "project_id"}),
        ("2.80", {"uuid", "user_id", "project_id"}, set()),
    ],
)
def test_fields_come_with_the_version(
    world: HostWorld, admin: Caller, version: str, has: set[str], lacks: set[str]
) -> None:
    put(world, migration_type="live-migration", status="running")
    [shown] = listed(admin, version=version)
    assert has <= shown.keys()
    assert not lacks & shown.keys()


def test_a_running_live_migration_has_links(world: HostWorld, admin: Caller) -> None:
    running = put(world, 2, migration_type="live-migration", status="running")
    put(world, 1, migration_type="live-migration", status="completed")
    first, second = listed(admin)
    path = f"servers/{running.instance_uuid}/migrations/{running.id}"
    assert [link["href"] for link in first["links"]] == [
        f"http://127.0.0.1:8774/v2.1/{path}",
        f"http://127.0.0.1:8774/{path}",
    ]
    assert "links" not in second


def test_filters(world: HostWorld, admin: Caller) -> None:
    one = put(world, 1)
    two = put(
        world, 2, source_compute="host3", dest_compute="host1", status="error", migration_type="migration",
        project_id=OTHER, user_id="bob",
    )  # fmt: skip
    put(world, 3, hidden=True)

    def found(query: str) -> list[int]:
        return [shown["id"] for shown in listed(admin, query)]

    assert found("") == [two.id, one.id]
    assert found("host=host1") == [two.id, one.id]
    assert found("host=host3") == found("source_compute=host3") == found("status=error") == [two.id]
    assert found("migration_type=resize") == found(f"instance_uuid={one.instance_uuid}") == [one.id]
    assert found(f"project_id={OTHER}") == found("user_id=bob") == [two.id]
    assert len(found("hidden=1")) == 1
    assert found(f"changes-since={(EPOCH + timedelta(minutes=2)).isoformat()}Z") == [two.id]
    assert found(f"changes-before={(EPOCH + timedelta(minutes=1)).isoformat()}Z") == [one.id]
    both = "changes-since=2030-01-01T00:00:00Z&changes-before=2020-01-01T00:00:00Z"
    assert admin.get(f"/os-migrations?{both}").status == 400
    assert admin.get("/os-migrations?changes-since=yesterday").status == 400


def test_pages_follow_each_other(world: HostWorld, admin: Caller) -> None:
    made = [put(world, minutes) for minutes in (3, 2, 1)]
    first = admin.get("/os-migrations?limit=2&host=host1").body
    assert [one["uuid"] for one in first["migrations"]] == [made[0].uuid, made[1].uuid]
    [link] = first["migrations_links"]
    assert link["href"].endswith(f"/v2.1/os-migrations?host=host1&limit=2&marker={made[1].uuid}")
    second = admin.get(f"/os-migrations?limit=2&marker={made[1].uuid}").body
    assert [one["uuid"] for one in second["migrations"]] == [made[2].uuid]
    assert "migrations_links" not in second
    assert admin.get(f"/os-migrations?marker={new_uuid()}").status == 400
    assert admin.get("/os-migrations?limit=x").status == 400


@pytest.mark.parametrize(
    ("query", "since"),
    [
        ("limit=1", 59),
        (f"marker={new_uuid()}", 59),
        ("changes-since=2020-01-01T00:00:00Z", 59),
        ("changes-before=2030-01-01T00:00:00Z", 66),
        ("user_id=user", 80),
        (f"project_id={OWN}", 80),
    ],
)
def test_parameters_came_with_versions(world: HostWorld, admin: Caller, query: str, since: int) -> None:
    put(world, 1)
    put(world, 2)
    before = admin.get(f"/os-migrations?{query}", f"2.{since - 1}")
    assert before.status == (200 if since == 59 else 400)
    if since == 59:
        assert len(before.body["migrations"]) == 2
    assert admin.get(f"/os-migrations?{query}", f"2.{since}").status == (400 if "marker" in query else 200)


@pytest.mark.parametrize(("version", "status"), [("2.58", 200), ("2.59", 400)])
def test_unknown_parameters_are_refused_from_2_59_on(admin: Caller, version: str, status: int) -> None:
    assert admin.get("/os-migrations?x=1", version).status == status


def test_managers_see_their_projects_migrations_without_hosts(
    world: HostWorld, admin: Caller, member: Caller
) -> None:
    put(world, 1, dest_host="10.0.0.2", source_node="n1", dest_node="n2")
    put(world, 2, project_id=OTHER)
    manager = world.caller("mona", role="manager")
    [shown] = listed(manager, f"project_id={OWN}")
    hosts = ("source_compute", "source_node", "dest_compute", "dest_node", "dest_host")
    assert [shown[name] for name in hosts] == [None] * 5
    for query in ("", f"project_id={OTHER}"):
        refused = manager.get(f"/os-migrations?{query}")
        assert (refused.status, "os-migrations:index:all_projects" in refused.message) == (403, True)
    refused = member.get(f"/os-migrations?project_id={OWN}")
    assert (refused.status, "os-migrations:index " in refused.message) == (403, True)
    assert len(listed(admin)) == 2


def test_a_cell_that_is_down_is_passed_over(world: HostWorld, admin: Caller) -> None:
    put(world)
    world.cell_is_down()
    assert listed(admin) == []
