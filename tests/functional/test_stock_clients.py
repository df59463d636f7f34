"""The clients that operators have, unchanged: the `openstack` command and openstacksdk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import openstack
import pytest
from openstack.connection import Connection
from openstack.exceptions import ConflictException

from tests.functional.caller import wait_for
from tests.functional.cloud import Cloud

COMMAND = Path(sys.executable).with_name("openstack")
pytestmark = [
    pytest.mark.skipif(not COMMAND.exists(), reason="python-openstackclient is not installed"),
    pytest.mark.filterwarnings("ignore"),
]


class Shell:
    """Runs `openstack` as a user with a clouds.yaml would."""

    def __init__(self, clouds: Path, cloud: str = "stratus") -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(clouds.parent),
            "OS_CLIENT_CONFIG_FILE": str(clouds),
            "OS_CLOUD": cloud,
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(  # noqa: S603
            [str(COMMAND), *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )

    def ask(self, *words: str) -> Any:
        """Return what a command prints as JSON."""
        done = self.run(*words, "-f", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout[done.stdout.index(done.stdout.strip()[0]) :])

    def order(self, *words: str) -> None:
        """Run a command that prints nothing."""
        done = self.run(*words)
        assert done.returncode == 0, done.stderr

    def refusal(self, *words: str) -> str:
        """Return what a command that fails says; it must be a message and not a traceback."""
        done = self.run(*words)
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture(scope="module")
def clouds(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clients") / "clouds.yaml"
    path.write_text(cloud.clouds_yaml())
    return path


@pytest.fixture(scope="module")
def user(clouds: Path) -> Shell:
    return Shell(clouds)


@pytest.fixture(scope="module")
def operator(clouds: Path) -> Shell:
    return Shell(clouds, "stratus-admin")


@pytest.fixture
def connect(clouds: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Connection]]:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
    made: list[Connection] = []

    def make(name: str) -> Connection:
        made.append(openstack.connect(cloud=name))
        return made[-1]

    yield make
    for connection in made:
        connection.close()


@pytest.fixture
def server(cloud: Cloud) -> Iterator[str]:
    """The name of a running server, gone afterwards."""
    caller = cloud.caller("demo")
    body = {
        "name": "stock",
        "imageRef": cloud.image,
        "flavorRef": cloud.small_flavor,
        "networks": [{"uuid": cloud.private_network}],
    }
    uuid = caller.post("/servers", {"server": body}).body["server"]["id"]
    caller.settled(uuid, "ACTIVE")
    yield "stock"
    with suppress(AssertionError):
        caller.act(uuid, "unlock")
    if caller.delete(f"/servers/{uuid}").status == 204:
        caller.gone(uuid)


def settle(compute: Any, server: Any, status: str) -> None:
    """Wait until a server is idle in a status."""
    compute.wait_for_server(server, status, interval=0.05, wait=20)
    wait_for(lambda: compute.get_server(server.id).task_state is None)


def test_the_command_boots_a_server_and_tells_all_about_it(user: Shell, cloud: Cloud) -> None:
    words = ("--flavor", cloud.small_flavor, "--image", "cirros", "--network", "private", "--wait")
    made = user.ask("server", "create", *words, "--property", "role=web", "shell")
    assert (made["status"], made["OS-EXT-STS:power_state"]) == ("ACTIVE", 1)
    assert made["properties"] == {"role": "web"}
    assert made["OS-EXT-SRV-ATTR:host"] is None, "a user does not see where a server is"

    listed = user.ask("server", "list", "--long", "--name", "^shell$")
    assert [(row["Name"], row["Status"], row["Flavor"]) for row in listed] == [
        ("shell", "ACTIVE", cloud.small_flavor)
    ]
    assert listed[0]["Networks"] == {"private": [made["addresses"]["private"][0]]}
    assert (listed[0]["Image Name"], listed[0]["Properties"]) == ("cirros", {"role": "web"})
    assert [row["Action"] for row in user.ask("server", "event", "list", "shell")] == ["create"]
    user.order("server", "delete", "--wait", "shell")


def test_the_command_resizes_and_refuses_in_the_services_words(
    user: Shell, server: str, cloud: Cloud
) -> None:
    user.order("server", "resize", "--wait", "--flavor", cloud.bigger_flavor, server)
    assert "vm_state resized" in user.refusal("server", "start", server)
    user.order("server", "resize", "confirm", server)
    assert user.ask("server", "show", server)["flavor"]["original_name"] == cloud.bigger_flavor


@pytest.mark.timeout(240)
def test_the_command_gives_and_takes_interfaces(user: Shell, server: str, cloud: Cloud) -> None:
    def addresses() -> list[str]:
        return list(user.ask("server", "show", server)["addresses"]["private"])

    port = cloud.network.add_port(cloud.private_network, cloud.member_project)
    first = addresses()
    user.order("server", "add", "network", server, "private")
    user.order("server", "add", "port", "--tag", "mine", server, port)
    assert len(addresses()) == 3
    assert "in use" in user.refusal("server", "add", "port", server, port)
    user.order("server", "remove", "port", server, port)
    wait_for(lambda: cloud.network.ports[port].device_id == "", 60)
    user.order("server", "remove", "network", server, "private")
    wait_for(lambda: "private" not in user.ask("server", "show", server)["addresses"], 60)
    user.order("server", "add", "fixed", "ip", server, "private", "--fixed-ip-address", first[0])
    assert addresses() == first
    cloud.network.plane.delete_port(port)


def test_the_command_serves_operators(operator: Shell) -> None:
    services = operator.ask("compute", "service", "list")
    hosts = sorted(row["Host"] for row in services if row["Binary"] == "nova-compute")
    assert {(row["Status"], row["State"]) for row in services} == {("enabled", "up")}

    operator.order(
        "compute", "service", "set", "--disable", "--disable-reason", "fan", hosts[0], "nova-compute"
    )
    disabled = operator.ask("compute", "service", "list", "--long", "--host", hosts[0])
    operator.order("compute", "service", "set", "--enable", hosts[0], "nova-compute")
    assert [(row["Status"], row["Disabled Reason"]) for row in disabled] == [("disabled", "fan")]

    hypervisors = operator.ask("hypervisor", "list")
    assert sorted(row["Hypervisor Hostname"] for row in hypervisors) == hosts
    zones = operator.ask("availability", "zone", "list", "--long")
    assert {row["Host Name"] for row in zones if row["Service Name"] == "nova-compute"} == set(hosts)


@pytest.mark.parametrize("auto_ip", [False, True], ids=["fixed", "floating"])
def test_the_sdk_waits_for_a_server(
    connect: Callable[[str], Connection], cloud: Cloud, auto_ip: bool
) -> None:
    """With `auto_ip` the SDK leads a floating address to the server and waits until the server shows it."""
    mine = connect("stratus")
    made = mine.create_server(
        "sdk",
        image=mine.image.find_image("cirros"),
        flavor=mine.compute.find_flavor(cloud.small_flavor),
        network=mine.network.find_network("private"),
        wait=True,
        timeout=40,
        auto_ip=auto_ip,
    )
    kinds = [entry["OS-EXT-IPS:type"] for entry in made.addresses["private"]]
    assert (made.status, kinds) == ("ACTIVE", ["fixed", "floating"] if auto_ip else ["fixed"])
    assert mine.delete_server(made.id, wait=True, timeout=40, delete_ips=auto_ip)
    assert mine.compute.find_server("sdk", ignore_missing=True) is None


def test_the_sdk_leads_a_server_through_its_life(connect: Callable[[str], Connection], server: str) -> None:
    compute = connect("stratus").compute
    found = compute.find_server(server)
    turns = (
        (compute.stop_server, "SHUTOFF"),
        (compute.start_server, "ACTIVE"),
        (compute.pause_server, "PAUSED"),
        (compute.unpause_server, "ACTIVE"),
        (compute.suspend_server, "SUSPENDED"),
        (compute.resume_server, "ACTIVE"),
    )
    for turn, status in turns:
        turn(found)
        settle(compute, found, status)
    snapshot = compute.create_server_image(found, "sdk-snapshot", wait=True, timeout=20)
    assert snapshot.status == "active"
    assert compute.set_server_metadata(found, role="db").metadata["role"] == "db"
    settle(compute, found, "ACTIVE")

    compute.lock_server(found, locked_reason="inventory")
    with pytest.raises(ConflictException, match="is locked"):
        compute.stop_server(found)
    compute.unlock_server(found)
    actions = [action.action for action in compute.server_actions(found)]
    assert actions[-1] == "create"
    assert set(actions) >= {"stop", "start", "pause", "unpause", "suspend", "resume", "createImage", "lock"}


def test_the_sdk_shows_operators_where_a_server_is(connect: Callable[[str], Connection], server: str) -> None:
    compute = connect("stratus-admin").compute
    found = next(compute.servers(all_projects=True, name=f"^{server}$"))
    hosts = {hypervisor.name: hypervisor.state for hypervisor in compute.hypervisors(details=True)}
    assert hosts[found.compute_host] == "up"
    source = found.compute_host
    compute.migrate_server(found)
    settle(compute, found, "VERIFY_RESIZE")
    compute.confirm_server_resize(found)
    settle(compute, found, "ACTIVE")
    assert compute.get_server(found.id).compute_host not in (source, None)
    assert [(m.status, m.migration_type) for m in compute.migrations(instance_uuid=found.id)] == [
        ("confirmed", "migration")
    ]
