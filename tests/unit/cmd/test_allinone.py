from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from compute_service.cmd.allinone import AllInOne, clouds_yaml
from compute_service.cmd.allinone_seed import IMAGE
from tests.fixtures.all_in_one import Start


def call(site: AllInOne, method: str, path: str, body: Any = None, user: str = "demo") -> tuple[int, Any]:
    """Make one request of the compute API."""
    headers = {"X-Auth-Token": site.token(user), "OpenStack-API-Version": "compute 2.79"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310
        site.url + path, data, headers | {"Content-Type": "application/json"}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            raw = answer.read()
            return answer.status, json.loads(raw) if raw else None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def boot(site: AllInOne, count: int = 1) -> list[dict[str, Any]]:
    """Make servers and wait until none is being built."""
    order = {"name": "s", "imageRef": IMAGE, "flavorRef": "42", "networks": "auto"}
    status, body = call(site, "POST", "/servers", {"server": order | {"min_count": count}})
    assert status == 202, body
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        servers: list[dict[str, Any]] = call(site, "GET", "/servers/detail")[1]["servers"]
        if all(server["status"] != "BUILD" for server in servers):
            return servers
        time.sleep(0.02)
    raise AssertionError(servers)


def test_a_site_serves_servers_and_leaves_nothing_behind(start_site: Start) -> None:
    site = start_site(hosts=2)
    assert [server["status"] for server in boot(site, 3)] == ["ACTIVE"] * 3
    assert sum(len(list(driver.guests())) for driver in site.hypervisors.values()) == 3
    assert site.stop()
    assert not site.directory.exists()


def test_what_was_accepted_is_finished_when_a_site_stops(start_site: Start) -> None:
    site = start_site(hosts=1, options={"fake": {"latency": 0.3}})
    order = {"name": "s", "imageRef": IMAGE, "flavorRef": "42", "networks": "none"}
    assert call(site, "POST", "/servers", {"server": order})[0] == 202
    deadline = time.monotonic() + 10
    while not site.agent.hosts[0].service.io_workload and time.monotonic() < deadline:
        time.sleep(0.01)
    assert site.stop(10)
    (driver,) = site.hypervisors.values()
    assert len(list(driver.guests())) == 1


def test_the_real_placement_service_can_be_part_of_it(start_site: Start) -> None:
    pytest.importorskip("placement")
    site = start_site(hosts=1, real_placement=True)
    (server,) = boot(site)
    assert server["status"] == "ACTIVE"
    held = site.placement.allocations(server["id"])
    assert held is not None
    assert next(iter(held.allocations.values()))["MEMORY_MB"] == 192


def test_a_site_may_serve_before_its_hosts_are_up(start_site: Start) -> None:
    pytest.importorskip("placement")
    site = start_site(hosts=1, real_placement=True, settle=False)
    (server,) = boot(site)
    assert server["status"] == "ACTIVE"
    assert site.settled.is_set()


def test_without_authentication_the_token_is_believed(start_site: Start) -> None:
    site = start_site(auth=False)
    assert site.token("demo", "p1") == "demo:p1"
    assert call(site, "GET", "/flavors", user="admin")[0] == 200
    assert "admin_token" in clouds_yaml(site)


def test_a_site_in_a_directory_is_there_again(start_site: Start, tmp_path: Path) -> None:
    pytest.importorskip("placement")
    first = start_site(directory=tmp_path, real_placement=True)
    (server,) = boot(first)
    assert first.stop()
    second = start_site(directory=tmp_path, real_placement=True)
    status, body = call(second, "GET", f"/servers/{server['id']}")
    assert (status, body["server"]["status"]) == (200, "ACTIVE")


def test_the_clouds_file_names_two_users(all_in_one: AllInOne) -> None:
    clouds = yaml.safe_load(clouds_yaml(all_in_one))["clouds"]
    assert clouds["stratus"]["auth"]["username"] == "demo"
    assert clouds["stratus-admin"]["auth"]["auth_url"] == all_in_one.auth_url


def test_a_bad_token_is_refused(all_in_one: AllInOne) -> None:
    request = urllib.request.Request(all_in_one.url + "/servers", headers={"X-Auth-Token": "no"})  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)  # noqa: S310
    assert refused.value.code == 401
    assert all_in_one.auth_url in refused.value.headers["WWW-Authenticate"]


def command(*words: str) -> list[str]:
    """Return the command line of a site in a process of its own."""
    return [
        sys.executable,
        "-m",
        "compute_service.cmd.compute_cli",
        "all-in-one",
        "--placement",
        "fake",
        *words,
    ]


def test_the_command_greets_serves_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    process = subprocess.Popen(  # noqa: S603
        command("--port", "0", "--hosts", "1", "--log-file", str(tmp_path / "log")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"},
        text=True,
    )
    assert process.stdout is not None
    shown = ""
    while "Ctrl-C stops it." not in shown:
        line = process.stdout.readline()
        assert line, process.stderr and process.stderr.read()
        shown += line
    assert "FOR DEVELOPMENT ONLY" in shown
    clouds = Path(next(line for line in shown.splitlines() if "clouds.yaml" in line).split()[1])
    assert "stratus-admin" in clouds.read_text()
    url = next(line for line in shown.splitlines() if "compute API" in line).split()[-1]
    with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310
        assert answer.status == 200
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "stopping\n", "")
    assert not clouds.exists()


def test_a_port_that_is_taken_is_told(all_in_one: AllInOne) -> None:
    done = subprocess.run(  # noqa: S603
        command("--port", str(all_in_one.server.port)),
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
    )
    assert done.returncode == 1
    assert f"cannot listen on port {all_in_one.server.port}: Address already in use" in done.stderr
