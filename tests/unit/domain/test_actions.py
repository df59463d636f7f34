from __future__ import annotations

from datetime import datetime

import pytest

from compute_service.domain.actions import ACTIONS, exits
from compute_service.domain.errors import InvalidState, Locked, NotReady
from compute_service.domain.flavor import Flavor
from compute_service.domain.instance import Instance
from compute_service.domain.states import TaskState, VmState

BORN = datetime(2026, 1, 1)


def server(**changes: object) -> Instance:
    active = Instance(
        uuid="5a8e2b1c-0000-4000-8000-000000000001",
        project_id="p",
        user_id="u",
        reservation_id="r-1",
        created_at=BORN,
        display_name="web",
        hostname="web",
        flavor=Flavor(flavorid="1", name="m1", vcpus=1, memory_mb=512, root_gb=1),
        vm_state=VmState.ACTIVE,
        launched_at=BORN,
        host="node1",
    )
    return active.replace(**changes)


def test_an_idle_active_server_may_be_stopped() -> None:
    ACTIONS["stop"].check(server(), is_admin=False)


@pytest.mark.parametrize("key", [k for k, a in ACTIONS.items() if a.lockable])
def test_a_locked_server_refuses_every_lockable_action_to_its_owner(key: str) -> None:
    with pytest.raises(Locked, match="is locked"):
        ACTIONS[key].check(server(locked_by="owner"), is_admin=False)


def test_a_lock_does_not_hold_an_admin() -> None:
    ACTIONS["stop"].check(server(locked_by="admin"), is_admin=True)


@pytest.mark.parametrize("key", ["stop", "pause", "suspend", "resize", "create_image", "rebuild"])
def test_a_busy_server_refuses_what_needs_an_idle_one(key: str) -> None:
    with pytest.raises(InvalidState, match="task_state rebooting"):
        ACTIONS[key].check(server(task_state=TaskState.REBOOTING), is_admin=False)


def test_a_hard_reboot_is_let_in_during_a_soft_one() -> None:
    ACTIONS["reboot_hard"].check(server(task_state=TaskState.REBOOT_STARTED), is_admin=False)


def test_deleting_is_always_let_in() -> None:
    for vm_state in VmState:
        for task_state in (None, *TaskState):
            busy = server(vm_state=vm_state, task_state=task_state, launched_at=None, host=None)
            ACTIONS["delete"].check(busy, is_admin=False)


def test_a_server_that_never_booted_cannot_be_started() -> None:
    with pytest.raises(InvalidState, match="launched_at None"):
        ACTIONS["start"].check(server(vm_state=VmState.STOPPED, launched_at=None), is_admin=False)


def test_a_server_without_a_host_is_not_ready() -> None:
    with pytest.raises(NotReady, match="is not ready"):
        ACTIONS["stop"].check(server(host=None), is_admin=False)


def test_the_message_names_action_attribute_and_state() -> None:
    with pytest.raises(InvalidState) as refused:
        ACTIONS["start"].check(server(), is_admin=False)
    assert str(refused.value).endswith("while it is in vm_state active")
    assert str(refused.value).startswith("Cannot 'start' instance 5a8e2b1c")


@pytest.mark.parametrize("state", list(VmState))
def test_every_state_has_a_way_out(state: VmState) -> None:
    assert set(exits(state)) & {"delete", "restore", "start"}
