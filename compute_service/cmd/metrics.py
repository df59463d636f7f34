"""Metrics in Prometheus' form: all figures of one process.

With several processes (API workers) each writes its figures into files of PROMETHEUS_MULTIPROC_DIR, and the
listener of the first process adds them up.

Labels are bounded: routes, verbs, kinds of flows, steps and reasons are those of the code, databases those of
the site. No label ever holds what a user sent.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.process_collector import ProcessCollector

from compute_service.cmd.samples import Samples, Timed
from compute_service.domain.flow import FlowState
from compute_service.version import VERSION

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SLOW = (0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
ROUTE = "stratus.route"
"""The key in a request's environment under which the application leaves the route it took."""
SERVICE_STATES = ("up", "down", "disabled")
_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
_OF_PROCESS = re.compile(r"_(\d+)\.db$")


class Metrics:
    """All figures of one process. Whatever counts here takes about a microsecond at most."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._samples = Samples()
        self._requests = self._timed(
            "stratus_http_request",
            "Requests answered.",
            "Time to answer a request.",
            ("method", "route", "status"),
            slice(1, 2),
        )
        self._messages = self._timed(
            "stratus_message",
            "Messages handled, by what came of them.",
            "Time to handle a message.",
            ("topic", "verb", "outcome"),
            slice(0, 2),
        )
        self._calls = self._timed(
            "stratus_rpc_call",
            "Messages sent to other daemons, by what came of them.",
            "Time until a call is answered or a cast is out.",
            ("topic", "verb", "outcome"),
            slice(0, 2),
        )
        self._service_calls = self._timed(
            "stratus_service_call",
            "Calls to other services, each try; by the status code of the answer, or `unreachable`.",
            "Time of a call to another service.",
            ("service", "method", "status"),
            slice(0, 1),
        )
        self._statements = self._timed(
            "stratus_sql_statement",
            "SQL statements.",
            "Time of a statement.",
            ("database", "kind"),
            slice(0, 1),
        )
        self._steps = self._timed(
            "stratus_flow_step",
            "Ended steps of flows; on hosts too.",
            "Time of a step.",
            ("flow", "step", "phase", "outcome"),
            slice(0, 2),
            _SLOW,
        )
        self._make_counters()
        self._make_gauges()

    def _make_counters(self) -> None:
        self._flows = self._counter("stratus_flows", "Ended flows.", "flow", "state")
        self._refused = self._counter(
            "stratus_scheduler_refused_hosts", "Hosts passed over, by the filter that refused.", "reason"
        )
        self._decisions = self._counter("stratus_scheduler_decisions", "Requests for hosts.", "outcome")
        self._notifications = self._counter(
            "stratus_notifications", "Notifications, by what became of them.", "outcome"
        )

    def _make_gauges(self) -> None:
        self._flows_now = self._gauge("stratus_flows_now", "Flows in the databases.", "state")
        self._oldest = self._gauge(
            "stratus_flow_oldest_seconds",
            "Age of the oldest flow in this state; 0 when there is none.",
            "state",
        )
        self._overdue = self._gauge(
            "stratus_flow_steps_overdue", "Steps that wait for a host or an event past their deadline."
        )
        self._services = self._gauge("stratus_services", "Daemons by their signs of life.", "binary", "state")
        self._pool = self._gauge(
            "stratus_sql_pool_connections",
            "Connections of a process to a database: in use, idle, and the most there may be; of the process "
            "that has most.",
            "database",
            "state",
            mode="livemax",
        )
        self._build = self._gauge("stratus_build_info", "1; the labels tell the release.", "version")
        self._build.labels(VERSION).set(1)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self.registry)

    def _gauge(self, name: str, about: str, *labels: str, mode: Any = "max") -> Gauge:
        return Gauge(name, about, labels, registry=self.registry, multiprocess_mode=mode)

    def _timed(
        self,
        name: str,
        counts: str,
        times: str,
        labels: tuple[str, ...],
        timed_by: slice,
        buckets: tuple[float, ...] = _FAST,
    ) -> Timed:
        counter = self._counter(f"{name}s", counts, *labels)
        histogram = Histogram(
            f"{name}_seconds", times, labels[timed_by], buckets=buckets, registry=self.registry
        )
        return Timed(counter, histogram, timed_by)

    # What happens

    def request(self, method: str, route: str, status: str, seconds: float) -> None:
        """Count an HTTP request."""
        self._samples.add(self._requests, (method, route, status), seconds)

    def message(self, topic: str, verb: str, outcome: str, seconds: float) -> None:
        """Count a message that was handled (an observer of a bus)."""
        self._samples.add(self._messages, (topic, verb, outcome), seconds)

    def call(self, topic: str, verb: str, outcome: str, seconds: float) -> None:
        """Count a message that was sent (an observer of a bus)."""
        self._samples.add(self._calls, (topic, verb, outcome), seconds)

    def service_call(self, service: str, method: str, status: str, seconds: float) -> None:
        """Count a call to another service (an observer of clients)."""
        self._samples.add(self._service_calls, (service, method, status), seconds)

    def statement(self, database: str, kind: str, seconds: float) -> None:
        """Count an SQL statement (an observer of the store)."""
        self._samples.add(self._statements, (database, kind), seconds)

    def step_ended(self, kind: str, step: str, phase: str, ok: bool, seconds: float) -> None:
        """Count a step (an observer of the engine)."""
        self._samples.add(self._steps, (kind, step, str(phase), "ok" if ok else "failed"), seconds)

    def flow_ended(self, kind: str, state: str) -> None:
        """Count a flow (an observer of the engine)."""
        self._flows.labels(kind, state).inc()

    def decided(self, chosen: bool, refused: Mapping[str, int]) -> None:
        """Count a scheduling decision and the hosts it passed over.

        A reason is told as `filter: details`; the details may be anything, so the filter alone counts.
        """
        self._decisions.labels("chosen" if chosen else "no valid host").inc()
        for reason, count in refused.items():
            self._refused.labels(reason.partition(":")[0].strip()).inc(count)

    def notification(self, outcome: str) -> None:
        """Count a notification (an observer of the notifier)."""
        self._notifications.labels(outcome).inc()

    # What is

    def flows_are(self, counts: Mapping[str, int], oldest: Mapping[str, float], overdue: int) -> None:
        """Show how many flows there are and the age of the oldest, by state, and how many steps are late."""
        for state in FlowState:
            self._flows_now.labels(state.value).set(counts.get(state, 0))
            self._oldest.labels(state.value).set(oldest.get(state, 0.0))
        self._overdue.set(overdue)

    def services_are(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Show how many daemons there are, by (binary, state); binaries once shown go on being shown."""
        shown = {labels[0] for labels in self._services._metrics} | {binary for binary, _ in counts}
        for binary in shown:
            for state in SERVICE_STATES:
                self._services.labels(binary, state).set(counts.get((binary, state), 0))

    def pool_is(self, database: str, in_use: int, idle: int, most: int) -> None:
        """Show the connections of this process to a database."""
        for state, number in (("in use", in_use), ("idle", idle), ("most", most)):
            self._pool.labels(database, state).set(number)

    def look_by(self, look: Callable[[], object]) -> None:
        """Have `look` set figures of what is, whenever figures are added up."""
        self._samples.look_by(look)

    # Showing

    def measured(self, app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """Wrap a WSGI application so that its requests are counted."""
        clock = time.perf_counter

        def measuring(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            started = clock()
            seen = "500"

            def start(status: str, *rest: Any) -> Any:
                nonlocal seen
                seen = status[:3]
                return start_response(status, *rest)

            try:
                return app(environ, start)
            finally:
                self.request(environ["REQUEST_METHOD"], environ.get(ROUTE, "other"), seen, clock() - started)

        return measuring

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return the name as shown, kind, labels and meaning of every figure."""
        known = dict.fromkeys(self.registry._names_to_collectors.values())
        return [
            (
                f"{figure._name}_total" if isinstance(figure, Counter) else figure._name,
                figure._type,
                ", ".join(figure._labelnames),
                figure._documentation,
            )
            for figure in known
            if isinstance(figure, Counter | Gauge | Histogram)
        ]

    def text(self) -> bytes:
        """Return all figures in Prometheus' text form."""
        self._samples.add_up()
        if _DIRECTORY not in os.environ:
            return bytes(generate_latest(self.registry))
        _forget_the_dead(Path(os.environ[_DIRECTORY]))
        merged = CollectorRegistry()
        collector: Any = MultiProcessCollector
        collector(merged)
        return bytes(generate_latest(merged))


def _forget_the_dead(directory: Path) -> None:
    """Drop what processes that are gone said of themselves."""
    processes = {int(found[1]) for path in directory.glob("*.db") if (found := _OF_PROCESS.search(path.name))}
    for process in processes:
        if not Path(f"/proc/{process}").exists():
            forget: Any = mark_process_dead
            forget(process)


def with_process_figures(metrics: Metrics) -> Metrics:
    """Add memory, CPU time and open files of this process."""
    ProcessCollector(registry=metrics.registry)
    return metrics
