from __future__ import annotations

from datetime import timedelta

from compute_service.domain.flow import FlowState, StepState
from compute_service.store.database import Database
from compute_service.store.flow_figures import FlowFigures, flow_figures
from compute_service.store.flow_steps import step_start
from compute_service.store.flows import flow_insert
from tests.fixtures.records import a_flow, a_step
from tests.fixtures.stores import EPOCH


def test_flows_are_counted_by_state_with_the_age_of_the_oldest(api: Database) -> None:
    with api.write() as tx:
        for number, state in enumerate(
            (FlowState.RUNNING, FlowState.RUNNING, FlowState.STUCK, FlowState.DONE)
        ):
            flow_insert(tx, a_flow(state=state, started_at=EPOCH + timedelta(hours=number)))
    with api.read() as tx:
        before = tx.statements
        found = flow_figures(tx, 0.0)
        assert tx.statements - before == 2
    assert found.counts == {"running": 2, "stuck": 1}
    assert found.since == {"running": EPOCH, "stuck": EPOCH + timedelta(hours=2)}


def test_steps_count_as_late_when_their_deadline_passed_and_somebody_still_waits(api: Database) -> None:
    with api.write() as tx:
        running, ended = a_flow(state=FlowState.RUNNING), a_flow(state=FlowState.FAILED)
        for flow in (running, ended):
            flow_insert(tx, flow)
            for seq, (state, deadline) in enumerate(
                ((StepState.PARKED, 100.0), (StepState.PARKED, 300.0), (StepState.DONE, 100.0))
            ):
                step_start(tx, a_step(flow_id=flow.id, seq=seq, state=state, deadline=deadline))
    with api.read() as tx:
        assert [flow_figures(tx, now).overdue for now in (50.0, 200.0, 400.0)] == [0, 1, 2]


def test_the_figures_of_several_databases_add_up() -> None:
    one = FlowFigures(counts={"running": 1}, since={"running": EPOCH}, overdue=1)
    other = FlowFigures(
        counts={"running": 2, "stuck": 1},
        since={"running": EPOCH - timedelta(days=1), "stuck": EPOCH},
        overdue=2,
    )
    assert one + other == FlowFigures(
        counts={"running": 3, "stuck": 1},
        since={"running": EPOCH - timedelta(days=1), "stuck": EPOCH},
        overdue=3,
    )
