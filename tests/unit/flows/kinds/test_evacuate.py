"""Servers whose host has failed, made anew elsewhere, and what becomes of what they left behind."""

from __future__ import annotations

import pytest

from compute_service.control import delete, power
from compute_service.control.evacuate import evacuate
from compute_service.control.reset import reset_state
from compute_service.control.resize import migrate
from compute_service.domain.errors import HostRejected, Invalid, InvalidState, NotFound
from compute_service.domain.order import EvacuationOrder
from compute_service.domain.states import PowerState, VmState
from compute_service.store.migrations import MigrationQuery, migration_page
from compute_service.store.servers import Located
from tests.unit.flows.kinds.accounts import check
from tests.unit.flows.kinds.conftest import MakeWorld
from tests.unit.flows.kinds.trouble import GIVES_UP, GOES_ON, trouble
from tests.unit.flows.kinds.world import ADMIN, CELL, MEMBER, World, state_of


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


def moves(world: World) -> list[tuple[str, str, str | None, str | None]]:
    """Return type, status, source and target of all migrations, newest first."""
    with world.store.database(CELL).read() as tx:
        found = migration_page(tx, MigrationQuery())
    return [(m.migration_type, m.status, m.source_compute, m.dest_compute) for m in found]


def flee(world: World, server: Located, order: EvacuationOrder | None = None) -> Located:
    """Evacuate a server and wait for it."""
    evacuate(ADMIN, world.svc, world.see(server.instance.uuid), order or EvacuationOrder())
    world.settle()
    return world.see(server.instance.uuid)


def come_back(world: World) -> None:
    """Let all hosts come back and look around."""
    world.down.clear()
    world.beat()
    world.look_around()


def test_a_server_is_made_anew_on_another_host(world: World) -> None:
    server = world.boot()
    world.lose("h1")
    seen = flee(world, server)
    assert (seen.instance.host, seen.instance.node, *state_of(seen)) == ("h2", "h2", "active", None)
    assert world.hosts["h2"].state(seen.instance.uuid) is PowerState.RUNNING
    assert world.holds_on(seen.instance.uuid) == {"h2"}
    assert world.ports_of(seen.instance.uuid) == {"h2"}
    assert moves(world) == [("evacuation", "done", "h1", "h2")]
    check(world)


def test_what_was_left_behind_is_removed_when_the_host_is_back(world: World) -> None:
    server = world.boot()
    world.lose("h1")
    flee(world, server)
    assert world.guests("h1") == {server.instance.uuid}
    come_back(world)
    assert world.guests("h1") == set()
    assert moves(world) == [("evacuation", "completed", "h1", "h2")]
    check(world)


def test_an_evacuation_is_completed_although_its_server_was_deleted_since(world: World) -> None:
    server = world.boot()
    world.lose("h1")
    delete.force_delete(MEMBER, world.svc, flee(world, server))
    world.settle()
    come_back(world)
    assert world.guests("h1") == set()
    assert moves(world) == [("evacuation", "completed", "h1", "h2")]
    check(world)


def test_nobody_goes_back_to_a_host_that_may_still_have_the_old_guest(make_world: MakeWorld) -> None:
    world = make_world(hosts=("h1", "h2"))
    server = world.boot()
    world.lose("h1")
    seen = flee(world, server)
    world.down.clear()
    world.beat()
    migrate(ADMIN, world.svc, seen)
    world.settle()
    assert world.see(server.instance.uuid).instance.host == "h2"
    world.look_around()
    migrate(ADMIN, world.svc, world.see(server.instance.uuid))
    world.settle()
    assert world.see(server.instance.uuid).instance.host == "h1"
    check(world)


@pytest.mark.parametrize(("stopped_before", "ends_stopped"), [(True, False), (False, True)])
def test_a_server_ends_stopped_that_was_so_or_is_to_be(
    world: World, stopped_before: bool, ends_stopped: bool
) -> None:
    server = world.boot()
    if stopped_before:
        power.stop(MEMBER, world.svc, server)
        world.settle()
    world.lose("h1")
    seen = flee(world, server, EvacuationOrder(ends_stopped=ends_stopped))
    assert state_of(seen) == ("stopped", None)
    assert world.hosts["h2"].state(seen.instance.uuid) is PowerState.SHUTDOWN
    check(world)


def test_a_server_in_error_is_active_again(world: World) -> None:
    server = world.boot()
    reset_state(ADMIN, world.svc, server, VmState.ERROR)
    world.lose("h1")
    assert state_of(flee(world, server)) == ("active", None)
    check(world)


def test_the_guest_gets_the_password_and_nobody_else_keeps_it(world: World) -> None:
    server = world.boot()
    world.lose("h1")
    made = evacuate(ADMIN, world.svc, server, EvacuationOrder(admin_password="secret"))
    world.settle()
    assert made == "secret"
    assert world.specs[-1].admin_password == "secret"
    assert "admin_password" not in world.see(server.instance.uuid).instance.system_metadata


def test_a_password_is_made_up_where_none_is_given(world: World) -> None:
    server = world.boot()
    world.lose("h1")
    made = evacuate(ADMIN, world.svc, server, EvacuationOrder())
    world.settle()
    assert len(made) == world.svc.settings.default.password_length
    assert world.specs[-1].admin_password == made


