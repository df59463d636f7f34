"""The frame of every daemon: read the configuration, put the parts together, run, and let go.

Exit codes: 0 stopped as told, 1 stopped with work left or could not start, 2 wrong command line, 78 the
configuration cannot be used.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from compute_service.cmd.healthcheck import ping
from compute_service.cmd.memory import hold_little
from compute_service.cmd.runner import Runner, begin
from compute_service.cmd.timers import Timers
from compute_service.cmd.wiring import Parts, parts_of
from compute_service.config.load import ConfigError, load, warn_of_unknown
from compute_service.config.settings import Settings
from compute_service.domain.errors import ComputeError, Unavailable
from compute_service.domain.record import learn_types
from compute_service.store.engine import Store

LOG = logging.getLogger(__name__)

BAD_CONFIGURATION = 78
_LAST_SECONDS = 5.0


class Part(Protocol):
    """What a daemon runs."""

    def start(self) -> None:
        """Begin to serve. Raises ComputeError when that cannot be."""

    def stop(self, timeout: float) -> bool:
        """Finish what was begun; True when that was done in `timeout` seconds."""


def run(
    program: str,
    argv: Sequence[str] | None,
    assemble: Callable[[Settings, Runner], Part],
    settings: Settings | None = None,
) -> int:
    """Run a daemon made of what `assemble` returns; returns its exit code.

    `settings` are those of its command line where a parent has read them, and has begun as this does.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    try:
        known = settings or load(given, prog=program)
    except ConfigError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return BAD_CONFIGURATION
    begin(program, known)
    # Until the signal can be obeyed it may not end the process.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if settings is None:
        hold_little()
        warn_of_unknown(known)
    runner = Runner(program, known, lambda: load(given, prog=program))
    try:
        part = assemble(known, runner)
        learn_types()
        part.start()
    except ComputeError as error:
        _refuse(known, f"{program} cannot start: {error.message}")
        return 1
    except ConfigError as error:
        _refuse(known, f"{program}: {error}")
        return BAD_CONFIGURATION
    runner.on_stop(program, part.stop)
    code = runner.run()
    if argv is None:
        _leave_in_time(code)
    return code


def _refuse(settings: Settings, why: str) -> None:
    """Log why nothing starts, and tell whoever started it, such as systemd, where the log is a file."""
    LOG.error("%s", why)
    if (settings.default.log_dir or settings.default.log_file) and not settings.default.use_stderr:
        print(why, file=sys.stderr)


def _leave_in_time(code: int) -> None:
    """End the process even when a thread of some library does not."""
    last = threading.Timer(_LAST_SECONDS, os._exit, (code,))
    last.daemon = True
    last.start()


def run_with_parts(
    program: str,
    argv: Sequence[str] | None,
    assemble: Callable[[Parts, Timers], Part],
    settings: Settings | None = None,
) -> int:
    """Run a daemon that has databases, as `run` does: its parts are made first, and let go of last."""

    def made(settings: Settings, runner: Runner) -> Part:
        from compute_service.cmd.outside import outside_of

        parts = parts_of(settings, outside_of(settings, runner.metrics), runner.metrics)
        runner.on_stop("connections", lambda _: parts.close())
        runner.on_reload(parts.svc.store.refresh)
        runner.health.add("database", lambda: ping(parts.svc.store))
        runner.health.add("broker", parts.buses.check)
        wait_for_database(parts.svc.store, settings)
        return assemble(parts, runner.timers)

    return run(program, argv, made, settings)


def wait_for_database(store: Store, settings: Settings) -> None:
    """Wait until the API database answers, as often as [database] says. Raises Unavailable."""
    tries = settings.database.max_retries
    attempt = 0
    while True:
        try:
            ping(store)
            return
        except Unavailable as error:
            attempt += 1
            if 0 <= tries < attempt:
                raise
            LOG.warning("the API database does not answer: %s", error.message)
            time.sleep(settings.database.retry_interval)
