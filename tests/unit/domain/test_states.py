from __future__ import annotations

import pytest

from compute_service.domain.states import STATUSES, TaskState, VmState, states_of, status_of


@pytest.mark.parametrize(
    ("vm_state", "task_state", "status"),
    [
        (VmState.ACTIVE, None, "ACTIVE"),
        (VmState.ACTIVE, TaskState.REBOOT_PENDING, "REBOOT"),
        (VmState.ACTIVE, TaskState.REBOOTING_HARD, "HARD_REBOOT"),
        (VmState.ACTIVE, TaskState.RESIZE_FINISH, "RESIZE"),
        (VmState.STOPPED, TaskState.RESIZE_PREP, "RESIZE"),
        (VmState.STOPPED, TaskState.POWERING_ON, "SHUTOFF"),
        (VmState.ERROR, TaskState.REBUILD_SPAWNING, "REBUILD"),
        (VmState.PAUSED, TaskState.MIGRATING, "MIGRATING"),
        (VmState.RESIZED, None, "VERIFY_RESIZE"),
        (VmState.RESIZED, TaskState.RESIZE_REVERTING, "REVERT_RESIZE"),
        (VmState.SOFT_DELETED, None, "SOFT_DELETED"),
        (VmState.BUILDING, TaskState.SPAWNING, "BUILD"),
    ],
)
def test_a_pair_of_states_shows_as_one_status(
    vm_state: VmState, task_state: TaskState | None, status: str
) -> None:
    assert status_of(vm_state, task_state) == status


@pytest.mark.parametrize("vm_state", list(VmState))
@pytest.mark.parametrize("task_state", [None, *TaskState])
def test_every_status_leads_back_to_its_states(vm_state: VmState, task_state: TaskState | None) -> None:
    found = states_of(status_of(vm_state, task_state).lower())
    assert found is not None
    assert (vm_state, task_state) in found or (vm_state, None) in found


def test_an_unknown_status_has_no_states() -> None:
    assert states_of("HAPPY") is None


def test_unknown_is_a_status_too() -> None:
    assert "UNKNOWN" in STATUSES
