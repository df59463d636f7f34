"""What an operator sees of the daemons on real parts: figures, health, and one request in all logs."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proving.plan import Plan
from proving.ports import free_ports
from proving.process import Missing
from proving.site import Site
from proving.site import site as running
from tests.functional.caller import Caller
from tests.integration.notifications.ear import Ear

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
API, CONDUCTOR, SCHEDULER, COMPUTE = (
    "nova-api",
    "nova-conductor-cell1-0",
    "nova-scheduler",
    "nova-compute-cell1",
)
TOLD = {
    "oslo_messaging_notifications": {"driver": "messagingv2"},
    "notifications": {"notification_format": "versioned"},
}
THEIRS = "req-11111111-2222-3333-4444-555555555555"


class Watched:
    """A site whose daemons each show figures and health on a port of their own."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        names = (API, CONDUCTOR, SCHEDULER, COMPUTE)
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        for name, port in self.ports.items():
            daemon, more = site.daemons[name], folder / f"{name}.conf"
            more.write_text(f"[stratus]\nmetrics_port = {port}\n")
            command = [*daemon.launch.command, "--config-file", str(more)]
            daemon.launch = replace(daemon.launch, command=command)
            assert daemon.stop() == 0
            daemon.start()
            daemon.ready()

    def get(self, name: str, path: str) -> tuple[int, str]:
        """Return status and body of what a daemon shows."""
        return get(f"http://127.0.0.1:{self.ports[name]}{path}")

    def figure(self, name: str, figure: str, *labels: str) -> float:
        """Return the sum of a daemon's figures of one name that have all these labels."""
        lines = [line for line in self.get(name, "/metrics")[1].splitlines() if line.startswith(figure)]
        fitting = [line for line in lines if all(label in line for label in labels)]
        return sum(float(line.rpartition(" ")[2]) for line in fitting)


def get(url: str) -> tuple[int, str]:
    """Return status and body."""
    try:
        with urllib.request.urlopen(url, timeout=15) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """All daemons of a one-host cloud, watched."""
    folder = tmp_path_factory.mktemp("site")
    try:
        with running(folder, Plan(options=TOLD)) as made:
            yield Watched(made, folder)
    except Missing as missing:
        pytest.skip(f"THESE TESTS DID NOT RUN: {missing}")


def eventually(check: Callable[[], bool], watched: Watched, seconds: float = 60) -> None:
    """Wait until `check` holds; shows the logs when it does not."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, watched.site.logs()
        time.sleep(0.2)


def boot(watched: Watched) -> str:
    """Make a server with a request that has an identifier of the caller's; returns ours."""
    site = watched.site
    caller = Caller(site.compute_url, site.token("demo"), {"X-Openstack-Request-Id": THEIRS})
    body = {"server": {"name": "seen", "imageRef": site.image, "flavorRef": "42", "networks": "auto"}}
    made = caller.call("POST", "/servers", body)
    assert made.status == 202, made
    uuid = made.body["server"]["id"]
    eventually(lambda: caller.call("GET", f"/servers/{uuid}").body["server"]["status"] == "ACTIVE", watched)
    return made.headers["x-openstack-request-id"]


def test_the_figures_of_each_daemon_tell_of_a_boot(watched: Watched) -> None:
    boot(watched)
    figure = watched.figure

    def told() -> bool:
        return all(
            (
                figure(
                    API, "stratus_http_requests_total", 'method="POST"', 'route="/servers"', 'status="202"'
                ),
                figure(API, "stratus_sql_statements_total", 'database="api"'),
                figure(API, "stratus_rpc_calls_total", 'verb="wake"', 'outcome="ok"'),
                figure(API, "stratus_sql_pool_connections", 'database="api"', 'state="most"'),
                figure(SCHEDULER, "stratus_scheduler_decisions_total", 'outcome="chosen"'),
                figure(SCHEDULER, "stratus_messages_total", 'verb="select"', 'outcome="ok"'),
                figure(CONDUCTOR, "stratus_flows_total", 'flow="build"', 'state="done"'),
                figure(CONDUCTOR, "stratus_flow_step_seconds_count", 'flow="build"', 'step="spawn"'),
                figure(CONDUCTOR, "stratus_services", 'binary="nova-compute"', 'state="up"') == 1,
                figure(COMPUTE, "stratus_messages_total", 'verb="spawn"', 'outcome="ok"'),
                figure(API, "stratus_service_calls_total", 'service="glance"', 'status="200"'),
                figure(CONDUCTOR, "stratus_service_calls_total", 'service="neutron"'),
                figure(SCHEDULER, "stratus_service_calls_total", 'service="placement"'),
                figure(COMPUTE, "process_resident_memory_bytes"),
            )
        )

    eventually(told, watched, 45)
    assert figure(CONDUCTOR, "stratus_flows_now", 'state="stuck"') == 0


