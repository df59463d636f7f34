"""Playbooks and what they are told: nothing is forgotten in one place that stands in another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PARTS = {"demo.yml", "hosts.yml", "services.yml"}
"""Playbooks that nobody runs: others import them, or `./stratus demo` runs them."""
PLAYBOOKS = sorted(path.name for path in (ROOT / "playbooks").glob("*.yml") if path.name not in PARTS)
MANUALS = "\n".join(path.read_text() for path in (ROOT / "docs/how-to").glob("*.md"))


def told(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / f"playbooks/group_vars/all/{name}.yml").read_text()))


def role_variables(role: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / f"roles/{role}/vars/main.yml").read_text()))


UNITS = told("units")["stratus_units"]
OF_TLS = told("units")["stratus_units_tls"]
ALL_UNITS = {unit for some in (UNITS, OF_TLS) for units in some.values() for unit in units}


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_manual_tells_of_every_playbook(playbook: str) -> None:
    assert f"playbooks/{playbook}" in MANUALS


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_playbook_begins_by_telling_what_it_does(playbook: str) -> None:
    lines = (ROOT / "playbooks" / playbook).read_text().splitlines()
    assert lines[0] == "---"
    assert lines[1].startswith("# ")


def test_a_port_is_for_a_unit_of_the_same_hosts() -> None:
    known = {unit.removesuffix(".socket") for unit in ALL_UNITS} | {"epmd"}
    for group, ports in told("hosts")["stratus_ports"].items():
        assert group in UNITS
        assert set(ports.values()) <= known
        assert all(0 < port < 65536 for port in ports)


def test_every_group_has_its_limits() -> None:
    limits = told("hosts")
    assert set(limits["stratus_least_memory_mb"]) == set(limits["stratus_least_room_mb"]) == set(UNITS)


def test_what_guests_need_is_among_what_runs() -> None:
    assert set(told("units")["stratus_units_of_guests"]) <= ALL_UNITS


def test_all_our_units_are_restarted_and_removed() -> None:
    ours = {unit for unit in ALL_UNITS if unit.startswith("nova-")}
    plays = yaml.safe_load((ROOT / "playbooks/services.yml").read_text())
    roles = [role for play in plays for role in play.get("roles", ())]
    # Only there: after the schema is made and the cells are mapped, whatever changed before.
    assert ours == {name for role in roles for name in role.get("vars", {}).get("compute_daemons_names", ())}
    assert ours <= set(told("traces")["stratus_traces_units"])
    assert set(role_variables("neutron")["__neutron_units"]) <= ALL_UNITS


def test_only_whole_trees_of_the_site_are_removed() -> None:
    for path in told("traces")["stratus_traces"]:
        assert path.startswith("/")
        assert len(Path(path).parts) >= 3
        assert path not in ("/etc/systemd", "/usr/local/bin", "/var/lib")


def test_what_networkd_is_told_is_heeded_at_once_and_removed_with_the_site() -> None:
    tasks = yaml.safe_load((ROOT / "roles/neutron_chassis/tasks/switch.yml").read_text())
    heeded = next(
        task["stratus.compute.units"]["after"]
        for task in tasks
        if "systemd-networkd" in str(task.get("stratus.compute.units"))
    )
    written = [
        task["ansible.builtin.template"]["dest"] for task in tasks if "ansible.builtin.template" in task
    ]
    files = [path.replace("{{ item.name }}", name) for path in written for name in ("br-phy", "br-ex")]
    assert len(files) == 4
    assert set(files) <= set(heeded) & set(told("traces")["stratus_traces"])
