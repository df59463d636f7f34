"""Daemons that are forked from one process, whose memory they share.

The first process is to the others what the service manager is to it: it hears from each when it is ready and
that it works, replaces the one that dies or falls silent, hands signals on, and does nothing else.

    SIGTERM, SIGINT   all stop, within the longest time that the configuration gives to any; a second one
                      ends all at once
    SIGHUP, SIGUSR2   handed on: each reads its configuration again, or tells what its threads do
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import FrameType
from typing import Any

from compute_service.cmd import systemd
from compute_service.cmd.bell import Bell
from compute_service.cmd.figures import figures_folder, shown_elsewhere
from compute_service.cmd.hearing import Hearing
from compute_service.cmd.logs import configure
from compute_service.cmd.member import Child, Given, Member
from compute_service.cmd.memory import hold_little, share
from compute_service.cmd.settings_here import ARGUMENTS, settings_here
from compute_service.config.load import ConfigError, warn_of_unknown
from compute_service.config.settings import Settings
from compute_service.domain.errors import Unavailable

LOG = logging.getLogger(__name__)

_HANDED_ON = (signal.SIGHUP, signal.SIGUSR2)
_ENDS = (signal.SIGTERM, signal.SIGINT)
BAD_CONFIGURATION = 78
_PAUSE = 30.0
_GRACE = 10.0
"""Seconds by which what stops may be late."""


def run_family(program: str, choose: Callable[[Settings], Sequence[Child]], arguments: Sequence[str]) -> int:
    """Run the daemons that `choose` returns as children of this process until told to stop.

    Returns the exit code. Nothing of them should have been imported, nor any thread been started.
    """
    hold_little()
    try:
        os.environ[ARGUMENTS] = json.dumps(list(arguments))
        settings = settings_here()
        configure(settings, program)
        warn_of_unknown(settings)
        figures = figures_folder(program, settings)
    except ConfigError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return BAD_CONFIGURATION
    except Unavailable as error:
        LOG.error("%s cannot start: %s", program, error.message)
        return 1
    children = choose(settings)
    share(dict.fromkeys(module for child in children for module in child.shared), lambda: _rehearse(settings))
    family = Family(program, children, Given(tuple(arguments), settings))
    listener = _listener(family, settings)
    try:
        return family.run()
    finally:
        if listener is not None:
            listener.stop()
        if figures is not None:
            figures.remove()


class Family:
    """One process's children. A child that ends before all were ready once ends the family."""

    def __init__(self, program: str, children: Sequence[Child], given: Given) -> None:
        options = given.settings.default
        self._given = given
        self.program = program
        self._stop_seconds = max(options.manager_shutdown_timeout, options.graceful_shutdown_timeout) + _GRACE
        self._silence = systemd.watchdog_seconds()
        self._members = [Member(child) for child in children]
        self._hearing = Hearing()
        self._bell = Bell()
        self._words: deque[int] = deque()
        self._complete = False
        self._code: int | None = None
        """What to end with; None while all goes on."""
        self._deadline = 0.0

    def problems(self) -> None:
        """Raise RuntimeError with what keeps children from their work (a health check)."""
        found = [f"{one.child.name}: {why}" for one in self._members if (why := one.problem())]
        if found:
            raise RuntimeError("; ".join(found))

    def run(self) -> int:
        """Run until told to stop and all children have ended; returns the exit code."""
        self._bell.attach()
        for number in (*_ENDS, *_HANDED_ON, signal.SIGCHLD):
            signal.signal(number, self._note)
        try:
            self._look_after()
            while self._code is None or any(one.pid for one in self._members):
                self._wait()
                self._look_after()
        finally:
            self._bell.detach()
            self._hearing.close()
            for one in self._members:
                one.send(signal.SIGKILL)
        LOG.info("%s stopped", self.program)
        return self._code

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._words.append(number)
        self._bell.set()

    def _look_after(self) -> None:
        """Do what signals say, bury the dead, end the silent, and fork those that are due."""
        self._bell.clear()
        while self._words:
            self._obey(self._words.popleft())
        for one in self._members:
            ended = one.bury()
            if ended is not None:
                self._ended(one, ended)
        now = time.monotonic()
        for one in self._members:
            if self._code is None and one.is_due(now):
                one.fork(self._given, self._hearing.address, self._silence)
            elif self._silence is not None and one.is_silent(now, self._silence):
                LOG.error("%s (process %d) hangs and is ended", one.child.name, one.pid)
                one.send(signal.SIGKILL)
        if self._code is not None and now > self._deadline:
            LOG.error("%s ends what did not stop in time", self.program)
            self._end_at_once()

    def _wait(self) -> None:
        """Wait for a signal or a word of a child."""
        now = time.monotonic()
        moments = [one.due for one in self._members if one.pid is None and self._code is None]
        if self._code is not None:
            moments.append(self._deadline)
        pause = _PAUSE if self._silence is None else self._silence / 3
        left = max(0.0, min([pause, *(moment - now for moment in moments)]))
        if not self._words:
            select.select([self._bell.fileno(), self._hearing.fileno()], [], [], left)
        for pid, words in self._hearing.heard():
            for one in self._members:
                if one.pid == pid:
                    one.hear(words)
        if not self._complete and self._code is None and all(one.ready for one in self._members):
            self._complete = True
            systemd.ready(f"{self.program} serves")
            LOG.info("%s is ready", self.program)
        systemd.alive()

    def _obey(self, number: int) -> None:
        if number in _HANDED_ON:
            if number == signal.SIGHUP:
                self._reload()
            for one in self._members:
                one.send(number)
        elif number in _ENDS and self._code is None:
            self._stop(0)
        elif number in _ENDS:
            self._code = 1
            self._end_at_once()

    def _reload(self) -> None:
        """Read the configuration again for the children that are yet to come."""
        try:
            settings_here.cache_clear()
            fresh = settings_here()
        except ConfigError as error:
            LOG.error("the configuration was not taken over: %s", error)
        else:
            self._given = replace(self._given, settings=fresh)

    def _stop(self, code: int) -> None:
        self._code = code
        self._deadline = time.monotonic() + self._stop_seconds
        LOG.info("%s stops: up to %d seconds for the work begun", self.program, self._stop_seconds)
        systemd.stopping(f"{self.program} finishes its work", self._stop_seconds)
        for one in self._members:
            one.send(signal.SIGTERM)

    def _end_at_once(self) -> None:
        self._code = self._code or 1
        for one in self._members:
            one.send(signal.SIGKILL)

    def _ended(self, one: Member, code: int) -> None:
        if self._code is not None:
            self._code = self._code or min(abs(code), 1)
        elif self._complete:
            pause = one.pause_before_next(time.monotonic())
            LOG.error("%s ended with %d; another one starts in %.1f s", one.child.name, code, pause)
        else:
            LOG.error("%s cannot start", one.child.name)
            self._stop(code if code > 0 else 1)


def _rehearse(settings: Settings) -> None:
    from compute_service.cmd.rehearsal import rehearse

    rehearse(settings)


def _listener(family: Family, settings: Settings) -> Any:
    if not settings.stratus.metrics_port or shown_elsewhere():
        return None
    from compute_service.cmd.health import Health, listener_of
    from compute_service.cmd.metrics import Metrics

    health = Health()
    health.add("processes", family.problems)
    return listener_of(settings, Metrics(), health)
