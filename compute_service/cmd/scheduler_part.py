"""A scheduler within a process: nova-scheduler's own, or one for all."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from compute_service.cmd.daemon import run_with_parts
from compute_service.cmd.presence import Presence
from compute_service.cmd.timers import Timers
from compute_service.cmd.wiring import SCHEDULER, Parts
from compute_service.config.settings import Settings
from compute_service.domain.protocol import Scheduler
from compute_service.domain.request import Decision, SelectRequest
from compute_service.ports.bus import Serving
from compute_service.scheduler.pipeline import Selector
from compute_service.scheduler.service import SchedulerService
from compute_service.scheduler.source import StoreHosts

LOG = logging.getLogger(__name__)

BINARY = "nova-scheduler"
_PATIENCE = 30.0


class SchedulerPart:
    """A scheduler within a process. Raises ConfigError for filters and weighers that cannot be had.

    Requests wait for `hosts_up`, where it is given, for a bounded time.
    """

    def __init__(self, parts: Parts, timers: Timers, hosts_up: threading.Event | None = None) -> None:
        svc, options = parts.svc, parts.settings
        self._parts = parts
        source = StoreHosts(svc.store, options.stratus.cell_timeout)
        selector = Selector(options, svc.placement, source, svc.clock)
        self._service = SchedulerService(selector, self._observe)
        self._hosts_up = hosts_up
        self._serving: Serving | None = None
        presence = Presence(svc, BINARY, SCHEDULER, Scheduler.VERSION)
        timers.every(options.default.report_interval, presence.beat, "scheduler-presence")

    def start(self) -> None:
        """Begin to serve."""
        options = self._parts.settings
        self._serving = self._parts.buses.api.serve(
            Scheduler, SCHEDULER, options.default.host, self, threads=options.stratus.rpc_threads
        )

    def select(self, request: SelectRequest) -> Decision:
        """Choose hosts and claim them, as `domain.protocol.Scheduler` says."""
        if self._hosts_up is not None:
            self._hosts_up.wait(_PATIENCE)
        return self._service.select(request)

    def stop(self, timeout: float) -> bool:
        """Take no more requests and finish those begun; True when that was done in time."""
        return self._serving is None or self._serving.stop(timeout)

    def _observe(self, decision: Decision, seconds: float) -> None:
        if decision.selections:
            hosts = ", ".join(sorted({one.claim.host for one in decision.selections}))
            LOG.info("chose %s for %d after %.3f s", hosts, len(decision.selections), seconds)
        self._parts.metrics.decided(bool(decision.selections), decision.refused)


def main(argv: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """Run the daemon, with the settings of its parent where it has one; returns its exit code."""
    return run_with_parts(BINARY, argv, SchedulerPart, settings)
