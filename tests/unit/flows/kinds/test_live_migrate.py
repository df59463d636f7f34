"""Servers that move while they run: where they end, what is refused, what is taken back."""

from __future__ import annotations

import pytest

from compute_service.clients.neutron_api import SEVERAL_BINDINGS
from compute_service.control import delete, power
from compute_service.control.evacuate import evacuate
from compute_service.control.live_migrate import abort, force_complete, live_migrate
from compute_service.domain.errors import HostRejected, Invalid, InvalidState, NotFound, Unavailable
from compute_service.domain.guest import LiveStage
from compute_service.domain.migration import Migration
from compute_service.domain.order import EvacuationOrder, LiveMigrationOrder
from compute_service.domain.states import PowerState
from compute_service.store.flows import FlowQuery, flow_page
from compute_service.store.migrations import MigrationQuery, migration_page
from compute_service.store.servers import Located
from tests.unit.flows.kinds.accounts import check
from tests.unit.flows.kinds.conftest import MakeWorld
from tests.unit.flows.kinds.world import ADMIN, CELL, MEMBER, World, state_of

ANY = LiveMigrationOrder()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


def moves(world: World) -> list[Migration]:
    """Return all migrations, newest first."""
    with world.store.database(CELL).read() as tx:
        return migration_page(tx, MigrationQuery())


def told(world: World) -> list[tuple[str, str | None, str | None]]:
    """Return status, source and target of all migrations."""
    return [(move.status, move.source_compute, move.dest_compute) for move in moves(world)]


def go(world: World, server: Located, order: LiveMigrationOrder = ANY) -> Located:
    """Migrate a server and wait for it."""
    live_migrate(ADMIN, world.svc, world.see(server.instance.uuid), order)
    world.settle()
    return world.see(server.instance.uuid)


def is_on(world: World, server: Located, host: str) -> None:
    """Check that all of a server is on one host and nothing anywhere else."""
    uuid = server.instance.uuid
    assert (server.instance.host, server.instance.node) == (host, host)
    assert {name for name in world.hosts if uuid in world.guests(name)} == {host}
    assert world.holds_on(uuid) == {host}
    assert world.ports_of(uuid) == {host}
    assert all(world.held(move.uuid) == {} for move in moves(world))
    check(world)


def events(world: World, action: str) -> list[str]:
    """Return the names of an action's flows' kinds."""
    with world.store.database(CELL).read() as tx:
        return [flow.kind for flow in flow_page(tx, FlowQuery()) if flow.action == action]


def test_a_server_moves_and_goes_on_running(world: World) -> None:
    server = world.boot()
    seen = go(world, server)
    assert state_of(seen) == ("active", None)
    is_on(world, seen, "h2")
    assert world.hosts["h2"].state(seen.instance.uuid) is PowerState.RUNNING
    assert told(world) == [("completed", "h1", "h2")]
    assert seen.instance.launched_at == server.instance.launched_at
    is_on(world, go(world, seen), "h1")


def test_a_paused_server_stays_paused(world: World) -> None:
    server = world.boot()
    power.pause(MEMBER, world.svc, server)
    world.settle()
    seen = go(world, server)
    assert state_of(seen) == ("paused", None)
    assert world.hosts["h2"].state(seen.instance.uuid) is PowerState.PAUSED
    is_on(world, seen, "h2")


def test_a_named_host_is_taken_and_a_forced_one_is_not_asked_about(world: World) -> None:
    server = world.boot()
    seen = go(world, server, LiveMigrationOrder(host="h3"))
    is_on(world, seen, "h3")
    assert world.scheduler.asked[-1].request.requested_host == "h3"
    seen = go(world, seen, LiveMigrationOrder(host="h2", force=True))
    is_on(world, seen, "h2")
    assert world.scheduler.asked[-1].request.force_host == "h2"
    assert world.scheduler.asked[-1].request.requested_host is None


