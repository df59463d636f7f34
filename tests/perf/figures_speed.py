"""Measures what watching costs: `python -m tests.perf.figures_speed`. CPU time, the best of several batches.

With PROMETHEUS_MULTIPROC_DIR set to an empty directory it measures what API workers do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from compute_service.clients.notify import MemoryNotifier
from compute_service.cmd.healthcheck import with_health
from compute_service.cmd.metrics import ROUTE, Metrics
from compute_service.domain.notices import flat, objects
from compute_service.domain.request_id import Asker, bound
from tests.fixtures.records import a_full_instance

BATCHES, TIMES = 5, 10_000


def best(work: Callable[[], object], after: Callable[[], object]) -> float:
    """Return the least microseconds of CPU that one call takes, with all that follows from it."""
    found = []
    for _ in range(BATCHES):
        began = time.process_time()
        for _ in range(TIMES):
            work()
        after()
        found.append((time.process_time() - began) / TIMES)
    return min(found) * 1e6


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Stand in for the API."""
    environ[ROUTE] = "/servers/{server_id}"
    start_response("200 OK", [])
    return [b""]


def main() -> None:
    """Measure and print."""
    metrics, server = Metrics(), a_full_instance()
    measured, healthy = metrics.measured(answer), with_health(answer, lambda: True)
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/v2.1/servers/1"}
    silent = MemoryNotifier()

    def ask(app: Callable[..., Any]) -> Callable[[], object]:
        return lambda: app(environ, lambda *_: None)

    def in_a_request() -> None:
        with bound(Asker("req-1", None, "user", "project")):
            pass

    bare = best(ask(answer), int)
    rows = {
        "a request, counted and timed": best(ask(measured), metrics._samples.add_up) - bare,
        "a request, looked at for health checks": best(ask(healthy), int) - bare,
        "a request, named for logs": best(in_a_request, int),
        "a statement": best(lambda: metrics.statement("api", "Select", 0.001), metrics._samples.add_up),
        "a step": best(
            lambda: metrics.step_ended("build", "spawn", "do", True, 0.2), metrics._samples.add_up
        ),
        "a message": best(lambda: metrics.message("compute", "spawn", "ok", 0.1), metrics._samples.add_up),
        "a notification that nobody wants": best(lambda: silent.forms or None, int),
        "a payload with versions": best(lambda: objects.server_data(server, Asker("req-1")), int),
        "a payload without": best(lambda: flat.server_payload(server, "http://images"), int),
    }
    for name, microseconds in rows.items():
        print(f"{name:40} {microseconds:6.2f} µs")


if __name__ == "__main__":
    main()
