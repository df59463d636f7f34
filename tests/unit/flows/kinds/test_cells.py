"""Servers come to be while the database of one of two cells is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from compute_service.control.create import create_servers
from compute_service.control.services import Services
from compute_service.domain.flow import FlowState
from compute_service.domain.request import Decision, SelectRequest
from compute_service.flows.kinds import place
from compute_service.flows.kinds.handing import Handover, hand_over
from compute_service.store.database import Tx
from compute_service.store.dialects import DatabaseDown
from compute_service.store.embedded import embedded_cell, embedded_store
from compute_service.store.engine import Store
from compute_service.store.instances import instances_get
from tests.fakes.clock import ManualClock
from tests.fixtures.stores import empty
from tests.unit.flows.kinds.world import CELL, MEMBER, Crash, World, state_of

FIRST = embedded_cell("cell2")
"""The cell of host `a`, which is chosen first as long as it has room; `b` and `c` are in the other one."""


@pytest.fixture(scope="module")
def ground() -> tuple[ManualClock, Store]:
    clock = ManualClock()
    return clock, embedded_store(cells=("cell1", "cell2"), now=clock.now)


@pytest.fixture
def world(ground: tuple[ManualClock, Store]) -> World:
    clock, store = ground
    empty(store)
    return World(clock, store, hosts=("a", "b", "c"), cells={"a": FIRST})


@contextmanager
def stopped(world: World) -> Iterator[None]:
    """Have the first cell's database refuse everything for a while."""
    database = world.store.database(FIRST)

    @contextmanager
    def refuse() -> Iterator[Tx]:
        raise DatabaseDown("Database does not answer.")
        yield

    with pytest.MonkeyPatch.context() as patch:
        for way in ("read", "write", "alone"):
            patch.setattr(database, way, refuse)
        yield
    world.store.refresh()


def create(world: World, count: int = 1) -> list[str]:
    made = create_servers(MEMBER, world.svc, world.order(min_count=count, max_count=count))
    return [one.uuid for one in made.servers]


def go_on(world: World, seconds: float = 120.0) -> None:
    """Let time pass with whatever answers."""
    until = world.clock.time() + seconds
    while world.clock.time() < until:
        world.deliver()
        world.clock.advance(5.0)
        world.beat()
        for key in world.engine.due():
            world.messages.append(lambda key=key: world.engine.advance(key))  # type: ignore[misc]
    world.deliver()


def rows(world: World, uuid: str) -> list[str]:
    """Return the cells that have a row of a server."""
    found = []
    for cell in (FIRST, CELL):
        with world.store.database(cell).read() as tx:
            if instances_get(tx, [uuid], deleted=True):
                found.append(cell)
    return found


def test_a_server_goes_to_the_other_cell_at_once(world: World) -> None:
    with stopped(world):
        (uuid,) = create(world)
        world.deliver()
        server = world.see(uuid)
        assert state_of(server) == ("active", None)
        assert (server.database, server.instance.host) == (CELL, "b")
        assert world.holds_on(uuid) == {"b"}
    assert rows(world, uuid) == [CELL]
    assert not world.unfinished()


def test_servers_of_one_request_go_on_together_where_a_cell_answers(world: World) -> None:
    with stopped(world):
        made = create(world, 6)
        world.deliver()
        assert {world.see(uuid).database for uuid in made} == {CELL}
        assert {state_of(world.see(uuid)) for uuid in made} == {("active", None)}
    assert not world.holds_on(made[0]) & {"a"}


def test_servers_that_only_the_lost_cell_has_room_for_fail_with_a_reason(world: World) -> None:
    with stopped(world):
        made = create(world, 9)
        world.deliver()
        servers = [world.see(uuid) for uuid in made]
        lost = [one.instance for one in servers if state_of(one) == ("error", None)]
        assert len(lost) == 4
        assert all(one.fault is not None and "No valid host" in one.fault.message for one in lost)
        assert not any(world.held(one.uuid) for one in lost)
        assert [state_of(one) for one in servers].count(("active", None)) == 5


def crash(when: str) -> Callable[[World], None]:
    """Return what makes the conductor die once, before or after hosts were chosen."""

    def plant(world: World) -> None:
        choose, left = world.scheduler.select, [1]

        def select(request: SelectRequest) -> Decision:
            if left and left.pop():
                if when == "after":
                    choose(request.replace(request=request.request.replace(ignore_hosts=("a",))))
                raise Crash
            return choose(request)

        world.scheduler.select = select  # type: ignore[method-assign]

    return plant


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_placing_that_is_taken_over_does_not_wait_for_a_cell_that_it_has_nothing_in(
    world: World, when: str
) -> None:
    crash(when)(world)
    with stopped(world):
        (uuid,) = create(world)
        go_on(world)
        assert state_of(world.see(uuid)) == ("active", None)
    assert world.crashes == 1
    assert rows(world, uuid) == [CELL]


def test_a_server_that_may_be_in_the_lost_cell_waits_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = world.store.database(FIRST)
    write, left = database.write, [1]

    @contextmanager
    def lose_the_answer() -> Iterator[Tx]:
        with write() as tx:
            yield tx
        if left and left.pop():
            raise DatabaseDown("Database does not answer.")

    monkeypatch.setattr(database, "write", lose_the_answer)
    (uuid,) = create(world)
    world.messages.popleft()()
    assert not left
    monkeypatch.undo()
    world.messages.clear()
    with stopped(world):
        go_on(world, 600.0)
        assert world.see(uuid).database == "api"
        (other,) = create(world)
        go_on(world, 60.0)
        assert state_of(world.see(other)) == ("active", None)
    world.settle()
    assert rows(world, uuid) == [FIRST]
    assert state_of(world.see(uuid)) == ("active", None)
    assert not [flow for flow in world.flows() if flow.state is FlowState.STUCK]


def test_a_placing_is_tried_again_when_a_database_went_away_in_the_middle(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [1, 1, 1, 1]

    def fail(svc: Services, cell: str, servers: Sequence[Handover]) -> None:
        if left and left.pop():
            raise DatabaseDown("Database api does not answer.")
        hand_over(svc, cell, servers)

    monkeypatch.setattr(place, "hand_over", fail)
    (uuid,) = create(world)
    world.settle()
    assert state_of(world.see(uuid)) == ("active", None)