@pytest.mark.parametrize("host", ["h1", "nowhere"])
def test_a_host_that_cannot_be_the_target_is_refused(world: World, host: str) -> None:
    server = world.boot()
    with pytest.raises(Invalid):
        live_migrate(ADMIN, world.svc, server, LiveMigrationOrder(host=host))
    assert moves(world) == []


def test_hosts_that_are_down_are_refused(world: World) -> None:
    server = world.boot()
    world.lose("h3")
    with pytest.raises(Invalid, match="h3 is unavailable"):
        live_migrate(ADMIN, world.svc, server, LiveMigrationOrder(host="h3", force=True))
    world.lose("h1")
    with pytest.raises(Invalid, match="h1 is unavailable"):
        live_migrate(ADMIN, world.svc, server, ANY)


def test_a_server_that_does_not_run_is_refused(world: World) -> None:
    server = world.boot()
    power.stop(MEMBER, world.svc, server)
    world.settle()
    with pytest.raises(InvalidState):
        live_migrate(ADMIN, world.svc, world.see(server.instance.uuid), ANY)


def test_a_target_that_refuses_is_followed_by_the_next(world: World) -> None:
    server = world.boot()
    world.hosts["h2"].faults.add("live_prepare", HostRejected("no such processor"))
    seen = go(world, server)
    is_on(world, seen, "h3")
    assert told(world) == [("completed", "h1", "h3")]


@pytest.mark.parametrize(("section", "option", "value"), [
    ("default", "migrate_max_retries", 0), ("scheduler", "max_attempts", 1),
])  # fmt: skip
def test_so_many_targets_are_tried_as_options_say(
    world: World, section: str, option: str, value: int
) -> None:
    world.with_settings(section, **{option: value})
    server = world.boot()
    world.hosts["h2"].faults.add("live_prepare", HostRejected("no such processor"))
    seen = go(world, server)
    is_on(world, seen, "h1")
    assert state_of(seen) == ("active", None)
    assert told(world) == [("error", "h1", "h2")]
    assert seen.instance.fault is not None
    assert seen.instance.fault.message == "no such processor"


def test_a_named_target_that_refuses_has_no_follower(world: World) -> None:
    server = world.boot()
    world.hosts["h2"].faults.add("live_prepare", HostRejected("no such processor"))
    is_on(world, go(world, server, LiveMigrationOrder(host="h2")), "h1")


def test_a_network_that_refuses_the_target_is_a_reason_for_the_next(world: World) -> None:
    server = world.boot()
    world.network.plane.rejecting_hosts.add("h2")
    is_on(world, go(world, server), "h3")


def test_an_old_network_service_is_enough(world: World) -> None:
    world.network.extensions.discard(SEVERAL_BINDINGS)
    server = world.boot()
    seen = go(world, server)
    is_on(world, seen, "h2")
    assert [port.profile for port in world.network.ports.values()] == [{}]
    world.hosts["h2"].faults.add("live_migrate", HostRejected("it stops"), None)
    seen = go(world, seen)
    is_on(world, seen, "h2")
    assert [port.profile for port in world.network.ports.values()] == [{}]


def test_a_copy_that_fails_leaves_the_server_where_it_is(world: World) -> None:
    server = world.boot()
    world.hosts["h1"].faults.add("live_migrate", HostRejected("the line broke"), half=True)
    seen = go(world, server)
    assert state_of(seen) == ("active", None)
    is_on(world, seen, "h1")
    assert told(world) == [("failed", "h1", "h2")]


def test_a_copy_is_aborted_while_it_runs(world: World) -> None:
    server = world.boot()

    def meanwhile(left: dict[str, int]) -> None:
        now = world.see(server.instance.uuid)
        if moves(world)[0].status == "running" and not events(world, "live_migration_cancel"):
            abort(ADMIN, world.svc, now, moves(world)[0].id, queued=False)

    world.carry = meanwhile
    seen = go(world, server)
    assert state_of(seen) == ("active", None)
    is_on(world, seen, "h1")
    assert told(world) == [("cancelled", "h1", "h2")]
    assert seen.instance.fault is None


