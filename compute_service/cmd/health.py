"""Whether a daemon is alive and ready, and the small HTTP listener that shows this and the metrics.

/livez     alive: nothing in it hangs. A daemon that is not should be restarted.
/readyz    ready: it also has what it works with, such as its database. One that is not should get no work,
           and restarting it would not help.
/healthz   the same as /readyz
/metrics   the figures, in Prometheus' form
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST

from compute_service.cmd.metrics import Metrics
from compute_service.config.settings import Settings

LOG = logging.getLogger(__name__)

Check = Callable[[], None]
"""Raises when something is wrong."""


class Health:
    """What must hold for the daemon to count as alive, and as ready."""

    def __init__(self) -> None:
        self._live: dict[str, Check] = {}
        self._ready: dict[str, Check] = {}

    def add(self, name: str, check: Check, *, live: bool = False) -> None:
        """Have `check` asked too. One that is `live` fails only when a restart is what helps."""
        (self._live if live else self._ready)[name] = check

    def hangs(self) -> dict[str, str]:
        """Return why the daemon is not alive, by the name of the check."""
        return _problems(self._live)

    def problems(self) -> dict[str, str]:
        """Return why the daemon is not ready, by the name of the check."""
        return _problems({**self._live, **self._ready})


def _problems(checks: dict[str, Check]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, check in checks.items():
        try:
            check()
        except Exception as error:
            found[name] = str(error) or type(error).__name__
    return found


class Listener:
    """Shows metrics and health until stopped. Port 0 takes any free one; see `port`."""

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


def listener_of(settings: Settings, metrics: Metrics, health: Health) -> Listener | None:
    """Return the listener that the settings ask for, or None: without it a daemon serves all the same."""
    options = settings.stratus
    if not options.metrics_port:
        return None
    try:
        return Listener(options.metrics_listen, options.metrics_port, metrics, health)
    except OSError as error:
        LOG.error(
            "metrics and health are not shown: cannot listen on %s:%d: %s",
            options.metrics_listen,
            options.metrics_port,
            error,
        )
        return None


def _answer(path: str, metrics: Metrics, health: Health) -> tuple[int, str, bytes]:
    if path == "/metrics":
        return 200, CONTENT_TYPE_LATEST, metrics.text()
    if path == "/livez":
        return _state(health.hangs())
    if path in ("/readyz", "/healthz"):
        return _state(health.problems())
    return 404, "text/plain", b"/metrics, /livez, /readyz and /healthz\n"


def _state(problems: dict[str, str]) -> tuple[int, str, bytes]:
    body = msgspec.json.encode({"healthy": not problems, "problems": problems})
    return (503 if problems else 200), "application/json", body
