"""A conductor within a process: nova-conductor's own, or one for all."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Sequence

from compute_service.bus.pool import Pool
from compute_service.bus.stopping import stop_all
from compute_service.cmd.daemon import run_with_parts
from compute_service.cmd.presence import Presence
from compute_service.cmd.timers import Timers
from compute_service.cmd.wiring import CONDUCTOR, Parts
from compute_service.conductor.hosts import Hosts
from compute_service.conductor.power import PowerSync
from compute_service.conductor.reconcilers import reconcilers
from compute_service.conductor.service import ConductorService
from compute_service.config.settings import Settings
from compute_service.control.hosts import count_services
from compute_service.control.liveness import SeenUp, host_is_up
from compute_service.domain.errors import ComputeError
from compute_service.domain.protocol import Conductor
from compute_service.flows.engine import Engine, Timing
from compute_service.flows.kinds import FLOWS
from compute_service.ports.bus import Serving
from compute_service.store.flow_figures import FlowFigures, flow_figures

LOG = logging.getLogger(__name__)

BINARY = "nova-conductor"
_COUNT_EVERY = 30.0
"""Seconds between two counts of flows and daemons for the metrics."""
_CELLS_EVERY = 30.0
"""Seconds between two looks for cells that are new or have another bus."""
_LEAVING = 5.0
"""Seconds for what was begun on a bus that no cell has any more."""


class ConductorPart:
    """A conductor within a process. It serves the bus of the API level and that of every cell."""

    def __init__(self, parts: Parts, timers: Timers) -> None:
        svc, options = parts.svc, parts.settings
        self._parts = parts
        self._pool = Pool(options.stratus.flow_threads, "flow")
        self.engine = Engine(
            svc,
            FLOWS,
            owner=f"{options.default.host}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
            timing=Timing(lease=options.stratus.flow_lease, resend=options.stratus.resend_interval),
            host_up=lambda cell, host: host_is_up(svc, cell, host),
            host_seen_up=SeenUp(svc),
            observer=parts.metrics if options.stratus.metrics_port else None,
        )
        self._servings: dict[str, Serving] = {}
        timers.every(options.stratus.flow_lease / 6, self.engine.renew, "leases")
        timers.every(_CELLS_EVERY, self.serve_cells, "cells", delay=_CELLS_EVERY)
        if options.stratus.metrics_port:
            timers.every(_COUNT_EVERY, self.count, "count")
        presence = Presence(svc, BINARY, CONDUCTOR, Conductor.VERSION)
        timers.every(options.default.report_interval, presence.beat, "conductor-presence")
        if options.default.periodic_enable:
            for one in reconcilers(self.engine, self.submit):
                delay = 0.0 if one.name == "sweep" else float(options.default.periodic_fuzzy_delay)
                timers.every(lambda one=one: one.interval, one.run, one.name, delay=delay)  # type: ignore[misc]

    def start(self) -> None:
        """Begin to serve. Raises ComputeError for a bus of the API level that cannot carry calls."""
        self._serve(self._parts.settings.default.transport_url)
        self.serve_cells()

    def serve_cells(self) -> None:
        """Serve the buses of cells that are not served yet, and leave those that no cell has any more."""
        cells = self._parts.svc.store.cells(include_disabled=True)
        for cell in cells:
            if cell.transport_url not in self._servings and not cell.transport_url.startswith("none:"):
                try:
                    self._serve(cell.transport_url)
                except ComputeError as error:
                    LOG.error("cell %s is not served: %s", cell.name or cell.uuid, error.message)
        own = self._parts.settings.default.transport_url
        for url in self._servings.keys() - {own, *(cell.transport_url for cell in cells)}:
            LOG.info("a bus is left that no cell has any more: %s", url)
            self._servings.pop(url).stop(_LEAVING)
            self._parts.buses.leave(url)

    def count(self) -> None:
        """Show in the metrics the flows of all databases that answer, and which daemons are alive."""
        svc, metrics = self._parts.svc, self._parts.metrics
        now, at = svc.clock.time(), svc.clock.now()
        answers = svc.store.fan_out(lambda tx: flow_figures(tx, now), svc.store.names()).values()
        total = sum((one for one in answers if isinstance(one, FlowFigures)), FlowFigures())
        ages = {state: (at - since).total_seconds() for state, since in total.since.items()}
        metrics.flows_are(total.counts, ages, total.overdue)
        metrics.services_are(count_services(svc))

    def submit(self, work: Callable[[], None]) -> None:
        """Have something done on the threads for flows; not any more once the daemon stops."""
        self._pool.submit(work)

    def stop(self, timeout: float) -> bool:
        """Take no more messages, and let flows get to where they wait or end."""
        stop_all(self._servings.values(), min(timeout, 5.0))
        return self._pool.close(timeout)

    def _serve(self, url: str) -> None:
        """Serve one bus; where the API level and a cell share a broker, one endpoint answers for both."""
        options = self._parts.settings
        endpoint = ConductorService(self.engine, self, lambda: self._hosts_on(url))
        self._servings[url] = self._parts.buses.at(url).serve(
            Conductor, CONDUCTOR, options.default.host, endpoint, threads=options.stratus.rpc_threads
        )

    def _hosts_on(self, url: str) -> Hosts | None:
        """Return the hosts of the cell that has a bus, as the mappings are now."""
        svc = self._parts.svc
        for cell in svc.store.cells(include_disabled=True):
            if cell.transport_url == url:
                return Hosts(svc, cell.uuid, PowerSync(svc))
        return None


def main(argv: Sequence[str] | None = None, settings: Settings | None = None) -> int:
    """Run the daemon, with the settings of its parent where it has one; returns its exit code."""
    return run_with_parts(BINARY, argv, ConductorPart, settings)