def test_an_abort_that_no_host_heard_is_told_again(world: World) -> None:
    server = world.boot()
    live_migrate(ADMIN, world.svc, server, ANY)
    _until(world, "running")
    deaf = world.agents["h1"].live_abort
    told_again: list[str] = []

    def refuses(uuid: str) -> bool:
        raise Unavailable("nobody answers")

    world.agents["h1"].live_abort = refuses  # type: ignore[method-assign]
    abort(ADMIN, world.svc, world.see(server.instance.uuid), moves(world)[0].id, queued=False)
    world.messages.clear()
    world.agents["h1"].live_abort = lambda uuid: bool(told_again.append(uuid)) or deaf(uuid)  # type: ignore[method-assign, func-returns-value]
    world.settle()
    assert told_again == [server.instance.uuid]
    check(world)


def test_one_that_waits_is_aborted_where_that_is_allowed(world: World) -> None:
    server = world.boot()
    live_migrate(ADMIN, world.svc, server, ANY)
    _until(world, "queued", "preparing")
    now, number = world.see(server.instance.uuid), moves(world)[0].id
    with pytest.raises(Invalid):
        abort(ADMIN, world.svc, now, number, queued=False)
    with pytest.raises(Invalid):
        force_complete(ADMIN, world.svc, now, number)
    abort(ADMIN, world.svc, now, number, queued=True)
    world.settle()
    is_on(world, world.see(server.instance.uuid), "h1")
    assert told(world) == [("cancelled", "h1", "h2")]


def test_a_copy_is_forced_to_its_end(world: World) -> None:
    server = world.boot()

    def meanwhile(left: dict[str, int]) -> None:
        if not events(world, "live_migration_force_complete"):
            force_complete(ADMIN, world.svc, world.see(server.instance.uuid), moves(world)[0].id)

    world.carry = meanwhile
    is_on(world, go(world, server), "h2")
    assert events(world, "live_migration_force_complete") == ["note"]


def test_only_a_migration_under_way_is_ended_early(world: World) -> None:
    server = world.boot()
    seen = go(world, server)
    number = moves(world)[0].id
    with pytest.raises(InvalidState):
        abort(ADMIN, world.svc, seen, number, queued=True)
    with pytest.raises(InvalidState):
        force_complete(ADMIN, world.svc, seen, number)
    live_migrate(ADMIN, world.svc, seen, ANY)
    seen = world.see(server.instance.uuid)
    with pytest.raises(Invalid):
        abort(ADMIN, world.svc, seen, number, queued=True)
    with pytest.raises(NotFound):
        abort(ADMIN, world.svc, seen, 4711, queued=True)
    with pytest.raises(Invalid):
        force_complete(ADMIN, world.svc, seen, 4711)
    world.settle()


@pytest.mark.parametrize("status", ["accepted", "queued", "preparing", "running", "post-migrating"])
def test_a_server_is_deleted_while_it_moves(world: World, status: str) -> None:
    server = world.boot()
    live_migrate(ADMIN, world.svc, server, ANY)
    _until(world, status)
    delete.force_delete(MEMBER, world.svc, world.see(server.instance.uuid))
    world.settle()
    with pytest.raises(NotFound):
        world.see(server.instance.uuid)
    check(world)


def test_a_server_is_deleted_while_it_is_carried_over(world: World) -> None:
    server = world.boot()

    def meanwhile(left: dict[str, int]) -> None:
        now = world.see(server.instance.uuid)
        if now.instance.task_state is not None and now.instance.task_state.value == "migrating":
            delete.force_delete(MEMBER, world.svc, now)

    world.carry = meanwhile
    live_migrate(ADMIN, world.svc, server, ANY)
    world.settle()
    assert moves(world)[0].status == "cancelled"
    check(world)


def test_a_source_that_is_silent_while_the_guest_arrives_is_asked_again_when_it_is_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = world.boot()
    live_migrate(ADMIN, world.svc, server, ANY)
    _until(world, "running")
    world.messages.clear()
    monkeypatch.setattr(world.hosts["h2"], "live_settle", lambda uuid: LiveStage.ARRIVING)
    world.lose("h1")
    for _ in range(20):
        world.clock.advance(30.0)
        world.beat()
        for key in world.engine.due():
            world.engine.advance(key)
        world.messages.clear()
    assert state_of(world.see(server.instance.uuid)) == ("active", "migrating")
    world.down.clear()
    world.beat()
    world.settle()
    is_on(world, world.see(server.instance.uuid), "h2")


