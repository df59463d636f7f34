"""Acting on servers: what comes out, failures on hosts, hosts that are down, flows that are overtaken."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from compute_service.control import delete, power, rebuild, resize, shelve, snapshot
from compute_service.control.act import act
from compute_service.control.reset import reset_state
from compute_service.domain.errors import Conflict, Forbidden, HostRejected, InvalidState, Unavailable
from compute_service.domain.flow import FlowState
from compute_service.domain.order import RebuildOrder
from compute_service.domain.states import PowerState, VmState
from compute_service.store.mappings import instance_mapping_get
from compute_service.store.migrations import MigrationQuery, migration_page
from compute_service.store.servers import Located
from tests.unit.flows.kinds.accounts import check
from tests.unit.flows.kinds.conftest import MakeWorld
from tests.unit.flows.kinds.test_trouble import SCENARIOS, Scenario
from tests.unit.flows.kinds.trouble import GIVES_UP, GOES_ON, trouble
from tests.unit.flows.kinds.world import ADMIN, CELL, IMAGE, LARGE, MEMBER, SMALL, World, state_of

VERBS = {
    "start": "power_on",
    "stop": "power_off",
    "reboot": "reboot",
    "pause": "pause",
    "unpause": "unpause",
    "suspend": "suspend",
    "resume": "resume",
    "rebuild": "rebuild",
    "snapshot": "snapshot",
    "resize": "migrate_in",
    "migrate": "migrate_out",
    "evacuate": "spawn",
    "backup": "snapshot",
    "shelve": "snapshot",
    "shelve paused": "snapshot",
    "unshelve": "power_on",
    "unshelve offloaded": "spawn",
    "delete": "destroy",
    "delete resized": "migrate_settle",
    "restore": "power_on",
    "rescue": "rescue",
    "unrescue": "unrescue",
}
AFTER_FAILURE = {
    "start": "stopped",
    "stop": "active",
    "reboot": "error",
    "pause": "active",
    "unpause": "paused",
    "suspend": "active",
    "resume": "suspended",
    "rebuild": "error",
    "snapshot": "active",
    "resize": "active",
    "migrate": "active",
    "evacuate": "active",
    "backup": "active",
    "shelve": "active",
    "shelve paused": "stopped",
    "unshelve": "shelved",
    "unshelve offloaded": "shelved_offloaded",
    "delete": "error",
    "delete resized": "error",
    "restore": "soft-delete",
    "rescue": "active",
    "unrescue": "rescued",
}


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    made = make_world()
    made.with_settings("default", reclaim_instance_interval=300)
    return made


def ready(world: World, scenario: Scenario) -> Located:
    """Boot a server and bring it to where a scenario begins."""
    server = world.boot()
    scenario.before(world, server)
    world.settle()
    return world.see(server.instance.uuid)


def moves(world: World) -> list[tuple[str, str | None, str | None]]:
    """Return status, source and target of all migrations, newest first."""
    with world.store.database(CELL).read() as tx:
        found = migration_page(tx, MigrationQuery())
    return [(move.status, move.source_compute, move.dest_compute) for move in found]


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("name", VERBS)
def test_a_host_that_fails_leaves_a_server_in_a_state_with_an_exit(
    world: World, name: str, half: bool
) -> None:
    scenario = SCENARIOS[name]
    server = ready(world, scenario)
    for host in world.hosts.values():
        host.faults.add(VERBS[name], Conflict("the hypervisor said no"), times=4, half=half)
    scenario.act(world, server)
    world.settle()
    for host in world.hosts.values():
        host.faults.clear()
    seen = world.see(server.instance.uuid)
    assert state_of(seen) == (AFTER_FAILURE[name], None)
    assert seen.instance.fault is not None
    assert seen.instance.fault.message == "the hypervisor said no"
    delete.force_delete(ADMIN, world.svc, seen)
    world.settle()
    check(world)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize(("name", "verb"), [("confirm", "migrate_settle"), ("revert", "destroy")])
def test_a_move_that_is_being_settled_goes_on_until_it_is(
    world: World, name: str, verb: str, half: bool
) -> None:
    server = ready(world, SCENARIOS[name])
    for host in world.hosts.values():
        host.faults.add(verb, Conflict("the hypervisor said no"), times=4, half=half)
    SCENARIOS[name].act(world, server)
    world.settle()
    assert state_of(world.see(server.instance.uuid)) == ("active", None)
    check(world)


@pytest.mark.parametrize(("name", "ends"), [("confirm", "h2"), ("revert", "h1")])
def test_a_move_is_settled_without_the_other_host_when_that_goes_down(
    world: World, name: str, ends: str
) -> None:
    server = ready(world, SCENARIOS[name])
    SCENARIOS[name].act(world, server)
    world.lose("h1" if ends == "h2" else "h2")
    world.settle()
    seen = world.see(server.instance.uuid)
    assert (seen.instance.host, *state_of(seen)) == (ends, "active", None)
    check(world)


def test_a_kept_server_that_cannot_be_deleted_counts_again(world: World) -> None:
    server = world.boot()
    delete.delete(MEMBER, world.svc, server)
    world.settle()
    world.hosts["h1"].faults.add("destroy", Conflict("the hypervisor said no"), times=3)
    delete.force_delete(MEMBER, world.svc, world.see(server.instance.uuid))
    world.settle()
    seen = world.see(server.instance.uuid)
    assert state_of(seen) == ("error", None)
    assert seen.instance.deleted_at is None
    check(world)
    delete.force_delete(MEMBER, world.svc, seen)
    world.settle()
    check(world)


def test_what_is_deleted_for_good_is_not_kept_after_all(world: World) -> None:
    server = world.boot()
    delete.force_delete(MEMBER, world.svc, server)
    for seen in (server, world.see(server.instance.uuid)):
        delete.delete(MEMBER, world.svc, seen)
    world.settle()
    assert world.see(server.instance.uuid, deleted=True).instance.deleted
    check(world)


def test_a_deletion_that_follows_another_finds_the_server_as_it_is(world: World) -> None:
    server = world.boot()
    for _ in range(2):
        delete.force_delete(MEMBER, world.svc, server)  # The second was read before the first came.
    while world.messages:
        world.messages.popleft()()
        seen = world.see(server.instance.uuid, deleted=True)
        assert seen.instance.deleted or state_of(seen) == ("active", "deleting")
    world.settle()
    assert world.see(server.instance.uuid, deleted=True).instance.deleted
    check(world)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_server_may_be_deleted_in_the_middle_of_anything(world: World, name: str) -> None:
    scenario = SCENARIOS[name]
    for number in range(6):
        server = ready(world, scenario)
        scenario.act(world, server)
        for _ in range(number):
            if world.messages:
                world.messages.popleft()()
        found = world.see(server.instance.uuid, deleted=True)
        if not found.instance.deleted:
            delete.force_delete(MEMBER, world.svc, found)
        world.settle()
        assert world.see(server.instance.uuid, deleted=True).instance.deleted
        check(world)


@pytest.mark.parametrize("step", ["choose", "swap", "move out", "bind", "move in"])
@pytest.mark.parametrize("mode", [*GOES_ON, *GIVES_UP])
@pytest.mark.parametrize("action", ["resize", "migrate"])
def test_a_move_is_taken_back_whatever_happens_meanwhile(
    world: World, step: str, mode: str, action: str
) -> None:
    scenario = SCENARIOS[action]
    server = ready(world, scenario)
    for host in world.hosts.values():
        host.faults.add("migrate_in", HostRejected("not here"), half=True)
    with trouble(world, "resize", step, mode, undo=True) as times:
        scenario.act(world, server)
        world.settle()
        assert times.struck == 1
    seen = world.see(server.instance.uuid)
    assert (seen.instance.host, *state_of(seen)) == ("h1", "active", None)
    assert {status for status, *_ in moves(world)} == {"error"}
    check(world)


@pytest.mark.parametrize("mode", [*GOES_ON, *GIVES_UP])
@pytest.mark.parametrize("last", ["on_done", "on_failed"])
def test_the_last_word_of_a_move_may_be_said_again(world: World, last: str, mode: str) -> None:
    server = world.boot()
    if last == "on_failed":
        world.hosts["h2"].faults.add("migrate_in", HostRejected("not here"))
    with trouble(world, "resize", last, mode) as times:
        resize.resize(MEMBER, world.svc, server, "2")
        world.settle()
        assert times.struck == 1
    assert state_of(world.see(server.instance.uuid)) == ("resized", None)
    check(world)


def test_a_host_that_rejects_a_move_is_followed_by_the_next(world: World) -> None:
    world.hosts["h2"].faults.add("migrate_in", HostRejected("not here"))
    server = world.boot()
    resize.resize(MEMBER, world.svc, server, "2")
    world.settle()
    seen = world.see(server.instance.uuid)
    assert (seen.instance.host, *state_of(seen)) == ("h3", "resized", None)
    assert sorted(moves(world)) == [("error", "h1", "h2"), ("finished", "h1", "h3")]
    assert world.hosts["h1"].state
    check(world)


def test_a_move_that_is_rejected_while_its_server_is_deleted_counts_no_more(world: World) -> None:
    server = world.boot()
    world.hosts["h2"].faults.add("migrate_in", HostRejected("not here"))
    world.hosts["h1"].faults.add("power_off", HostRejected("not now"), times=3)
    resize.resize(MEMBER, world.svc, server, "2")
    while not any(flow.state is FlowState.UNWINDING for flow in world.flows()):
        world.messages.popleft()()
    delete.delete(MEMBER, world.svc, world.see(server.instance.uuid))
    world.settle()
    assert state_of(world.see(server.instance.uuid)) == ("active", None)
    check(world)


def test_a_resize_moves_the_claim_and_keeps_the_old_one_for_the_migration(world: World) -> None:
    server = world.boot()
    resize.resize(MEMBER, world.svc, server, "2")
    world.settle()
    seen = world.see(server.instance.uuid).instance
    assert (seen.host, seen.flavor.name, seen.system_metadata["old_vm_state"]) == ("h2", "large", "active")
    with world.store.database(CELL).read() as tx:
        (move,) = migration_page(tx, MigrationQuery())
    assert world.held(seen.uuid)["VCPU"] == LARGE.vcpus
    assert world.held(move.uuid)["VCPU"] == SMALL.vcpus
    assert (move.migration_type, move.status, move.dest_node) == ("resize", "finished", "h2")
    check(world)


@pytest.mark.parametrize("confirm", [True, False])
def test_a_resize_counts_with_the_greater_size_until_it_is_settled(world: World, confirm: bool) -> None:
    uuid = world.boot(flavor_ref="1").instance.uuid

    def counts() -> int:
        with world.store.api.read() as tx:
            mapping = instance_mapping_get(tx, uuid)
        assert mapping is not None
        return mapping.vcpus

    resize.resize(MEMBER, world.svc, world.see(uuid), "2")
    assert counts() == LARGE.vcpus
    world.settle()
    settle = resize.confirm_resize if confirm else resize.revert_resize
    settle(MEMBER, world.svc, world.see(uuid))
    world.settle()
    assert counts() == (LARGE.vcpus if confirm else SMALL.vcpus)
    assert world.see(uuid).instance.flavor.name == ("large" if confirm else "small")
    assert "old_vm_state" not in world.see(uuid).instance.system_metadata
    check(world)


def test_a_stopped_server_stays_stopped_through_a_move(world: World) -> None:
    uuid = world.boot().instance.uuid
    for step in (
        lambda s: power.stop(MEMBER, world.svc, s),
        lambda s: resize.migrate(ADMIN, world.svc, s, "h3"),
        lambda s: resize.confirm_resize(ADMIN, world.svc, s),
    ):
        step(world.see(uuid))
        world.settle()
    seen = world.see(uuid)
    assert (seen.instance.host, *state_of(seen)) == ("h3", "stopped", None)
    assert world.hosts["h3"].state(uuid) is PowerState.SHUTDOWN
    check(world)


@pytest.mark.parametrize("confirm", [True, False])
def test_a_server_that_moved_again_before_a_move_was_settled_leaves_nothing(
    world: World, confirm: bool
) -> None:
    uuid = world.boot().instance.uuid
    resize.resize(MEMBER, world.svc, world.see(uuid), "2")
    world.settle()
    reset_state(ADMIN, world.svc, world.see(uuid), VmState.ACTIVE)
    resize.migrate(ADMIN, world.svc, world.see(uuid), None)
    world.settle()
    settle = resize.confirm_resize if confirm else resize.revert_resize
    settle(ADMIN, world.svc, world.see(uuid))
    world.settle()
    delete.delete(MEMBER, world.svc, world.see(uuid))
    world.settle()
    assert set(world.placement.allocations_by_consumer) == {uuid}
    delete.force_delete(MEMBER, world.svc, world.see(uuid))
    world.settle()
    assert world.placement.allocations_by_consumer == {}
    with world.store.database(CELL).read() as tx:
        assert {one.status for one in migration_page(tx, MigrationQuery())} <= {"confirmed", "reverted"}


def test_a_resize_may_stay_on_its_host(make_world: MakeWorld) -> None:
    world = make_world(hosts=("only",))
    world.with_settings("default", allow_resize_to_same_host=True)
    server = world.boot()
    resize.resize(MEMBER, world.svc, server, "2")
    world.settle()
    assert state_of(world.see(server.instance.uuid)) == ("resized", None)
    resize.confirm_resize(MEMBER, world.svc, world.see(server.instance.uuid))
    world.settle()
    assert state_of(world.see(server.instance.uuid)) == ("active", None)
    check(world)


def test_a_resize_without_room_leaves_the_server_as_it_was(make_world: MakeWorld) -> None:
    world = make_world(hosts=("only",))
    server = world.boot()
    resize.resize(MEMBER, world.svc, server, "2")
    world.settle()
    seen = world.see(server.instance.uuid)
    assert state_of(seen) == ("active", None)
    assert seen.instance.fault is not None
    check(world)


def test_a_resize_whose_source_goes_down_waits_for_it_to_unwind(world: World) -> None:
    server = world.boot()
    world.hosts["h2"].faults.add("migrate_in", Conflict("no"))
    resize.resize(MEMBER, world.svc, server, "2")
    while world.guests("h1"):
        world.messages.popleft()()
    world.lose("h1")
    world.deliver()
    assert world.unfinished(), "the guest can only go back to its source"
    world.clock.advance(100)
    world.down.clear()
    world.settle()
    assert world.see(server.instance.uuid).instance.host in ("h1", "h3")
    check(world)


def test_a_server_on_a_host_that_is_down_is_deleted_without_it(world: World) -> None:
    server = world.boot()
    world.lose("h1")
    delete.force_delete(MEMBER, world.svc, server)
    world.settle()
    assert world.see(server.instance.uuid, deleted=True).instance.deleted
    check(world)


def test_a_host_that_goes_down_during_a_delete_is_passed_over(world: World) -> None:
    server = world.boot()
    delete.force_delete(MEMBER, world.svc, server)
    world.messages.popleft()()
    world.messages.clear()
    world.lose("h1")
    world.settle()
    assert world.see(server.instance.uuid, deleted=True).instance.deleted
    check(world)


def test_a_hard_reboot_overtakes_what_hangs(world: World) -> None:
    server = world.boot()
    power.suspend(MEMBER, world.svc, server)
    world.messages.popleft()()
    world.messages.clear()  # the host never hears of it
    power.reboot(MEMBER, world.svc, world.see(server.instance.uuid), hard=True)
    world.settle()
    seen = world.see(server.instance.uuid)
    assert state_of(seen) == ("active", None)
    assert {flow.state for flow in world.flows() if flow.kind == "suspend"} == {FlowState.FAILED}
    check(world)


def test_a_reboot_that_comes_second_is_refused(world: World) -> None:
    server = world.boot()
    power.reboot(MEMBER, world.svc, server, hard=False)
    with pytest.raises(InvalidState, match="while it is in task_state rebooting"):
        power.reboot(MEMBER, world.svc, server, hard=False)


def test_two_actions_that_come_together_end_in_one(world: World) -> None:
    server = world.boot()
    act(MEMBER, world.svc, server, "stop")
    with pytest.raises(InvalidState):
        act(MEMBER, world.svc, server, "pause")


def test_a_rebuild_brings_its_changes_and_a_stopped_server_stays_stopped(world: World) -> None:
    uuid = world.boot().instance.uuid
    power.stop(MEMBER, world.svc, world.see(uuid))
    world.settle()
    order = RebuildOrder(
        image_ref=IMAGE,
        admin_password="secret",
        changes={"display_name": "new", "metadata": {"a": "b"}, "key_name": None},
    )
    accepted = rebuild.rebuild(MEMBER, world.svc, world.see(uuid), order)
    assert state_of(accepted.server) == ("stopped", "rebuilding")
    assert accepted.admin_password == "secret"
    world.settle()
    seen = world.see(uuid)
    assert (seen.instance.display_name, seen.instance.metadata) == ("new", {"a": "b"})
    assert state_of(seen) == ("stopped", None)
    assert world.specs[-1].admin_password == "secret"
    check(world)


def test_a_rebuild_makes_nothing_on_a_host_that_its_server_has_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.with_settings("default", shelved_offload_time=-1)
    server = world.boot()
    uuid, host = server.instance.uuid, server.instance.host or ""
    shelve.shelve(MEMBER, world.svc, server)
    world.settle()
    unbind = world.network.unbind

    def ask_meanwhile(*words: Any) -> None:
        monkeypatch.undo()
        reset_state(ADMIN, world.svc, world.see(uuid), VmState.ERROR)
        rebuild.rebuild(MEMBER, world.svc, world.see(uuid), RebuildOrder(image_ref=IMAGE))
        unbind(*words)

    monkeypatch.setattr(world.network, "unbind", ask_meanwhile)
    shelve.shelve_offload(ADMIN, world.svc, world.see(uuid))
    world.settle()
    seen = world.see(uuid).instance
    assert (seen.host, seen.vm_state, seen.task_state) == (None, VmState.ERROR, None)
    assert seen.fault is not None
    assert "has left the host" in seen.fault.message
    assert world.guests(host) == set()


def test_a_snapshot_becomes_an_image_of_its_server(world: World) -> None:
    server = world.boot()
    image = snapshot.create_image(MEMBER, world.svc, server, "copy", {"mine": "yes"})
    assert world.images.show(image).status == "queued"
    world.settle()
    made = world.images.show(image)
    assert (made.status, made.name, made.owner) == ("active", "copy", "p1")
    assert made.properties["instance_uuid"] == server.instance.uuid
    assert made.properties["image_type"] == "snapshot"
    assert made.properties["mine"] == "yes"
    assert world.images.data[image] == b"bits"


def test_a_snapshot_that_fails_leaves_no_image(world: World) -> None:
    server = world.boot()
    world.hosts["h1"].faults.add("snapshot", Conflict("no"), half=True)
    image = snapshot.create_image(MEMBER, world.svc, server, "copy")
    world.settle()
    assert image not in world.images.images
    assert state_of(world.see(server.instance.uuid)) == ("active", None)


def test_a_snapshot_whose_image_cannot_be_made_is_taken_back(world: World) -> None:
    server = world.boot()
    no = patch.object(world.images, "create", side_effect=Forbidden("enough images"))
    with no, pytest.raises(Forbidden, match="enough"):
        snapshot.create_image(MEMBER, world.svc, server, "copy")
    world.settle()
    assert state_of(world.see(server.instance.uuid)) == ("active", None)
    assert set(world.images.images) == {IMAGE}


def test_a_snapshot_asked_for_by_who_died_before_it_made_the_image_leaves_nothing(world: World) -> None:
    server = world.boot()
    with (
        patch.object(world.images, "create", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        snapshot.create_image(MEMBER, world.svc, server, "copy")
    world.settle(seconds=60)
    assert state_of(world.see(server.instance.uuid)) == ("active", None)
    assert set(world.images.images) == {IMAGE}


def test_an_image_that_is_made_when_its_snapshot_was_given_up_is_taken_back(world: World) -> None:
    server = world.boot()
    create = world.images.create

    def slowly(*args: Any) -> Any:
        world.settle(seconds=60)
        return create(*args)

    with patch.object(world.images, "create", slowly), pytest.raises(Unavailable, match="given up"):
        snapshot.create_image(MEMBER, world.svc, server, "copy")
    world.settle()
    assert state_of(world.see(server.instance.uuid)) == ("active", None)
    assert set(world.images.images) == {IMAGE}


def test_a_snapshot_that_is_refused_leaves_no_image(world: World) -> None:
    server = world.boot()
    power.stop(MEMBER, world.svc, server)
    with pytest.raises(InvalidState):
        snapshot.create_image(MEMBER, world.svc, server, "copy")
    assert set(world.images.images) == {IMAGE}


def test_a_soft_deleted_server_counts_no_more_and_can_be_restored(world: World) -> None:
    server = world.boot()
    delete.delete(MEMBER, world.svc, server)
    world.settle()
    seen = world.see(server.instance.uuid)
    assert state_of(seen) == ("soft-delete", None)
    assert seen.instance.deleted_at == world.clock.now() or seen.instance.deleted_at is not None
    assert world.hosts["h1"].state(seen.instance.uuid) is PowerState.SHUTDOWN
    check(world)
    delete.restore(MEMBER, world.svc, seen)
    world.settle()
    seen = world.see(server.instance.uuid)
    assert (state_of(seen), seen.instance.deleted_at) == (("active", None), None)
    check(world)
