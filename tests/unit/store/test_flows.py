"""Flows: claimed by one, moved by compare-and-swap, found by sweep, server and operator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from compute_service.domain.errors import Invalid
from compute_service.domain.flow import Failure, FlowRecord, FlowState, StepState
from compute_service.store.database import Database, Tx
from compute_service.store.flows import (
    FlowQuery,
    flow_cancel,
    flow_claim,
    flow_close,
    flow_count_by_state,
    flow_get,
    flow_insert,
    flow_page,
    flow_put,
    flow_release,
    flow_renew,
    flow_set_state,
    flow_signal,
    flow_take,
    flow_wake_at,
    flows_after,
    flows_due,
    flows_get,
    flows_insert,
    flows_of_instance,
    flows_remove,
    step_start,
    steps_of,
    steps_of_flows,
    unfinished_flow_of_instance,
)
from tests.fixtures.records import a_flow, a_step, new_uuid
from tests.fixtures.stores import EPOCH, Times, assert_queries

RUNNING, WAITING, UNWINDING = FlowState.RUNNING, FlowState.WAITING, FlowState.UNWINDING
DONE, FAILED, STUCK = FlowState.DONE, FlowState.FAILED, FlowState.STUCK


def _put(cell: Database, *flows: FlowRecord) -> None:
    with cell.write() as tx:
        for flow in flows:
            assert flow_insert(tx, flow)


def test_a_flow_comes_back_as_it_was_put_in(cell: Database) -> None:
    flow = a_flow(
        instance_uuid=new_uuid(),
        action="stop",
        after=new_uuid(),
        cancel="deleted",
        signals=("a", "b"),
        lease=1767268800.25,
        owner="conductor1",
        wake_at=1767268801.125,
        request_id="req-1",
        user_id="u",
        project_id="p",
        updated_at=EPOCH,
        finished_at=EPOCH,
        error=Failure(kind="HostRejected", message="no", details="größer"),
        params={"nested": {"list": [1, "two", None, 2.5]}},
    )
    _put(cell, flow)
    with cell.read() as tx:
        assert flow_get(tx, flow.id) == flow
        assert flows_get(tx, [flow.id, "unknown"]) == {flow.id: flow}
        assert flow_get(tx, "unknown") is None


def test_a_flow_put_in_twice_stays_as_it_is(cell: Database) -> None:
    flow = a_flow(updated_at=EPOCH)
    _put(cell, flow)
    with cell.write() as tx:
        assert not flow_insert(tx, flow.replace(kind="other"))
        flows_insert(tx, [flow.replace(kind="other"), a_flow()])
        assert flow_get(tx, flow.id) == flow


def test_many_flows_are_put_in_by_one_statement(cell: Database) -> None:
    new = [a_flow(updated_at=EPOCH) for _ in range(20)]
    with assert_queries(cell, at_most=1), cell.write() as tx:
        flows_insert(tx, new)
    with cell.read() as tx:
        assert flows_get(tx, [f.id for f in new]) == {f.id: f for f in new}


def test_a_flow_is_claimed_by_one_until_the_lease_runs_out(cell: Database) -> None:
    flow = a_flow()
    _put(cell, flow)
    with cell.write() as tx:
        claimed = flow_claim(tx, flow.id, "a", now=100.0, lease_until=130.0)
        assert claimed is not None
        assert (claimed[0].owner, claimed[0].lease, claimed[0].claims) == ("a", 130.0, 1)
        assert flow_claim(tx, flow.id, "b", now=129.9, lease_until=160.0) is None
        assert flow_claim(tx, flow.id, "a", now=129.9, lease_until=160.0) is None
        assert flow_claim(tx, flow.id, "b", now=130.0, lease_until=160.0) is not None
        assert not flow_renew(tx, flow.id, "a", 200.0)
        assert not flow_release(tx, flow.id, "a")
        assert flow_renew(tx, flow.id, "b", 200.0)
        assert flow_claim(tx, flow.id, "a", now=199.0, lease_until=300.0) is None


def test_a_claim_brings_the_steps_and_counts_the_owners(cell: Database) -> None:
    flow = a_flow()
    _put(cell, flow)
    with cell.write() as tx:
        step_start(tx, a_step(flow.id, 1))
        step_start(tx, a_step(flow.id, 0))
    for number, at in ((1, 10.0), (2, 20.0)):
        with cell.alone() as tx:
            claimed = flow_claim(tx, flow.id, "a", now=at, lease_until=at + 5)
            assert tx.statements == 2
        assert claimed is not None
        assert claimed[0].claims == number
        assert [step.seq for step in claimed[1]] == [0, 1]


def test_closing_a_flow_tells_who_waited_for_it(cell: Database) -> None:
    first, second = a_flow(owner="a", lease=50.0), a_flow(after="?", state=FlowState.WAITING)
    second = second.replace(after=first.id)
    _put(cell, first)
    with cell.write() as tx:
        flow_insert(tx, second)
    with cell.alone() as tx:
        waited = flow_close(tx, first.id, FlowState.DONE, FlowState.RUNNING, "a")
    assert waited is not None
    assert [flow.id for flow in waited] == [second.id]


def test_closing_a_flow_for_which_nobody_waits_takes_one_statement(cell: Database) -> None:
    flow = a_flow(owner="a", lease=50.0)
    _put(cell, flow)
    with cell.alone() as tx:
        assert flow_close(tx, flow.id, FlowState.DONE, FlowState.RUNNING, "b") is None
    with cell.alone() as tx:
        assert flow_close(tx, flow.id, FlowState.DONE, FlowState.RUNNING, "a") == []
        assert tx.statements == 1


def test_a_released_flow_sleeps_until_its_time(cell: Database) -> None:
    flow = a_flow()
    _put(cell, flow)
    with cell.write() as tx:
        flow_claim(tx, flow.id, "a", now=0.0, lease_until=130.0)
        assert flow_release(tx, flow.id, "a", wake_at=50.0)
        assert flows_due(tx, 49.0) == []
        assert [f.id for f in flows_due(tx, 50.0)] == [flow.id]
        assert flow_claim(tx, flow.id, "b", now=1.0, lease_until=30.0) is not None


@pytest.mark.parametrize("state", [DONE, FAILED, STUCK])
def test_an_ended_flow_cannot_be_claimed_moved_cancelled_or_signalled(
    cell: Database, times: Times, state: FlowState
) -> None:
    flow = a_flow()
    _put(cell, flow)
    end = times.pass_by(seconds=9)
    with cell.write() as tx:
        flow_claim(tx, flow.id, "a", now=0.0, lease_until=130.0)
        error = Failure(kind="Timeout", message="late")
        assert flow_set_state(tx, flow.id, state, owner="a", error=error)
        assert flow_claim(tx, flow.id, "b", now=999.0, lease_until=1000.0) is None
        assert not flow_set_state(tx, flow.id, RUNNING)
        assert not flow_cancel(tx, flow.id, "deleted")
        assert not flow_signal(tx, flow.id, "abort")
        assert not flow_wake_at(tx, flow.id)
        found = flow_get(tx, flow.id)
    assert found is not None
    assert (found.state, found.finished_at, found.updated_at, found.error) == (state, end, end, error)
    assert (found.owner, found.lease, found.cancel, found.signals) == (None, 0.0, None, ())


def test_a_stuck_flow_can_be_taken_up_again_by_name_of_its_state(cell: Database) -> None:
    flow = a_flow(state=STUCK, finished_at=EPOCH)
    _put(cell, flow)
    with cell.write() as tx:
        assert not flow_set_state(tx, flow.id, UNWINDING, seen=FAILED)
        assert flow_set_state(tx, flow.id, UNWINDING, seen=STUCK, error=None, wake_at=0.0)
        found = flow_get(tx, flow.id)
        assert found is not None
        assert (found.state, found.finished_at) == (UNWINDING, None)


def test_a_state_moves_only_for_the_owner_and_from_what_was_seen(cell: Database) -> None:
    flow = a_flow(state=WAITING)
    _put(cell, flow)
    with cell.write() as tx:
        flow_claim(tx, flow.id, "a", now=0.0, lease_until=9.0)
        assert not flow_set_state(tx, flow.id, RUNNING, owner="b")
        assert not flow_set_state(tx, flow.id, RUNNING, seen=UNWINDING)
        assert flow_set_state(tx, flow.id, RUNNING, seen=WAITING, owner="a", params={"new": 1})
        found = flow_get(tx, flow.id)
        assert found is not None
        assert (found.state, found.params, found.owner) == (RUNNING, {"new": 1}, "a")


def test_the_first_reason_to_cancel_stays_and_wakes_the_flow(cell: Database) -> None:
    flow = a_flow(wake_at=100.0)
    _put(cell, flow)
    with cell.write() as tx:
        assert flow_cancel(tx, flow.id, "deleted")
        assert flow_cancel(tx, flow.id, "again")
        found = flow_get(tx, flow.id)
        assert found is not None
        assert (found.cancel, found.wake_at) == ("deleted", 0.0)
        assert not flow_cancel(tx, "unknown", "deleted")


def test_signals_are_heard_once_in_order(cell: Database) -> None:
    flow = a_flow(wake_at=100.0)
    _put(cell, flow)
    with cell.write() as tx:
        for signal in ("b", "a", "b"):
            assert flow_signal(tx, flow.id, signal)
        found = flow_get(tx, flow.id)
        assert found is not None
        assert (found.signals, found.wake_at) == (("b", "a"), 0.0)


def test_a_flow_is_only_ever_woken_sooner(cell: Database) -> None:
    flow = a_flow(wake_at=100.0)
    _put(cell, flow)
    with cell.write() as tx:
        assert flow_wake_at(tx, flow.id, 200.0)
        assert flows_due(tx, 100.0)[0].wake_at == 100.0
        flow_wake_at(tx, flow.id, 50.0)
        flow_wake_at(tx, flow.id)
        assert flows_due(tx, 0.0)[0].wake_at == 0.0


def test_the_sweep_finds_what_is_due_longest_first(cell: Database) -> None:
    due = [
        a_flow(id="running", wake_at=10.0),
        a_flow(id="expired", wake_at=5.0, lease=99.0, owner="dead"),
        a_flow(id="unwinding", state=UNWINDING, wake_at=20.0),
        a_flow(id="waiting", state=WAITING, after="ended", wake_at=1.0),
        a_flow(id="elsewhere", state=WAITING, after="in another database", wake_at=2.0),
    ]
    _put(
        cell,
        *due,
        a_flow(id="ended", state=DONE),
        a_flow(id="later", wake_at=101.0),
        a_flow(id="leased", lease=101.0, owner="alive"),
        a_flow(id="stuck", state=STUCK),
        a_flow(id="blocked", state=WAITING, after="leased"),
    )
    with assert_queries(cell, at_most=1), cell.read() as tx:
        found = [f.id for f in flows_due(tx, 100.0)]
    assert found == ["waiting", "elsewhere", "expired", "running", "unwinding"]
    with cell.read() as tx:
        assert [f.id for f in flows_due(tx, 100.0, limit=2)] == found[:2]
        assert flow_count_by_state(tx) == {RUNNING: 4, UNWINDING: 1, WAITING: 3, STUCK: 1}


def test_the_flows_behind_one_are_found(cell: Database) -> None:
    _put(
        cell,
        a_flow(id="a"),
        a_flow(id="b", after="a", state=WAITING),
        a_flow(id="c", after="a", state=RUNNING),
        a_flow(id="d", after="b", state=WAITING),
    )
    with cell.read() as tx:
        assert [f.id for f in flows_after(tx, "a")] == ["b"]


def _history(cell: Database) -> None:
    _put(
        cell,
        *(
            a_flow(
                id=f"f{n}",
                instance_uuid="server",
                action=None if n == 2 else "stop",
                request_id=f"req-{n}",
                started_at=EPOCH + timedelta(seconds=n),
                updated_at=EPOCH + timedelta(minutes=n),
            )
            for n in range(5)
        ),
        a_flow(id="other", instance_uuid="another"),
    )


@pytest.mark.parametrize(
    ("wishes", "found"),
    [
        ({}, "4310"),
        ({"shown": False}, "43210"),
        ({"limit": 2}, "43"),
        ({"marker": "req-3"}, "10"),
        ({"marker": "req-3", "limit": 1}, "1"),
        ({"request_id": "req-1"}, "1"),
        ({"changes_since": EPOCH + timedelta(minutes=3)}, "43"),
        ({"changes_before": EPOCH + timedelta(minutes=1)}, "10"),
    ],
)
def test_a_servers_actions_are_listed_newest_first(
    cell: Database, wishes: dict[str, Any], found: str
) -> None:
    _history(cell)
    with cell.read() as tx:
        assert "".join(f.id[1] for f in flows_of_instance(tx, "server", **wishes)) == found


def test_an_unknown_marker_among_a_servers_actions_is_refused(cell: Database) -> None:
    _history(cell)
    with cell.read() as tx, pytest.raises(Invalid, match="req-9"):
        flows_of_instance(tx, "server", marker="req-9")


def test_the_newest_unfinished_flow_of_a_server_is_found(cell: Database) -> None:
    _put(
        cell,
        a_flow(id="old", instance_uuid="s", started_at=EPOCH),
        a_flow(id="new", instance_uuid="s", started_at=EPOCH + timedelta(seconds=1), state=WAITING),
        a_flow(id="done", instance_uuid="s", started_at=EPOCH + timedelta(seconds=2), state=DONE),
    )
    with cell.read() as tx:
        found = unfinished_flow_of_instance(tx, "s")
        assert found is not None
        assert found.id == "new"
        assert unfinished_flow_of_instance(tx, "other") is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "dcba"),
        ({"states": (STUCK, DONE)}, "db"),
        ({"kinds": ("build",)}, "ca"),
        ({"instance_uuid": "s"}, "c"),
        ({"project_id": "p"}, "b"),
        ({"request_id": "req-d"}, "d"),
        ({"started_before": EPOCH + timedelta(seconds=2)}, "ba"),
        ({"marker": "c"}, "ba"),
        ({"limit": 3}, "dcb"),
    ],
)
def test_operators_page_flows_newest_first(cell: Database, query: dict[str, Any], found: str) -> None:
    fields: dict[str, dict[str, Any]] = {
        "a": {"kind": "build"},
        "b": {"state": STUCK, "project_id": "p"},
        "c": {"kind": "build", "instance_uuid": "s"},
        "d": {"state": DONE, "request_id": "req-d"},
    }
    _put(
        cell,
        *(
            a_flow(id=i, started_at=EPOCH + timedelta(seconds=n), **f)
            for n, (i, f) in enumerate(fields.items())
        ),
    )
    with cell.read() as tx:
        assert "".join(f.id for f in flow_page(tx, FlowQuery(**query))) == found


def test_operators_are_refused_an_unknown_marker(cell: Database) -> None:
    with cell.read() as tx, pytest.raises(Invalid, match="unknown"):
        flow_page(tx, FlowQuery(marker="unknown"))


def test_a_flow_moves_to_another_database_with_its_steps(api: Database, cell: Database) -> None:
    flow, bare = a_flow(updated_at=EPOCH), a_flow(updated_at=EPOCH)
    steps = [a_step(flow.id, n, state=StepState.DONE, output={"n": n}, finished_at=EPOCH) for n in range(3)]
    _put(api, flow, bare)
    with api.write() as tx:
        for step in steps:
            step_start(tx, step)
        taken = flow_take(tx, flow.id)
        assert taken == (flow, steps)
        assert flow_take(tx, "unknown") is None
    with cell.write() as tx:
        assert flow_put(tx, *taken)
        assert not flow_put(tx, *taken)
        assert flow_put(tx, bare)
        assert (flow_get(tx, flow.id), steps_of(tx, flow.id)) == taken
        assert steps_of_flows(tx, [flow.id, bare.id]) == {flow.id: steps}
    with api.write() as tx:
        assert flows_remove(tx, [flow.id, "unknown"]) == 1
        assert flows_remove(tx, []) == 0
        assert flow_get(tx, flow.id) is None
        assert steps_of(tx, flow.id) == []


@pytest.mark.parametrize(
    ("act", "statements"),
    [
        (lambda tx: flow_claim(tx, "f", "a", 0.0, 9.0), 2),
        (lambda tx: flow_set_state(tx, "f", DONE), 1),
        (lambda tx: flow_cancel(tx, "f", "deleted"), 1),
        (lambda tx: flow_signal(tx, "f", "abort"), 2),
        (lambda tx: flow_wake_at(tx, "f"), 1),
        (lambda tx: flow_take(tx, "f"), 2),
        (lambda tx: steps_of(tx, "f"), 1),
    ],
)
def test_the_engines_statements_are_few(cell: Database, act: Callable[[Tx], object], statements: int) -> None:
    _put(cell, a_flow(id="f"))
    with assert_queries(cell, at_most=statements), cell.write() as tx:
        act(tx)
