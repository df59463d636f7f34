from __future__ import annotations

import json
from datetime import timedelta

from compute_service.domain.flow import Failure, FlowState, StepPhase, StepState
from compute_service.store.flow_steps import step_start
from compute_service.store.flows import flow_get, flow_insert, flow_set_state
from tests.fixtures.records import a_flow, a_step
from tests.fixtures.stores import EPOCH
from tests.unit.manage.shell import Shell


def flow(shell: Shell, state: FlowState, database: str | None = None, **fields: object) -> str:
    made = a_flow(**fields)
    with shell.store.database(database or shell.cell()).write() as tx:
        flow_insert(tx, made)
        if state is not FlowState.RUNNING:
            failure = Failure(kind="HostRejected", message="it would not")
            error = failure if state in (FlowState.STUCK, FlowState.FAILED) else None
            flow_set_state(tx, made.id, state, error=error)
    return made.id


def stuck(shell: Shell, phase: StepPhase = StepPhase.UNDO) -> str:
    made = flow(shell, FlowState.STUCK, instance_uuid="server-1", action="stop", kind="stop")
    with shell.store.database(shell.cell()).write() as tx:
        step_start(tx, a_step(made, 0, name="power_off", host="cmp1"))
        if phase is StepPhase.UNDO:
            step_start(tx, a_step(made, 0, phase, name="power_off", host="cmp1", state=StepState.FAILED))
    return made


def ids(shell: Shell) -> list[str]:
    return [row["id"] for row in json.loads(shell.text)]


def test_list_shows_what_is_unfinished_or_stuck_in_every_database_newest_first(shell: Shell) -> None:
    old = flow(shell, FlowState.RUNNING, "api", started_at=EPOCH - timedelta(days=1))
    new, lost = flow(shell, FlowState.WAITING, started_at=EPOCH + timedelta(days=1)), stuck(shell)
    flow(shell, FlowState.DONE)
    assert shell.run("flow list --json") == 0
    assert ids(shell) == [new, lost, old]
    assert shell.run("flow list") == 0
    row = next(line for line in shell.text.splitlines() if lost in line)
    for word in ("stuck", "server-1", "power_off (undo, ", "it would not"):
        assert word in row


def test_list_can_be_narrowed(shell: Shell) -> None:
    done, lost = flow(shell, FlowState.DONE, kind="start"), stuck(shell)
    running = flow(shell, FlowState.RUNNING)
    assert shell.run("flow list --json --state stuck --state done") == 0
    assert sorted(ids(shell)) == sorted([done, lost])
    shell.run("flow list --json --all --kind start")
    assert ids(shell) == [done]
    shell.run("flow list --json --instance server-1")
    assert ids(shell) == [lost]
    shell.run("flow list --json --all --limit 2")
    assert len(ids(shell)) == 2
    assert running
    assert shell.run("flow list --state tired") == 1
    assert "waiting" in shell.text


def test_show_prints_a_flow_and_its_steps(shell: Shell) -> None:
    made = stuck(shell)
    assert shell.run(f"flow show {made}") == 0
    for word in (made, "HostRejected: it would not", "power_off", "cmp1", shell.cell()):
        assert word in shell.text
    assert shell.run(f"flow show {made} --json") == 0
    found = json.loads(shell.text)
    assert found["flow"]["id"] == made
    assert [step["phase"] for step in found["steps"]] == ["do", "undo"]
    assert shell.run("flow show unknown") == 1


def test_retry_lets_a_stuck_flow_go_on_in_its_direction(shell: Shell) -> None:
    for phase, state in ((StepPhase.UNDO, FlowState.UNWINDING), (StepPhase.DO, FlowState.RUNNING)):
        made = stuck(shell, phase)
        assert shell.run(f"flow retry {made}") == 0
        with shell.store.database(shell.cell()).read() as tx:
            assert flow_get(tx, made).state is state
        assert shell.run(f"flow retry {made}") == 2
    assert shell.run("flow retry unknown") == 1


def test_abandon_gives_a_stuck_flow_up(shell: Shell) -> None:
    made = stuck(shell)
    assert shell.run(f"flow abandon {made}") == 0
    with shell.store.database(shell.cell()).read() as tx:
        assert flow_get(tx, made).state is FlowState.FAILED
    assert shell.run(f"flow abandon {made}") == 2
    assert "not stuck but failed" in shell.text
    assert shell.run("flow abandon unknown") == 1
