from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from proving.lab import Lab, LabPlan, Unable
from proving.lab.record import claim
from site_cli import lab_site
from site_cli.run import Busy


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATUS_LAB_STATE", str(tmp_path / "labs"))
    monkeypatch.setenv("STRATUS_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def made() -> Lab:
    """A lab of which only the record is there."""
    return Lab(claim("demo", LabPlan(hosts=("demo",))))


def test_the_inventory_is_of_one_host_that_is_everything(made: Lab) -> None:
    folder = lab_site.inventory(made)
    told = yaml.safe_load((folder / "hosts.yml").read_text())["all"]
    assert list(told["hosts"]) == ["demo"]
    assert {group: list(members["hosts"]) for group, members in told["children"].items()} == {
        "controller": ["demo"],
        "compute": ["demo"],
    }
    variables = folder / "group_vars" / "all"
    assert variables.stat().st_mode & 0o777 == 0o700
    cloud = yaml.safe_load((variables / "cloud.yml").read_text())
    assert cloud["ansible_ssh_common_args"] == f"-F {made.folder / 'ssh_config'}"
    assert cloud["stratus_region"] == "RegionOne"


def test_the_inventory_has_the_variables_of_one_for_real_hosts(made: Lab) -> None:
    variables = lab_site.inventory(made) / "group_vars" / "all"
    theirs = lab_site.ROOT / "inventories/aio/group_vars/all"
    for file in ("cloud.yml", "network.yml"):
        wanted = yaml.safe_load((theirs / file).read_text()).keys()
        assert wanted <= yaml.safe_load((variables / file).read_text()).keys()


def test_secrets_that_were_made_stay_when_the_inventory_is_written_again(made: Lab) -> None:
    secrets = lab_site.inventory(made) / "group_vars" / "all" / "secrets.yml"
    secrets.write_text("stratus_secrets: {}\n")
    lab_site.inventory(made)
    assert secrets.read_text() == "stratus_secrets: {}\n"


def test_the_packages_are_those_that_the_playbooks_install() -> None:
    assert {"mariadb-server", "libvirt-daemon-system", "novnc"} <= set(lab_site.packages())


def test_units_that_are_not_configured_yet_stay_idle_at_first() -> None:
    units = lab_site.idle_units()
    assert {"keystone.service", "neutron-rpc-server.service", "haproxy.service", "libvirtd.socket"} <= set(
        units
    )
    assert all("." in unit for unit in units)


def test_a_lab_that_another_run_makes_is_left_to_it() -> None:
    claim("demo", LabPlan(hosts=("demo",)))
    with pytest.raises(Busy):
        lab_site.make("demo")


def test_a_machine_without_room_is_told_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_site, "check_machine", lambda: None)
    monkeypatch.setattr(lab_site, "MEMORY_GIB", 1_000_000)
    monkeypatch.setattr(lab_site, "DISK_GIB", 1_000_000)
    with pytest.raises(Unable) as told:
        lab_site.check()
    lines = str(told.value).splitlines()
    assert len(lines) == 4
    assert "GiB of memory are free; a site needs 1000000" in lines[1]


def test_there_is_nothing_to_find_or_remove_where_no_lab_is() -> None:
    assert lab_site.find("demo") is None
    assert lab_site.remove("demo") is False
