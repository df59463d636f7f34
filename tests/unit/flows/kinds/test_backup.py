"""Backups: snapshots of which a server keeps so many."""

from __future__ import annotations

import pytest

from compute_service.control.snapshot import create_backup
from compute_service.domain.errors import Forbidden, HostRejected, OverQuota
from compute_service.domain.flow import FlowState
from compute_service.domain.order import BackupOrder
from compute_service.store.servers import Located
from tests.unit.flows.kinds.accounts import check
from tests.unit.flows.kinds.conftest import MakeWorld
from tests.unit.flows.kinds.world import MEMBER, World, state_of


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


def back_up(world: World, server: Located, rotation: int, kind: str = "daily") -> str | None:
    order = BackupOrder(name="copy", backup_type=kind, rotation=rotation)
    made = create_backup(MEMBER, world.svc, world.see(server.instance.uuid), order)
    world.settle()
    world.clock.advance(10)
    world.beat()
    assert state_of(world.see(server.instance.uuid)) == ("active", None)
    return made


def backups(world: World) -> set[str]:
    found = world.images.images.values()
    return {one.id for one in found if one.properties.get("image_type") == "backup"}


def test_the_oldest_backups_of_a_type_go(world: World) -> None:
    server, other = world.boot(), world.boot()
    made = [back_up(world, server, 2) for _ in range(3)]
    weekly, of_other = back_up(world, server, 1, "weekly"), back_up(world, other, 1)
    assert backups(world) == {*made[1:], weekly, of_other}
    check(world)


def test_a_backup_says_what_it_is(world: World) -> None:
    server = world.boot()
    made = back_up(world, server, 1)
    image = world.images.images[made or ""]
    assert image.status == "active"
    told = {key: image.properties[key] for key in ("image_type", "backup_type", "instance_uuid")}
    assert told == {"image_type": "backup", "backup_type": "daily", "instance_uuid": server.instance.uuid}


def test_a_row_of_none_takes_no_backup_and_removes_all(world: World) -> None:
    server = world.boot()
    for _ in range(2):
        back_up(world, server, 5)
    assert back_up(world, server, 0) is None
    assert backups(world) == set()
    check(world)


def test_a_protected_backup_stays(world: World) -> None:
    server = world.boot()
    first = back_up(world, server, 1)
    world.images.update(first or "", protected=True)
    second = back_up(world, server, 1)
    assert backups(world) == {first, second}


def test_a_backup_that_failed_removes_nothing_but_itself(world: World) -> None:
    server = world.boot()
    first = back_up(world, server, 1)
    world.hosts["h1"].faults.add("snapshot", HostRejected("no"), half=True)
    back_up(world, server, 1)
    assert backups(world) == {first}
    check(world)


def test_a_new_backup_stays_although_older_ones_cannot_be_removed(world: World) -> None:
    server = world.boot()
    first = back_up(world, server, 1)
    world.images.fail_next("find", Forbidden("The service may not list images."), times=1000)
    second = back_up(world, server, 1)
    assert backups(world) == {first, second}
    assert [flow.state for flow in world.flows() if flow.kind == "backup"].count(FlowState.STUCK) == 1


def test_the_quota_of_metadata_holds_where_it_did(world: World) -> None:
    server = world.boot()
    world.with_settings("quota", metadata_items=1)
    order = BackupOrder(
        name="copy", backup_type="daily", rotation=1, metadata={"a": "1", "b": "2"}, count_metadata=True
    )
    with pytest.raises(OverQuota):
        create_backup(MEMBER, world.svc, server, order)
    create_backup(MEMBER, world.svc, server, order.replace(count_metadata=False))
    world.settle()
    assert len(backups(world)) == 1
