"""What must hold however many act at once. Each thread has connections of its own, as a process would."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import pytest

from compute_service.domain.errors import OverQuota, Stale
from compute_service.domain.flow import FlowState, StepKey, StepPhase, StepState
from compute_service.domain.group import ServerGroup
from compute_service.store.database import Database
from compute_service.store.engine import Store
from compute_service.store.flows import (
    flow_claim,
    flow_get,
    flow_insert,
    flow_set_state,
    flow_signal,
    step_finish,
    step_start,
    steps_of,
)
from compute_service.store.groups import group_add_members, group_get, group_insert
from compute_service.store.instances import instance_get, instance_insert, instance_update
from compute_service.store.mappings import instance_mapping_insert
from compute_service.store.quotas import quota_lock, quota_usage
from tests.fixtures.records import a_flow, a_mapping, a_step, an_instance, new_uuid

pytestmark = pytest.mark.integration
T = TypeVar("T")
THREADS = 8


def _own(database: Database) -> Database:
    """Return the same database by other connections, with no turns shared, as another process has it."""
    return Database(database.name, database.url.render_as_string(hide_password=False))


def _at_once(database: Database, act: Callable[[Database, int], T]) -> list[T]:
    """Let THREADS threads do the same at the same time; raise what any of them raises."""
    start = threading.Barrier(THREADS)
    done: list[T] = []
    failures: list[BaseException] = []

    def work(number: int) -> None:
        mine = _own(database)
        try:
            with mine.read() as tx:
                instance_get(tx, "warm")
            start.wait(30)
            done.append(act(mine, number))
        except BaseException as error:
            failures.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]
    return done


def test_concurrent_creates_never_exceed_a_quota(store: Store) -> None:
    def create(database: Database, _number: int) -> int:
        made = 0
        for _ in range(3):
            with database.write() as tx:
                quota_lock(tx, "project")
                if quota_usage(tx, "project").instances < 7:
                    time.sleep(0.005)
                    instance_mapping_insert(tx, a_mapping(an_instance()))
                    made += 1
        return made

    assert sum(_at_once(store.api, create)) == 7
    with store.api.read() as tx:
        assert quota_usage(tx, "project").instances == 7


def test_projects_do_not_wait_for_each_other(store: Store) -> None:
    if store.api.is_local:
        pytest.skip("SQLite has one writer at a time")
    with store.api.write() as mine, _own(store.api).write() as other:
        quota_lock(mine, "one")
        quota_lock(other, "two")


def test_a_group_takes_no_more_members_than_its_limit(store: Store) -> None:
    group = ServerGroup(uuid=new_uuid(), project_id="p", user_id="u", name="g", policy="affinity")
    servers = [an_instance() for _ in range(THREADS)]
    with store.api.write() as tx:
        group_insert(tx, group)
        for server in servers:
            instance_mapping_insert(tx, a_mapping(server))

    def join(database: Database, number: int) -> bool:
        try:
            with database.write() as tx:
                group_add_members(tx, group.uuid, [servers[number].uuid], limit=3)
        except OverQuota:
            return False
        return True

    assert sum(_at_once(store.api, join)) == 3
    with store.api.read() as tx:
        found = group_get(tx, group.uuid)
    assert found is not None
    assert len(found.members) == 3


def test_a_flow_is_claimed_by_one_of_many(store: Store) -> None:
    flow = a_flow()
    with store.api.write() as tx:
        flow_insert(tx, flow)

    def claim(database: Database, number: int) -> bool:
        with database.write() as tx:
            return flow_claim(tx, flow.id, f"conductor{number}", now=100.0, lease_until=200.0) is not None

    assert sum(_at_once(store.api, claim)) == 1


def test_a_flow_is_put_in_and_ended_by_one_of_many(store: Store) -> None:
    flow = a_flow()

    def insert(database: Database, _number: int) -> bool:
        with database.write() as tx:
            return flow_insert(tx, flow)

    def end(database: Database, _number: int) -> bool:
        with database.write() as tx:
            return flow_set_state(tx, flow.id, FlowState.DONE)

    assert sum(_at_once(store.api, insert)) == 1
    assert sum(_at_once(store.api, end)) == 1


def test_a_step_keeps_the_first_of_many_answers(store: Store) -> None:
    with store.api.write() as tx:
        step_start(tx, a_step("f"))
    key = StepKey(database="api", flow_id="f", seq=0, phase=StepPhase.DO)

    def answer(database: Database, number: int) -> int | None:
        with database.write() as tx:
            return number if step_finish(tx, key, StepState.DONE, {"answer": number}) else None

    (first,) = [n for n in _at_once(store.api, answer) if n is not None]
    with store.api.read() as tx:
        assert steps_of(tx, "f")[0].output == {"answer": first}


def test_no_signal_of_many_is_lost(store: Store) -> None:
    flow = a_flow()
    with store.api.write() as tx:
        flow_insert(tx, flow)

    def signal(database: Database, number: int) -> None:
        for turn in range(8):
            with database.write() as tx:
                flow_signal(tx, flow.id, f"signal{number}-{turn}")

    _at_once(store.api, signal)
    with store.api.read() as tx:
        found = flow_get(tx, flow.id)
    assert found is not None
    assert sorted(found.signals) == sorted(f"signal{n}-{turn}" for n in range(THREADS) for turn in range(8))


def test_no_change_of_a_server_is_lost(store: Store) -> None:
    with store.api.write() as tx:
        server = instance_insert(tx, an_instance())

    def step_on(database: Database, _number: int) -> int:
        for tries in range(1, 200):
            try:
                with database.write() as tx:
                    seen = instance_get(tx, server.uuid)
                    assert seen is not None
                    instance_update(tx, seen, progress=seen.progress + 1)
            except Stale:
                continue
            return tries
        raise AssertionError("never won")

    _at_once(store.api, step_on)
    with store.api.read() as tx:
        found = instance_get(tx, server.uuid)
    assert found is not None
    assert (found.progress, found.generation) == (THREADS, THREADS)


def test_a_server_put_in_by_many_is_there_once(store: Store) -> None:
    new = an_instance(tags=("a", "b"))

    def insert(database: Database, _number: int) -> int:
        for _ in range(50):
            try:
                with database.write() as tx:
                    return instance_insert(tx, new).id
            except Stale:
                continue
        raise AssertionError("never got through")

    assert len(set(_at_once(store.api, insert))) == 1
