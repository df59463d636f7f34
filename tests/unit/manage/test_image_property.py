from __future__ import annotations

import pytest

from compute_service.domain.states import TaskState, VmState
from compute_service.store.servers import server_locate
from tests.fixtures.records import new_uuid
from tests.unit.manage.shell import Shell


def stopped(shell: Shell, **fields: object) -> str:
    known = {"vm_state": VmState.STOPPED, "task_state": None, "image_properties": {"hw_disk_bus": "ide"}}
    return shell.server(**{**known, **fields}).uuid


def kept(shell: Shell, server: str) -> dict[str, str]:
    found = server_locate(shell.store, server)
    assert found is not None
    return found.instance.image_properties


def test_show_prints_a_property(shell: Shell) -> None:
    server = stopped(shell)
    assert shell.run(f"image_property show {server} hw_disk_bus") == 0
    assert shell.text == "ide\n"
    assert shell.run(f"image_property show {server} hw_vif_model") == 3
    assert "hw_vif_model is not set" in shell.text
    assert shell.run(f"image_property show {new_uuid()} hw_disk_bus") == 2


def test_set_changes_what_is_named_and_keeps_the_rest(shell: Shell) -> None:
    server = stopped(shell)
    line = f"image_property set {server} --property hw_vif_model=virtio --property hw_numa_cpus.0=0-1"
    assert shell.run(line) == 0, shell.text
    assert kept(shell, server) == {"hw_disk_bus": "ide", "hw_vif_model": "virtio", "hw_numa_cpus.0": "0-1"}
    assert shell.run(f"image_property set {server} --property hw_disk_bus=virtio") == 0
    assert kept(shell, server)["hw_disk_bus"] == "virtio"


@pytest.mark.parametrize("state", [VmState.SHELVED, VmState.SHELVED_OFFLOADED])
def test_shelved_servers_may_be_changed_too(shell: Shell, state: VmState) -> None:
    server = stopped(shell, vm_state=state)
    assert shell.run(f"image_property set {server} --property os_type=linux") == 0


@pytest.mark.parametrize(
    ("fields", "properties", "code", "told"),
    [
        ({"vm_state": VmState.ACTIVE}, "os_type=linux", 3, "must be stopped or shelved; it is active"),
        ({"task_state": TaskState.POWERING_ON}, "os_type=linux", 3, "it is stopped, powering-on"),
        ({}, "os_type", 4, "'os_type' is not of the form name=value"),
        ({}, "=linux", 4, "'=linux' is not of the form"),
        ({}, "colour=red", 5, "no image property 'colour'"),
        ({}, "os_type=plan9", 6, "'plan9' is no value of the image property os_type"),
        ({}, "hw_boot_menu=maybe", 6, "hw_boot_menu"),
        ({}, "hw_video_ram=-1", 6, "hw_video_ram"),
        ({}, "hw_rng_model=", 6, "hw_rng_model"),
    ],
)
def test_what_cannot_be_set_is_refused_and_nothing_is_changed(
    shell: Shell, fields: dict[str, object], properties: str, code: int, told: str
) -> None:
    server = stopped(shell, **fields)
    line = f"image_property set {server} --property hw_vif_model=virtio --property {properties}"
    assert shell.run(line) == code
    assert told in shell.text
    assert kept(shell, server) == {"hw_disk_bus": "ide"}


def test_an_unknown_server_is_told(shell: Shell) -> None:
    assert shell.run(f"image_property set {new_uuid()} --property os_type=linux") == 2
    assert "could not be found" in shell.text
