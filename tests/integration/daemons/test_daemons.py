"""The daemons over MariaDB and RabbitMQ: servers come to be, and nothing accepted is lost in a stop."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from compute_service.cmd.allinone_seed import IMAGE
from tests.fixtures.daemons import Installation, installation
from tests.fixtures.rabbitmq import Broker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def site(
    rabbitmq: Broker, mariadb_url_factory: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """All daemons of a one-host cloud."""
    urls = {name: mariadb_url_factory() for name in ("api", "cell0", "cell")}
    folder: Path = tmp_path_factory.mktemp("site")
    with installation(folder, urls, rabbitmq.url) as made:
        daemons = [
            made.start(name) for name in ("nova-conductor", "nova-scheduler", "nova-compute", "nova-api")
        ]
        for daemon in daemons:
            daemon.ready()
        made.manage("cell_v2", "discover_hosts")
        admin = Api(made, "admin", "admin")
        flavor = {"flavor": {"name": "tiny", "id": "1", "vcpus": 1, "ram": 64, "disk": 1}}
        assert admin.call("POST", "/flavors", flavor)[0] == 200
        yield made


class Api:
    """The compute API as one user."""

    def __init__(self, site: Installation, user: str, project: str) -> None:
        self._url = site.url
        self._token = site.outside.token(user, project)

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Make one request; returns status and body."""
        request = urllib.request.Request(  # noqa: S310
            self._url + path,
            None if body is None else json.dumps(body).encode(),
            {
                "X-Auth-Token": self._token,
                "Content-Type": "application/json",
                "OpenStack-API-Version": "compute 2.79",
            },
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                raw = answer.read()
                return answer.status, json.loads(raw) if raw else None
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def boot(self, name: str, count: int = 1) -> None:
        """Ask for servers."""
        server = {"name": name, "imageRef": IMAGE, "flavorRef": "1", "networks": "auto"}
        order = {"server": server | {"min_count": count, "max_count": count}}
        status, body = self.call("POST", "/servers", order)
        assert status == 202, body

    def states(self, name: str) -> list[str]:
        """Return the statuses of the servers whose names begin so."""
        status, body = self.call("GET", f"/servers/detail?name=^{name}&limit=1000")
        assert status == 200, body
        return [server["status"] for server in body["servers"]]


def eventually(check: Callable[[], bool], site: Installation, seconds: float = 60) -> None:
    """Wait until `check` holds; shows the logs when it does not."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, site.logs()
        time.sleep(0.2)


def daemon_of(site: Installation, program: str) -> Any:
    """Return the running daemon of a name."""
    return next(d for d in reversed(site.daemons) if d.program == program)


def test_a_server_comes_to_be_and_goes(site: Installation) -> None:
    demo = Api(site, "demo", "demo")
    demo.boot("first")
    eventually(lambda: demo.states("first") == ["ACTIVE"], site)
    (server,) = demo.call("GET", "/servers?name=first")[1]["servers"]
    assert demo.call("DELETE", f"/servers/{server['id']}")[0] == 204
    eventually(lambda: demo.states("first") == [], site)
    assert not site.outside.network.ports


def test_every_daemon_shows_in_the_list_of_services(site: Installation) -> None:
    admin = Api(site, "admin", "admin")

    def up() -> set[str]:
        status, body = admin.call("GET", "/os-services")
        assert status == 200, body
        return {service["binary"] for service in body["services"] if service["state"] == "up"}

    eventually(lambda: up() == {"nova-compute", "nova-conductor", "nova-scheduler"}, site, 20)


@pytest.mark.parametrize("program", ["nova-conductor", "nova-compute", "nova-scheduler"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_servers_come_to_be_though_a_daemon_is_restarted(
    site: Installation, program: str, number: signal.Signals
) -> None:
    demo = Api(site, "demo", "demo")
    name = f"{program}-{number.name}".lower()
    demo.boot(name, 12)
    time.sleep(0.15)
    code = daemon_of(site, program).stop(number)
    assert code == (0 if number is signal.SIGTERM else -9), site.logs()
    site.start(program).ready()
    eventually(lambda: demo.states(name) == ["ACTIVE"] * 12, site, 90)


def test_the_api_answers_what_it_accepted_when_it_stops(site: Installation) -> None:
    demo = Api(site, "demo", "demo")
    demo.boot("before", 3)
    assert daemon_of(site, "nova-api").stop() == 0
    site.start("nova-api").ready()
    eventually(lambda: demo.states("before") == ["ACTIVE"] * 3, site)