def test_a_stock_consumer_hears_what_the_daemons_do(watched: Watched) -> None:
    site = watched.site
    ear = Ear(site.broker_urls["api"], "versioned_notifications")
    try:
        ours = boot(watched)
        _, publisher, _, payload, metadata = ear.wait("instance.create.end", request_id=ours)
        data = payload["nova_object.data"]
        assert publisher == f"nova-compute:{data['host']}"
        assert metadata["context"]["global_request_id"] == THEIRS
        admin = Caller(site.compute_url, site.token("admin"))
        flavor = {"name": "told", "ram": 64, "vcpus": 1, "disk": 1, "id": "told"}
        made = admin.call("POST", "/flavors", {"flavor": flavor})
        assert made.status == 200, made
        ours = made.headers["x-openstack-request-id"]
        _, publisher, _, payload, _ = ear.wait("flavor.create", request_id=ours)
        assert publisher == "nova-api:controller"
        assert payload["nova_object.data"]["flavorid"] == "told"
        assert "service.create" in ear.types(), "of the daemons when the site was new"
    finally:
        ear.stop()
    assert watched.figure(CONDUCTOR, "stratus_notifications_total", 'outcome="sent"') > 0
    assert watched.figure(API, "stratus_notifications_total", 'outcome="sent"') > 0
    assert watched.figure(CONDUCTOR, "stratus_notifications_total", 'outcome="failed"') == 0


def test_a_request_is_found_in_the_log_of_every_daemon(watched: Watched) -> None:
    ours = boot(watched)

    def missing() -> list[str]:
        logs = {name: watched.site.daemons[name].log.read_text() for name in watched.ports}
        lines = {
            name: [one for one in text.splitlines() if f"request_id={ours}" in one]
            for name, text in logs.items()
        }
        return [name for name, found in lines.items() if not any(THEIRS in one for one in found)]

    eventually(lambda: not missing(), watched, 15)


def test_who_cannot_send_messages_is_alive_and_not_ready(watched: Watched) -> None:
    broker = watched.site.infrastructure["rabbitmq"]
    broker.kill()
    try:
        eventually(lambda: watched.get(COMPUTE, "/readyz")[0] == 503, watched, 60)
        assert "did not get out" in watched.get(COMPUTE, "/readyz")[1]
        for name in watched.ports:
            assert watched.get(name, "/livez")[0] == 200, name
        assert watched.figure(COMPUTE, "stratus_rpc_calls_total", 'outcome="dropped"') > 0
    finally:
        broker.start()
        broker.ready()
    eventually(lambda: watched.get(COMPUTE, "/readyz")[0] == 200, watched, 90)
    boot(watched)


def test_who_lacks_the_database_is_alive_and_not_ready(watched: Watched) -> None:
    api = watched.site.compute_url.removesuffix("/v2.1")
    assert get(f"{api}/healthcheck") == (200, "OK")
    for name in watched.ports:
        assert (watched.get(name, "/livez")[0], watched.get(name, "/readyz")[0]) == (200, 200), name
    database = watched.site.infrastructure["mariadb"]
    database.stop()
    try:
        eventually(lambda: get(f"{api}/healthcheck")[0] == 503, watched, 45)
        eventually(lambda: watched.get(CONDUCTOR, "/readyz")[0] == 503, watched, 45)
        for name in watched.ports:
            assert watched.get(name, "/livez")[0] == 200, name
        assert watched.get(COMPUTE, "/readyz")[0] == 200, "a compute host has no database"
        assert get(f"{api}/healthcheck/live") == (200, "OK")
    finally:
        database.start()
        database.ready()
    eventually(lambda: get(f"{api}/healthcheck")[0] == 200, watched, 60)
    eventually(lambda: watched.get(API, "/readyz")[0] == 200, watched, 60)
