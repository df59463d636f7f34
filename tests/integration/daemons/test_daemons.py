"""The daemons on real parts: servers come to be, and nothing accepted is lost in a stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator

import pytest

from proving.plan import Plan
from proving.process import Missing
from proving.site import Site
from proving.site import site as running
from tests.functional.caller import Caller

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
DAEMONS = {
    "nova-conductor": "nova-conductor-cell1-0",
    "nova-compute": "nova-compute-cell1",
    "nova-scheduler": "nova-scheduler",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """All daemons of a one-host cloud."""
    try:
        with running(tmp_path_factory.mktemp("site"), Plan()) as made:
            yield made
    except Missing as missing:
        pytest.skip(f"THESE TESTS DID NOT RUN: {missing}")


@pytest.fixture
def demo(site: Site) -> User:
    """A user of the cloud."""
    return User(site)


class User:
    """The compute API as the user demo."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.caller = Caller(site.compute_url, site.token("demo"))

    def boot(self, name: str, count: int = 1) -> None:
        """Ask for servers."""
        server = {"name": name, "imageRef": self._site.image, "flavorRef": "42", "networks": "auto"}
        order = {"server": server | {"min_count": count, "max_count": count}}
        reply = self.caller.post("/servers", order)
        assert reply.status == 202, reply

    def states(self, name: str) -> list[str]:
        """Return the statuses of the servers whose names begin so."""
        reply = self.caller.get(f"/servers/detail?name=^{name}&limit=1000")
        assert reply.status == 200, reply
        return [server["status"] for server in reply.body["servers"]]


def eventually(check: Callable[[], bool], site: Site, seconds: float = 60) -> None:
    """Wait until `check` holds; shows the logs when it does not."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, site.logs()
        time.sleep(0.2)


def test_a_server_comes_to_be_and_goes(site: Site, demo: User) -> None:
    demo.boot("first")
    eventually(lambda: demo.states("first") == ["ACTIVE"], site)
    (server,) = demo.caller.get("/servers?name=first").body["servers"]
    assert demo.caller.delete(f"/servers/{server['id']}").status == 204
    eventually(lambda: demo.states("first") == [], site)
    assert not site.network.ports


def test_every_daemon_shows_in_the_list_of_services(site: Site) -> None:
    admin = Caller(site.compute_url, site.token("admin"))

    def up() -> set[str]:
        reply = admin.get("/os-services")
        assert reply.status == 200, reply
        return {service["binary"] for service in reply.body["services"] if service["state"] == "up"}

    eventually(lambda: up() == {"nova-compute", "nova-conductor", "nova-scheduler"}, site, 20)


@pytest.mark.parametrize("program", DAEMONS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_servers_come_to_be_though_a_daemon_is_restarted(
    site: Site, demo: User, program: str, number: signal.Signals
) -> None:
    daemon = site.daemons[DAEMONS[program]]
    name = f"{program}-{number.name}".lower()
    demo.boot(name, 12)
    time.sleep(0.15)
    code = daemon.stop(number)
    assert code == (0 if number is signal.SIGTERM else -9), site.logs()
    daemon.start()
    daemon.ready()
    eventually(lambda: demo.states(name) == ["ACTIVE"] * 12, site, 90)


def test_the_api_answers_what_it_accepted_when_it_stops(site: Site, demo: User) -> None:
    api = site.daemons["nova-api"]
    demo.boot("before", 3)
    assert api.stop() == 0
    api.start()
    api.ready()
    eventually(lambda: demo.states("before") == ["ACTIVE"] * 3, site)
