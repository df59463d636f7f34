"""Labs on this machine: hosts that live, see each other, and leave nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from proving.lab import Lab, LabPlan, destroy, lab, labs, open_lab, sweep
from proving.lab.command import Failed
from proving.lab.layers import Layers
from tests.integration.lab.traces import traces

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), pytest.mark.usefixtures("able")]
ROOT = Path(__file__).resolve().parents[3]
KINDS = {"mounts", "namespaces", "links", "addresses", "cgroups", "processes", "folders"}


def ask(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "proving.lab", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603


def test_each_host_is_a_system_of_its_own(two_hosts: Lab) -> None:
    hosts = two_hosts.hosts.values()
    assert [host.run("hostname").strip() for host in hosts] == ["h1", "h2"]
    assert [host.run("systemctl", "is-system-running").strip() for host in hosts] == ["running"] * 2
    assert len({host.run("cat", "/etc/machine-id") for host in hosts}) == 2
    assert len({host.host_key() for host in hosts}) == 2
    assert "13" in two_hosts.hosts["h1"].run("cat", "/etc/debian_version")


def test_hosts_reach_each_other_by_name_and_the_machine_by_address(two_hosts: Lab) -> None:
    two_hosts.hosts["h1"].run("ping", "-c1", "-W5", "h2")
    two_hosts.hosts["h2"].run("ping", "-c1", "-W5", "h1")
    two_hosts.hosts["h1"].run("ping", "-c1", "-W5", two_hosts.network.gateway)


def test_further_links_share_a_segment(two_hosts: Lab) -> None:
    for number, host in enumerate(two_hosts.hosts.values(), 1):
        host.run("ip", "address", "replace", f"10.79.0.{number}/24", "dev", "tun0")
        host.run("ip", "link", "set", "tun0", "up")
    two_hosts.hosts["h1"].run("ping", "-c1", "-W10", "10.79.0.2")


def test_hosts_reach_nothing_beyond_without_an_uplink(two_hosts: Lab) -> None:
    assert "default" not in two_hosts.hosts["h1"].run("ip", "route")


def test_what_one_host_writes_no_other_sees(two_hosts: Lab) -> None:
    one, other = two_hosts.hosts.values()
    one.run("touch", "/etc/mark")
    with pytest.raises(Failed):
        other.run("ls", "/etc/mark")
    assert not any((layer / "etc/mark").exists() for layer in Layers.here().stack())


def test_a_host_keeps_its_files_when_its_power_is_cut(two_hosts: Lab) -> None:
    host = two_hosts.hosts["h2"]
    host.run("sh", "-c", "echo kept >/root/file; sync")
    host.kill()
    assert not host.running
    two_hosts.start()
    assert host.run("cat", "/root/file") == "kept\n"
    host.stop()
    assert not host.running
    assert "Reached target" in host.console_end()
    two_hosts.start()
    assert host.run("cat", "/root/file") == "kept\n"


def test_input_and_failures_are_passed_on(two_hosts: Lab) -> None:
    host = two_hosts.hosts["h1"]
    assert host.run("cat", text="a b\n") == "a b\n"
    assert host.run("printf", "%s|", "it's", "$HOME", "a  b") == "it's|$HOME|a  b|"
    with pytest.raises(Failed, match="no such place"):
        host.run("sh", "-c", "echo no such place >&2; exit 3")
    with pytest.raises(Failed, match="more than 1 seconds"):
        host.run("sleep", "60", seconds=1)


def test_two_labs_stand_side_by_side_and_leave_nothing(name: str) -> None:
    with lab(name) as first, lab(f"{name}b", LabPlan(uplink=True)) as second:
        assert first.network.block != second.network.block
        assert first.hosts["h1"].run("hostname") == second.hosts["h1"].run("hostname")
        assert traces(first).keys() >= KINDS
        assert traces(second).keys() >= KINDS | {"rules"}
        assert "default via" in second.hosts["h1"].run("ip", "route")
    assert traces(first) == {}
    assert traces(second) == {}
    assert not {name, f"{name}b"} & {one.name for one in labs()}


def test_what_a_killed_run_left_is_found_and_removed(name: str) -> None:
    command = [sys.executable, "-m", "proving.lab", "create", name, "--hosts", "2"]
    Layers.here().stack()
    making = subprocess.Popen(command, cwd=ROOT)  # noqa: S603
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(LookupError):
                found = open_lab(name)
                if found.hosts["h1"].running:
                    break
            time.sleep(0.01)
    finally:
        making.send_signal(signal.SIGKILL)
        making.wait(10)
    assert traces(found).keys() >= {"mounts", "namespaces", "processes", "folders"}
    assert name in sweep()
    assert traces(found) == {}


def test_a_lab_that_cannot_be_made_leaves_nothing(name: str) -> None:
    with (
        pytest.raises(Failed, match="no-such-folder"),
        lab(name, LabPlan(binds=(("/no-such-folder", "/x"),))),
    ):
        raise AssertionError("it was made")
    assert name not in {one.name for one in labs()}
    assert not Path("/run/netns", f"lab-{name}").exists()


def test_a_lab_from_the_command_line_stays_until_it_is_destroyed(name: str) -> None:
    made = ask("create", name)
    try:
        assert made.returncode == 0, made.stderr
        found = open_lab(name)
        assert sweep() == []
        assert f"Host h1\n    HostName {found.hosts['h1'].address}\n" in ask("ssh-config", name).stdout
        assert ask("run", name, "h1", "hostname").stdout == "h1\n"
        assert ask("run", name, "h1", "exit", "7").returncode == 7
        assert f"{name} {found.network.block} 1/1 hosts up, stays" in ask("list").stdout
        again = ask("create", name)
        assert (again.returncode, again.stderr) == (2, f"there is a lab {name} already\n")
        missing = ask("run", name, "h9", "true")
        assert (missing.returncode, missing.stderr) == (2, f"lab {name} has no host h9; it has h1\n")
    finally:
        destroy(name)
    assert traces(found) == {}
    gone = ask("destroy", name)
    assert (gone.returncode, gone.stderr) == (2, f"there is no lab {name}\n")
