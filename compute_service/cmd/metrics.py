"""Metrics in Prometheus' form, and the small HTTP listener that shows them and the daemon's health.

With several processes (API workers) each writes its figures into files of PROMETHEUS_MULTIPROC_DIR, and the
listener of the first process adds them up.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector

from compute_service.domain.flow import FlowState
from compute_service.version import VERSION

LOG = logging.getLogger(__name__)

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SLOW = (0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
ROUTE = "stratus.route"
"""The key in a request's environment under which the application leaves the route it took."""

Check = Callable[[], None]
"""Raises when something is wrong."""


class Metrics:
    """All figures of one process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._children: dict[tuple[Any, ...], Any] = {}
        made: dict[str, Any] = {"registry": self.registry}
        self._requests = Counter(
            "stratus_http_requests", "Requests answered.", ("method", "route", "status"), **made
        )
        self._request_seconds = Histogram(
            "stratus_http_request_seconds", "Time to answer a request.", ("route",), buckets=_FAST, **made
        )
        self._messages = Counter(
            "stratus_messages", "Messages handled, by topic.", ("topic", "verb", "outcome"), **made
        )
        self._message_seconds = Histogram(
            "stratus_message_seconds", "Time to handle a message.", ("topic", "verb"), buckets=_FAST, **made
        )
        self._steps = Counter(
            "stratus_flow_steps", "Ended steps of flows.", ("flow", "step", "phase", "outcome"), **made
        )
        self._step_seconds = Histogram(
            "stratus_flow_step_seconds", "Time of a step.", ("flow", "step"), buckets=_SLOW, **made
        )
        self._flows = Counter("stratus_flows", "Ended flows.", ("flow", "state"), **made)
        self._flows_now = Gauge(
            "stratus_flows_now", "Flows in the databases.", ("state",), multiprocess_mode="max", **made
        )
        self._statements = Counter("stratus_sql_statements", "SQL statements.", ("database", "kind"), **made)
        self._statement_seconds = Histogram(
            "stratus_sql_statement_seconds", "Time of a statement.", ("database",), buckets=_FAST, **made
        )
        self._refused = Counter("stratus_scheduler_refused_hosts", "Hosts passed over.", ("reason",), **made)
        self._decisions = Counter("stratus_scheduler_decisions", "Requests for hosts.", ("outcome",), **made)
        self._notifications = Counter(
            "stratus_notifications", "Notifications, by what became of them.", ("outcome",), **made
        )
        self._build = Gauge(
            "stratus_build_info",
            "1; the labels tell the release.",
            ("version",),
            multiprocess_mode="max",
            **made,
        )
        self._build.labels(VERSION).set(1)

    def message(self, topic: str, verb: str, outcome: str, seconds: float) -> None:
        """Count a message (an observer of a bus)."""
        self._of(self._messages, topic, verb, outcome).inc()
        self._of(self._message_seconds, topic, verb).observe(seconds)

    def statement(self, database: str, kind: str, seconds: float) -> None:
        """Count an SQL statement (an observer of the store)."""
        self._of(self._statements, database, kind).inc()
        self._of(self._statement_seconds, database).observe(seconds)

    def step_ended(self, kind: str, step: str, phase: str, ok: bool, seconds: float) -> None:
        """Count a step (an observer of the engine)."""
        self._steps.labels(kind, step, phase, "ok" if ok else "failed").inc()
        self._step_seconds.labels(kind, step).observe(seconds)

    def flow_ended(self, kind: str, state: str) -> None:
        """Count a flow (an observer of the engine)."""
        self._flows.labels(kind, state).inc()

    def flows_are(self, counts: Mapping[str, int]) -> None:
        """Show how many flows there are, by state; a state that is not named has none."""
        for state in FlowState:
            self._of(self._flows_now, state.value).set(counts.get(state, 0))

    def notification(self, outcome: str) -> None:
        """Count a notification (an observer of the notifier)."""
        self._of(self._notifications, outcome).inc()

    def decided(self, chosen: bool, refused: Mapping[str, int]) -> None:
        """Count a scheduling decision and the hosts it passed over, by reason."""
        self._decisions.labels("chosen" if chosen else "no valid host").inc()
        for reason, count in refused.items():
            self._refused.labels(reason).inc(count)

    def request(self, method: str, route: str, status: str, seconds: float) -> None:
        """Count an HTTP request."""
        self._of(self._requests, method, route, status).inc()
        self._of(self._request_seconds, route).observe(seconds)

    def measured(self, app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """Wrap a WSGI application so that its requests are counted."""

        def measuring(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            started = time.perf_counter()
            seen = ["500"]

            def start(status: str, *rest: Any) -> Any:
                seen[0] = status.split(" ", 1)[0]
                return start_response(status, *rest)

            try:
                return app(environ, start)
            finally:
                seconds = time.perf_counter() - started
                self.request(environ["REQUEST_METHOD"], environ.get(ROUTE, "other"), seen[0], seconds)

        return measuring

    def _of(self, figure: Any, *labels: str) -> Any:
        """Return a figure's child; finding it anew costs more than counting."""
        key = (figure, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = figure.labels(*labels)
        return child

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return name, kind, labels and meaning of every figure, for the reference page."""
        return [
            (figure._name, figure._type, ", ".join(figure._labelnames), figure._documentation)
            for figure in vars(self).values()
            if isinstance(figure, Counter | Gauge | Histogram)
        ]

    def text(self) -> bytes:
        """Return all figures in Prometheus' text form."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return bytes(generate_latest(self.registry))
        merged = CollectorRegistry()
        collector: Any = MultiProcessCollector
        collector(merged)
        return bytes(generate_latest(merged))


class Health:
    """What must hold for the daemon to count as healthy."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Have `check` asked too."""
        self._checks[name] = check

    def problems(self) -> dict[str, str]:
        """Return what is wrong now, by the name of the check."""
        found: dict[str, str] = {}
        for name, check in self._checks.items():
            try:
                check()
            except Exception as error:
                found[name] = str(error) or type(error).__name__
        return found


class Listener:
    """Shows /metrics and /healthz until stopped. Port 0 takes any free one; see `port`."""

    def __init__(self, address: str, port: int, metrics: Metrics, health: Health) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                status, kind, body = _answer(self.path.partition("?")[0], metrics, health)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                LOG.debug(format, *args)

        self._server = ThreadingHTTPServer((address, port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def with_process_figures(metrics: Metrics) -> Metrics:
    """Add memory, CPU time and open files of this process."""
    ProcessCollector(registry=metrics.registry)
    return metrics


def _answer(path: str, metrics: Metrics, health: Health) -> tuple[int, str, bytes]:
    if path == "/metrics":
        return 200, CONTENT_TYPE_LATEST, metrics.text()
    if path == "/healthz":
        problems = health.problems()
        state = {"healthy": not problems, "problems": problems}
        return (503 if problems else 200), "application/json", msgspec.json.encode(state)
    return 404, "text/plain", b"/metrics and /healthz\n"
