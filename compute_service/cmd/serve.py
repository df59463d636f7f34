"""Serves a WSGI application with several processes: granian in front (docs/decisions/0003), ours around it.

The first process binds the port, watches the workers and talks to the service manager. SIGTERM lets requests
in hand finish; SIGHUP replaces the workers one by one, which then have the new configuration.
"""

from __future__ import annotations

import faulthandler
import http.client
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from compute_service.cmd import systemd
from compute_service.cmd.bell import Bell
from compute_service.cmd.figures import figures_folder, shown_elsewhere
from compute_service.cmd.logs import configure
from compute_service.cmd.memory import hold_little, share
from compute_service.cmd.settings_here import ARGUMENTS, settings_here
from compute_service.cmd.worker import Loader
from compute_service.config.load import ConfigError, warn_of_unknown
from compute_service.config.settings import Settings
from compute_service.domain.errors import Unavailable

LOG = logging.getLogger(__name__)

BAD_CONFIGURATION = 78
_MOST_WORKERS = 8
_ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Site:
    """What is served and where. `health` is a path that is answered without a token as long as the workers
    are alive, and `ready` one that also fails when they lack what they work with."""

    program: str
    target: str
    address: str
    port: int
    workers: int
    health: str = "/"
    ready: str | None = None
    shared: tuple[str, ...] = ()
    """Modules that are loaded before there are workers, whose memory these then share."""

    @property
    def url_host(self) -> str:
        """The address at which this host reaches it."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.address, self.address)  # noqa: S104


def workers_of(option: int | None) -> int:
    """Return how many workers an option means: one a processor, at most eight, when unset."""
    return option or min(os.cpu_count() or 1, _MOST_WORKERS)


def settings_of_command(
    program: str, argv: Sequence[str] | None, settings: Settings | None = None
) -> Settings | int:
    """Read the configuration and leave it for the workers; an exit code when that fails.

    `settings` are those of the command line where a parent has read them, and has begun as this does.
    """
    if settings is None:
        os.environ[ARGUMENTS] = json.dumps(sys.argv[1:] if argv is None else list(argv))
    try:
        known = settings or settings_here()
    except ConfigError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return BAD_CONFIGURATION
    configure(known, program)
    if settings is None:
        hold_little()
        warn_of_unknown(known)
    return known


def serve(site: Site, settings: Settings) -> int:
    """Serve until told to stop; returns the exit code."""
    try:
        figures = figures_folder(site.program, settings)
    except Unavailable as error:
        LOG.error("%s cannot start: %s", site.program, error.message)
        return 1
    faulthandler.register(signal.SIGUSR2, all_threads=True, chain=False)
    server = _server(site, settings)
    server.on_reload(settings_here.cache_clear)
    share(site.shared)
    stopping = threading.Event()
    threading.Thread(target=_watch, args=(site, settings, stopping), name="watch", daemon=True).start()
    _obey_signals(server, site, settings, stopping)
    listener = _figures_listener(site, settings)
    try:
        server.serve(target_loader=Loader(site.target, os.getpid()), wrap_loader=False)
    except SystemExit as left:
        return int(left.code or 0)
    finally:
        stopping.set()
        if listener is not None:
            listener.stop()
        if figures is not None:
            figures.remove()
    LOG.info("%s stopped", site.program)
    return 0


def _server(site: Site, settings: Settings) -> Any:
    import granian
    from granian.constants import HTTPModes, Interfaces

    options = settings.stratus
    return granian.Granian(
        site.target,
        address=site.address,
        port=site.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=site.workers,
        blocking_threads=options.api_threads,
        backlog=options.api_backlog,
        backpressure=options.api_backlog,
        respawn_failed_workers=True,
        respawn_interval=1.0,
        workers_kill_timeout=settings.default.graceful_shutdown_timeout or None,
        log_enabled=False,
    )


def _obey_signals(server: Any, site: Site, settings: Settings, stopping: threading.Event) -> None:
    """Have signals wake the server for certain, and tell the service manager of a stop before it begins."""
    bell = Bell()
    bell.attach()
    server.main_loop_interrupt = bell
    begin = server.signal_handler_interrupt

    def interrupt(*signals: Any) -> None:
        if not stopping.is_set():
            stopping.set()
            limit = settings.default.graceful_shutdown_timeout or 600
            systemd.stopping(f"{site.program} finishes its requests", limit + 10)
        begin(*signals)

    server.signal_handler_interrupt = interrupt


def _figures_listener(site: Site, settings: Settings) -> Any:
    if not settings.stratus.metrics_port or shown_elsewhere():
        return None
    from compute_service.cmd.health import Health, listener_of
    from compute_service.cmd.metrics import Metrics

    health = Health()
    health.add("workers", lambda: _ask(site, site.health), live=True)
    if site.ready is not None:
        ready = site.ready
        health.add("ready", lambda: _ask(site, ready))
    return listener_of(settings, Metrics(), health)


def _ask(site: Site, path: str) -> None:
    """Make one request. Raises when there is no good answer in time."""
    connection = http.client.HTTPConnection(site.url_host, site.port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        if answer.status >= 500:
            raise RuntimeError(f"{site.program} answers {path} with {answer.status}")
    finally:
        connection.close()


def _watch(site: Site, settings: Settings, stopping: threading.Event) -> None:
    """Say when the workers answer, and go on saying so as long as they do."""
    limit = systemd.watchdog_seconds()
    started = time.monotonic()
    ready = False
    while not stopping.wait(0.05 if not ready else (limit or 60.0) / 3):
        try:
            _ask(site, site.health)
        except (OSError, http.client.HTTPException, RuntimeError) as error:
            if ready:
                LOG.error("%s does not answer: %s", site.program, error)
            continue
        if not ready:
            ready = True
            systemd.ready(f"{site.program} serves {site.address}:{site.port}")
            LOG.info("%s is ready after %.1f s", site.program, time.monotonic() - started)
        systemd.alive()
