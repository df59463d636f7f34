"""What answers cost, loosely: some times what was measured, so that only a change of kind is caught."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from compute_service.store.instances import instances_insert
from compute_service.store.mappings import instance_mappings_insert
from tests.fixtures.records import a_full_instance, a_mapping
from tests.unit.api.world import CELL, World, make_world
from tests.unit.api.wsgi import OWN, Caller

SERVERS = 1000


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A project with a thousand servers."""
    made = make_world()
    servers = [a_full_instance(project_id=OWN, user_id="alice") for _ in range(SERVERS)]
    with made.store.api.write() as tx:
        instance_mappings_insert(tx, [a_mapping(server, CELL) for server in servers])
    with made.store.database(CELL).write() as tx:
        instances_insert(tx, servers)
    yield made
    made.store.close()


def cpu_ms(caller: Caller, path: str, version: str = "2.96") -> float:
    """Return the least CPU time of three tries, in milliseconds."""
    times = []
    for _ in range(3):
        began = time.process_time()
        reply = caller.get(path, version)
        times.append((time.process_time() - began) * 1000)
        assert reply.status == 200
    return min(times)


def test_a_thousand_servers_with_details_take_a_tenth_of_a_second(world: World) -> None:
    assert cpu_ms(world.caller("root", role="admin"), "/servers/detail") < 3 * 120


def test_a_thousand_servers_take_less(world: World) -> None:
    assert cpu_ms(world.caller(), "/servers") < 3 * 35


def test_a_small_answer_takes_less_than_a_millisecond(world: World) -> None:
    caller = world.caller()
    assert cpu_ms(caller, "/versions/v2.1") < 3 * 0.5