@pytest.mark.parametrize("force", [False, True])
def test_a_host_may_be_named(world: World, force: bool) -> None:
    server = world.boot()
    world.lose("h1")
    seen = flee(world, server, EvacuationOrder(host="h3", force=force))
    assert seen.instance.host == "h3"
    asked = world.scheduler.asked[-1].request
    assert (asked.force_host, asked.requested_host) == (("h3", None) if force else (None, "h3"))
    assert asked.ignore_hosts == ("h1",)
    check(world)


def test_a_server_whose_host_is_up_stays(world: World) -> None:
    with pytest.raises(Invalid, match="still in use"):
        evacuate(ADMIN, world.svc, world.boot(), EvacuationOrder())


@pytest.mark.parametrize(("host", "error"), [("h1", Invalid), ("h9", NotFound)])
def test_a_host_that_will_never_do_is_refused(world: World, host: str, error: type[Exception]) -> None:
    server = world.boot()
    world.lose("h1")
    with pytest.raises(error):
        evacuate(ADMIN, world.svc, server, EvacuationOrder(host=host))
    assert state_of(world.see(server.instance.uuid)) == ("active", None)
    assert moves(world) == []


def test_a_paused_server_is_not_let_in(world: World) -> None:
    server = world.boot()
    power.pause(MEMBER, world.svc, server)
    world.settle()
    world.lose("h1")
    with pytest.raises(InvalidState, match="Cannot 'evacuate'"):
        evacuate(ADMIN, world.svc, world.see(server.instance.uuid), EvacuationOrder())


def test_a_host_that_is_back_before_its_turn_keeps_its_server(world: World) -> None:
    server = world.boot()
    world.lose("h1")
    evacuate(ADMIN, world.svc, server, EvacuationOrder())
    world.down.clear()
    world.beat()
    world.settle()
    seen = world.see(server.instance.uuid)
    assert (seen.instance.host, *state_of(seen)) == ("h1", "active", None)
    assert moves(world) == [("evacuation", "error", "h1", None)]
    check(world)


def test_without_room_elsewhere_the_server_can_be_evacuated_later(make_world: MakeWorld) -> None:
    world = make_world(hosts=("only",))
    server = world.boot()
    world.lose("only")
    seen = flee(world, server)
    assert (seen.instance.host, *state_of(seen)) == ("only", "active", None)
    assert seen.instance.fault is not None
    assert "No valid host" in seen.instance.fault.message
    check(world)


def test_what_hangs_on_the_failed_host_is_given_up(world: World) -> None:
    server = world.boot()
    power.stop(MEMBER, world.svc, server)
    world.messages.popleft()()
    world.messages.clear()
    world.lose("h1")
    seen = flee(world, server)
    assert (seen.instance.host, *state_of(seen)) == ("h2", "active", None)
    check(world)


def test_a_second_evacuation_takes_the_place_of_the_first(world: World) -> None:
    server = world.boot()
    world.lose("h1")
    evacuate(ADMIN, world.svc, server, EvacuationOrder(host="h2"))
    evacuate(ADMIN, world.svc, world.see(server.instance.uuid), EvacuationOrder(host="h3"))
    world.settle()
    seen = world.see(server.instance.uuid)
    assert (seen.instance.host, *state_of(seen)) == ("h3", "active", None)
    assert sorted(status for _, status, *_ in moves(world)) == ["done", "error"]
    check(world)


@pytest.mark.parametrize("step", ["choose", "bind", "spawn"])
@pytest.mark.parametrize("mode", [*GOES_ON, *GIVES_UP])
def test_an_evacuation_is_taken_back_whatever_happens_meanwhile(world: World, step: str, mode: str) -> None:
    server = world.boot()
    world.lose("h1")
    world.hosts["h2"].faults.add("spawn", HostRejected("not here"), half=True)
    with trouble(world, "evacuate", step, mode, undo=True) as times:
        evacuate(ADMIN, world.svc, server, EvacuationOrder())
        world.settle()
        assert times.struck == 1
    seen = world.see(server.instance.uuid)
    assert (seen.instance.host, *state_of(seen)) == ("h1", "active", None)
    assert moves(world) == [("evacuation", "error", "h1", "h2")]
    check(world)
    assert flee(world, seen).instance.host == "h2"
    check(world)


@pytest.mark.parametrize("mode", [*GOES_ON, *GIVES_UP])
@pytest.mark.parametrize("last", ["on_done", "on_failed"])
def test_the_last_word_of_an_evacuation_may_be_said_again(world: World, last: str, mode: str) -> None:
    server = world.boot()
    world.lose("h1")
    if last == "on_failed":
        world.hosts["h2"].faults.add("spawn", HostRejected("not here"))
    with trouble(world, "evacuate", last, mode) as times:
        evacuate(ADMIN, world.svc, server, EvacuationOrder())
        world.settle()
        assert times.struck == 1
    seen = world.see(server.instance.uuid)
    assert (seen.instance.host, *state_of(seen)) == ("h2" if last == "on_done" else "h1", "active", None)
    check(world)