def test_a_source_that_is_lost_on_the_way_keeps_the_server(world: World) -> None:
    server = world.boot()
    live_migrate(ADMIN, world.svc, server, ANY)
    _until(world, "running")
    late = list(world.messages)
    world.messages.clear()
    world.lose("h1")
    world.settle()
    seen = world.see(server.instance.uuid)
    assert state_of(seen) == ("active", None)
    assert told(world) == [("failed", "h1", "h2")]
    is_on(world, seen, "h1")
    # What it was asked before may reach it yet.
    world.down.clear()
    world.beat()
    world.messages.extend(late)
    world.settle()
    world.look_around()
    is_on(world, world.see(server.instance.uuid), "h1")


def test_a_server_that_a_lost_source_keeps_can_be_evacuated(world: World) -> None:
    server = world.boot()
    live_migrate(ADMIN, world.svc, server, ANY)
    _until(world, "running")
    world.messages.clear()
    world.lose("h1")
    world.settle()
    evacuate(ADMIN, world.svc, world.see(server.instance.uuid), EvacuationOrder())
    world.settle()
    assert world.see(server.instance.uuid).instance.host in ("h2", "h3")


def test_a_source_that_is_lost_once_the_guest_is_there_is_not_needed(world: World) -> None:
    server = world.boot()
    live_migrate(ADMIN, world.svc, server, ANY)
    _until(world, "running")
    answer = world.engine.finished
    world.engine.finished = lambda key, result: True  # type: ignore[method-assign]
    world.deliver()
    world.engine.finished = answer  # type: ignore[method-assign]
    world.lose("h1")
    world.settle()
    seen = world.see(server.instance.uuid)
    assert state_of(seen) == ("active", None)
    assert told(world) == [("completed", "h1", "h2")]
    world.down.clear()
    world.beat()
    world.look_around()
    is_on(world, seen, "h2")


def test_a_source_lost_after_the_guest_has_gone_is_passed_over(world: World) -> None:
    server = world.boot()
    live_migrate(ADMIN, world.svc, server, ANY)
    _until(world, "post-migrating")
    world.lose("h1")
    world.settle()
    seen = world.see(server.instance.uuid)
    assert state_of(seen) == ("active", None)
    world.down.clear()
    world.beat()
    world.look_around()
    is_on(world, seen, "h2")


def test_a_target_lost_before_the_copy_is_followed_by_the_next(world: World) -> None:
    server = world.boot()
    live_migrate(ADMIN, world.svc, server, ANY)
    _until(world, "queued")
    world.lose("h2")
    world.settle()
    seen = world.see(server.instance.uuid)
    world.down.clear()
    world.beat()
    is_on(world, seen, "h3")


def test_a_target_lost_after_the_copy_is_waited_for(world: World) -> None:
    server = world.boot()
    live_migrate(ADMIN, world.svc, server, ANY)
    _until(world, "post-migrating")
    world.messages.clear()
    world.lose("h2")
    for _ in range(10):
        world.clock.advance(30.0)
        world.beat()
        for key in world.engine.due():
            world.engine.advance(key)
        world.messages.clear()
    assert world.see(server.instance.uuid).instance.host == "h2"
    world.down.clear()
    world.beat()
    world.settle()
    is_on(world, world.see(server.instance.uuid), "h2")


def _until(world: World, *statuses: str) -> None:
    """Deliver messages, one by one, until the migration has one of these statuses."""
    for _ in range(200):
        if moves(world)[0].status in statuses:
            return
        if world.messages:
            world.messages.popleft()()
        else:
            world.clock.advance(5.0)
            world.beat()
            for key in world.engine.due():
                world.engine.advance(key)
    raise AssertionError(moves(world))
