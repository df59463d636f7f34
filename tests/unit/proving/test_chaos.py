"""Lives of servers, and what must hold once the trouble is over."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from compute_service.domain.flow import Failure, FlowState
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.domain.vif import Vif
from proving.chaos.invariants import check
from proving.chaos.lives import lives
from proving.chaos.report import told
from proving.chaos.run import Outcome, Trial, figures
from proving.chaos.truth import Truth
from proving.chaos.users import BODIES, Book, Halt, Promise
from tests.fixtures.records import a_flow, a_mapping, a_migration, an_instance, new_uuid

CELL = new_uuid()


def a_truth() -> tuple[Truth, str]:
    """Return what is so with one active server on host h1, and the server."""
    vif = Vif(port_id=new_uuid(), network_id=new_uuid(), network_label="private", mac="fa:16:3e:00:00:01")
    row = an_instance(host="h1", node="h1", vm_state=VmState.ACTIVE, vifs=(vif,))
    flavor = row.flavor
    size = {"VCPU": flavor.vcpus, "MEMORY_MB": flavor.memory_mb, "DISK_GB": flavor.disk_gb}
    mapping = a_mapping(row, CELL)
    truth = Truth(
        rows={row.uuid: [(CELL, row)]},
        mappings={row.uuid: mapping},
        allocations={row.uuid: {"h1": size}},
        ports={row.uuid: ["h1"]},
        guests={row.uuid: [("h1", {"uuid": row.uuid, "power": PowerState.RUNNING.value})]},
    )
    return truth, row.uuid


def rules(truth: Truth, book: Book | None = None) -> list[str]:
    return [violation.rule for violation in check(truth, book or Book())]


def test_a_seed_decides_the_lives() -> None:
    assert lives(7, 50) == lives(7, 50) != lives(8, 50)
    assert {act for life in lives(7, 300) for act in life.acts} == {
        *BODIES,
        "soft delete",
        "attach",
        "detach",
    }


def test_a_server_that_has_what_it_needs_is_in_order() -> None:
    truth, _ = a_truth()
    assert rules(truth) == []


def test_what_still_goes_on_is_found() -> None:
    truth, uuid = a_truth()
    (place,) = truth.rows[uuid]
    truth.rows[uuid] = [(place[0], place[1].replace(task_state=TaskState.SPAWNING))]
    truth.unfinished.append(a_flow(instance_uuid=uuid))
    assert rules(truth) == ["nothing goes on", "nothing goes on"]


def test_a_promise_of_which_nothing_is_known_is_found() -> None:
    truth, uuid = a_truth()
    book = Book(promises=[Promise(uuid, "stop", "req-1"), Promise(uuid, "start", "req-2")])
    why = Failure(kind="Timeout", message="late")
    truth.requests[f"req-1/{uuid}"] = a_flow(state=FlowState.FAILED, error=why)
    (violation,) = check(truth, book)
    assert "req-2" in violation.what


@pytest.mark.parametrize(("state", "kept"), [(VmState.SOFT_DELETED, True), (VmState.ACTIVE, False)])
def test_a_deletion_that_came_second_needs_no_flow_of_its_own(state: VmState, kept: bool) -> None:
    truth, uuid = a_truth()
    (place,) = truth.rows[uuid]
    truth.rows[uuid] = [(place[0], place[1].replace(vm_state=state))]
    truth.mappings[uuid] = truth.mappings[uuid].replace(deleted=kept)
    assert (rules(truth, Book(promises=[Promise(uuid, "soft delete", "req-1")])) == []) is kept


def test_users_are_held_up_between_two_verbs() -> None:
    halt = Halt()
    halt.here()
    halt.ask()
    users = [threading.Thread(target=halt.here, daemon=True) for _ in range(3)]
    for user in users:
        user.start()
    deadline = time.monotonic() + 30
    while halt.halted < len(users) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert halt.halted == len(users)
    halt.end()
    for user in users:
        user.join(30)
    assert not any(user.is_alive() for user in users)
    halt.here()
    assert halt.halted == len(users)


def test_figures_are_of_what_was_measured() -> None:
    assert figures([3.0]) == (1, 3.0, 3.0, 3.0)
    assert figures([float(number) for number in range(101)]) == (101, 50.0, 95.0, 100.0)


def test_a_report_tells_times_and_failures() -> None:
    outcome = Outcome(
        settled=12.25, times={"stop": (3, 0.5, 1.0, 2.0)}, failed=Counter({"build: Timeout: late": 2})
    )
    text = told(Trial(), outcome)
    assert "settled 12.2 s after the last fault" in text
    assert "stop" in text
    assert "2  build: Timeout: late" in text


def test_a_server_that_should_be_deleted_is_found() -> None:
    truth, uuid = a_truth()
    assert rules(truth, Book(deleted={uuid})) == ["promises are kept"]


def test_a_server_without_a_row_is_found() -> None:
    truth, _ = a_truth()
    assert rules(truth, Book(servers={"lost"})) == ["promises are kept"]


def test_orphans_are_found() -> None:
    truth, uuid = a_truth()
    guest = {"uuid": uuid, "power": PowerState.RUNNING.value}
    truth.guests[uuid].append(("h2", guest))
    truth.kept[uuid] = ["h3"]
    truth.allocations["nobody"] = {"h1": {"VCPU": 1}}
    truth.ports["nobody"] = ["h1"]
    truth.images["image"] = "queued"
    assert rules(truth) == [
        "allocations are held by who needs them",
        "no other guest stands anywhere",
        "no other guest stands anywhere",
        "ports are of living servers",
        "images are whole",
    ]


def test_what_is_missing_is_found() -> None:
    truth, _ = a_truth()
    truth.allocations.clear()
    truth.guests.clear()
    truth.ports.clear()
    truth.mappings.clear()
    assert rules(truth) == [
        "servers are in one place",
        "allocations are held by who needs them",
        "guests stand where their servers are",
        "ports are of living servers",
    ]


def test_a_port_that_its_server_does_not_know_is_found() -> None:
    truth, uuid = a_truth()
    truth.ports[uuid].append("h1")
    assert rules(truth) == ["ports are of living servers"]


def test_a_guest_in_another_state_is_found() -> None:
    truth, uuid = a_truth()
    truth.guests[uuid][0][1]["power"] = PowerState.SHUTDOWN.value
    assert rules(truth) == ["guests stand where their servers are"]


def test_what_counts_wrongly_is_found() -> None:
    truth, uuid = a_truth()
    truth.mappings[uuid] = truth.mappings[uuid].replace(vcpus=9)
    assert rules(truth) == ["quotas count what lives"]
    truth.mappings[uuid] = truth.mappings[uuid].replace(vcpus=1, deleted=True)
    assert "quotas count what lives" in rules(truth)


def test_a_move_that_waits_keeps_its_way_back() -> None:
    truth, uuid = a_truth()
    (place,) = truth.rows[uuid]
    truth.rows[uuid] = [(place[0], place[1].replace(vm_state=VmState.RESIZED))]
    move = a_migration(uuid, source_compute="h0", status="finished")
    truth.moves.append(move)
    truth.kept[uuid] = ["h0"]
    assert rules(truth) == ["allocations are held by who needs them"]
    truth.allocations[move.uuid] = {"h0": {"VCPU": 1}}
    assert rules(truth) == []


def test_an_outcome_is_good_only_when_all_was_led_to_its_end_and_came_up() -> None:
    assert Outcome().is_good
    assert not Outcome(not_up=["nova-api"]).is_good
    assert not Outcome(not_led=1).is_good
    assert not Outcome(unsettled=["a flow"]).is_good
