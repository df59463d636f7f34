from __future__ import annotations

import json

import pytest

from compute_service.domain.states import VmState
from compute_service.manage import libvirt
from tests.fixtures.records import new_uuid
from tests.unit.manage.shell import Shell


def guest(shell: Shell, machine_type: str | None, **fields: object) -> str:
    properties = {} if machine_type is None else {"hw_machine_type": machine_type}
    known = {"vm_state": VmState.STOPPED, "task_state": None, "image_properties": properties}
    return shell.server(**{**known, **fields}).uuid


def machine_type(shell: Shell, server: str) -> str:
    shell.run(f"libvirt get_machine_type {server}")
    return shell.text.strip()


def test_get_prints_the_machine_type(shell: Shell) -> None:
    server = guest(shell, "q35")
    assert shell.run(f"libvirt get_machine_type {server}") == 0
    assert shell.text == "q35\n"
    assert shell.run(f"libvirt get_machine_type {guest(shell, None)}") == 3
    assert shell.run(f"libvirt get_machine_type {new_uuid()}") == 2


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        (None, "q35"),
        (None, "pc-i440fx-8.2"),
        ("pc-q35-6.2", "pc-q35-8.2"),
        ("pc-1.2", "pc-i440fx-8.2"),
        ("virt-6.2", "virt-7.0"),
        ("q35", "q35"),
    ],
)
def test_update_sets_a_type_of_the_same_kind(shell: Shell, now: str | None, wanted: str) -> None:
    server = guest(shell, now)
    assert shell.run(f"libvirt update_machine_type {server} {wanted}") == 0, shell.text
    assert f"to {wanted} (previously {now or 'unset'})" in shell.text
    assert machine_type(shell, server) == wanted


@pytest.mark.parametrize(
    ("now", "wanted", "state", "code"),
    [
        ("pc-q35-6.2", "pc-q35-8.2", VmState.ACTIVE, 3),
        ("pc", "q35", VmState.STOPPED, 4),
        ("pc-i440fx-6.2", "pc-q35-6.2", VmState.STOPPED, 4),
        ("q35", "pc-q35-8.2", VmState.STOPPED, 4),
        ("pc-q35-8.2", "q35", VmState.STOPPED, 4),
        (None, "abacus", VmState.STOPPED, 5),
    ],
)
def test_what_is_refused_can_be_forced(
    shell: Shell, now: str | None, wanted: str, state: VmState, code: int
) -> None:
    server = guest(shell, now, vm_state=state)
    before = machine_type(shell, server)
    assert shell.run(f"libvirt update_machine_type {server} {wanted}") == code
    assert machine_type(shell, server) == before
    assert shell.run(f"libvirt update_machine_type {server} {wanted} --force") == 0
    assert machine_type(shell, server) == wanted


def test_an_unknown_server_is_told(shell: Shell) -> None:
    assert shell.run(f"libvirt update_machine_type {new_uuid()} q35") == 2


def test_servers_without_a_type_are_listed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libvirt, "BATCH", 2)
    other = shell.another_cell()
    assert shell.run("libvirt list_unset_machine_type") == 0
    assert "No instances found without hw_machine_type set." in shell.text
    guest(shell, "q35")
    here = [guest(shell, None) for _ in range(3)]
    there = guest(shell, None, cell=other, vm_state=VmState.SOFT_DELETED)
    assert shell.run("libvirt list_unset_machine_type --json") == 3
    assert [row["instance_uuid"] for row in json.loads(shell.text)] == sorted([*here, there])
    assert shell.run(f"libvirt list_unset_machine_type --cell-uuid {other}") == 3
    assert there in shell.text
    assert here[0] not in shell.text
    assert shell.run(f"libvirt list_unset_machine_type --cell-uuid {new_uuid()}") == 2
