from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from compute_service.cmd.health import Health, Listener, listener_of
from compute_service.cmd.metrics import ROUTE, Metrics, with_process_figures
from compute_service.cmd.reference import metrics_page
from compute_service.config.settings import settings_of


@pytest.fixture
def shown() -> Iterator[tuple[Metrics, Health, str]]:
    """Metrics and health with their listener's address."""
    metrics, health = Metrics(), Health()
    listener = Listener("127.0.0.1", 0, metrics, health)
    yield metrics, health, f"http://127.0.0.1:{listener.port}"
    listener.stop()


def get(url: str) -> tuple[int, str]:
    """Return status and body."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_figures_are_counted_and_shown(shown: tuple[Metrics, Health, str]) -> None:
    metrics, _, url = shown
    metrics.message("conductor", "wake", "ok", 0.002)
    metrics.statement("api", "Select", 0.001)
    metrics.step_ended("build", "spawn", "do", False, 3.0)
    metrics.flow_ended("build", "done")
    metrics.flows_are({"stuck": 2}, {"stuck": 90.0}, overdue=1)
    metrics.services_are({("nova-compute", "down"): 1})
    metrics.pool_is("api", 3, 2, 55)
    metrics.call("scheduler", "select", "Timeout", 60.0)
    metrics.notification("overflow")
    metrics.service_call("glance", "GET", "unreachable", 0.1)
    metrics.decided(False, {"ComputeFilter: host is down": 2, "ComputeFilter: disabled": 1})
    metrics.decided(True, {})
    status, text = get(f"{url}/metrics")
    assert status == 200
    for line in (
        'stratus_messages_total{outcome="ok",topic="conductor",verb="wake"} 1.0',
        'stratus_sql_statements_total{database="api",kind="Select"} 1.0',
        'stratus_flow_steps_total{flow="build",outcome="failed",phase="do",step="spawn"} 1.0',
        'stratus_flows_total{flow="build",state="done"} 1.0',
        'stratus_flows_now{state="stuck"} 2.0',
        'stratus_flows_now{state="running"} 0.0',
        'stratus_flow_oldest_seconds{state="stuck"} 90.0',
        "stratus_flow_steps_overdue 1.0",
        'stratus_services{binary="nova-compute",state="down"} 1.0',
        'stratus_services{binary="nova-compute",state="up"} 0.0',
        'stratus_sql_pool_connections{database="api",state="in use"} 3.0',
        'stratus_rpc_calls_total{outcome="Timeout",topic="scheduler",verb="select"} 1.0',
        'stratus_rpc_call_seconds_count{topic="scheduler",verb="select"} 1.0',
        'stratus_notifications_total{outcome="overflow"} 1.0',
        'stratus_service_calls_total{method="GET",service="glance",status="unreachable"} 1.0',
        'stratus_flow_step_seconds_bucket{flow="build",le="2.5",step="spawn"} 0.0',
        'stratus_flow_step_seconds_bucket{flow="build",le="5.0",step="spawn"} 1.0',
        'stratus_scheduler_refused_hosts_total{reason="ComputeFilter"} 3.0',
        'stratus_scheduler_decisions_total{outcome="no valid host"} 1.0',
    ):
        assert line in text


def test_health_is_shown_with_what_is_wrong(shown: tuple[Metrics, Health, str]) -> None:
    _, health, url = shown
    for path in ("/livez", "/readyz", "/healthz"):
        assert get(f"{url}{path}") == (200, '{"healthy":true,"problems":{}}')

    def broken() -> None:
        raise RuntimeError("no database")

    health.add("database", broken)
    for path in ("/readyz", "/healthz"):
        status, text = get(f"{url}{path}")
        assert status == 503
        assert json.loads(text) == {"healthy": False, "problems": {"database": "no database"}}
    assert get(f"{url}/livez")[0] == 200, "a restart does not bring a database back"


def test_what_hangs_is_neither_alive_nor_ready(shown: tuple[Metrics, Health, str]) -> None:
    def hangs() -> None:
        raise RuntimeError("stuck: sweep")

    shown[1].add("timers", hangs, live=True)
    for path in ("/livez", "/readyz"):
        status, text = get(f"{shown[2]}{path}")
        assert (status, json.loads(text)["problems"]) == (503, {"timers": "stuck: sweep"})


def test_other_paths_are_not_found(shown: tuple[Metrics, Health, str]) -> None:
    assert get(f"{shown[2]}/etc/passwd")[0] == 404


def test_requests_are_measured_even_when_they_fail() -> None:
    metrics = Metrics()

    def app(environ: dict, start_response: object) -> list[bytes]:
        if environ["PATH_INFO"] == "/boom":
            raise ValueError
        environ[ROUTE] = "/servers/{id}"
        start_response("202 Accepted", [])  # type: ignore[operator]
        return [b""]

    measured = metrics.measured(app)
    measured({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None)
    with pytest.raises(ValueError):  # noqa: PT011
        measured({"REQUEST_METHOD": "GET", "PATH_INFO": "/boom"}, lambda *_: None)
    text = metrics.text().decode()
    assert 'stratus_http_requests_total{method="GET",route="/servers/{id}",status="202"} 1.0' in text
    assert 'stratus_http_requests_total{method="GET",route="other",status="500"} 1.0' in text


def test_the_process_itself_is_measured() -> None:
    assert "process_resident_memory_bytes" in with_process_figures(Metrics()).text().decode()


def test_every_figure_is_explained() -> None:
    rows = Metrics().rows()
    assert len(rows) >= 12
    assert all(about.endswith(".") or about.startswith("1;") for _, _, _, about in rows)


def test_the_reference_page_is_current() -> None:
    page = Path(__file__).resolve().parents[3] / "docs/reference/metrics.md"
    assert page.read_text() == metrics_page(), "run: python -m compute_service.cmd.reference docs/reference"


WORKER = """
import sys
from compute_service.cmd.metrics import Metrics

metrics = Metrics()
metrics.request("GET", "/servers", "200", 0.002)
metrics.pool_is("api", int(sys.argv[1]), 0, 55)
metrics.text()
if sys.argv[2:]:
    print("counted", flush=True)
    sys.stdin.read()
"""


def test_figures_of_several_processes_are_added_up_and_those_of_ended_ones_kept_where_they_count(
    tmp_path: Path,
) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    ended = [sys.executable, "-c", WORKER, "40"]
    subprocess.run(ended, env=environment, check=True, timeout=30)  # noqa: S603
    lives = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", WORKER, "7", "stay"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert lives.stdout is not None
        assert lives.stdout.readline() == b"counted\n"
        show = "from compute_service.cmd.metrics import Metrics; print(Metrics().text().decode())"
        shown = subprocess.run(  # noqa: S603
            [sys.executable, "-c", show],
            env=environment,
            check=True,
            timeout=30,
            capture_output=True,
            text=True,
        ).stdout
    finally:
        lives.communicate(b"", timeout=10)
    assert 'stratus_http_requests_total{method="GET",route="/servers",status="200"} 2.0' in shown
    assert 'stratus_sql_pool_connections{database="api",state="in use"} 7.0' in shown, "of who is there"


def test_a_port_that_is_taken_keeps_no_daemon_from_serving(
    shown: tuple[Metrics, Health, str], caplog: pytest.LogCaptureFixture
) -> None:
    taken = int(shown[2].rpartition(":")[2])
    assert listener_of(settings_of({"stratus": {"metrics_port": taken}}), Metrics(), Health()) is None
    assert f"cannot listen on 127.0.0.1:{taken}" in caplog.text
    assert listener_of(settings_of({}), Metrics(), Health()) is None
