"""The conductor's endpoint: doorbells and answers move flows on; hosts register and report."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar, Protocol

from compute_service.conductor.hosts import Hosts
from compute_service.conductor.progress import ProgressNotes
from compute_service.control.remote_console import console_now
from compute_service.domain.console import ConsoleToken
from compute_service.domain.errors import ComputeError, Invalid
from compute_service.domain.flow import FlowKey, StepKey, StepResult
from compute_service.domain.host import HostRegistration, HostReport, ServerOnHost
from compute_service.domain.protocol import Conductor, Registered
from compute_service.flows.engine import Engine

LOG = logging.getLogger(__name__)


class Pool(Protocol):
    """Runs work some time later, in bounded numbers."""

    def submit(self, work: Callable[[], None]) -> None:
        """Take a piece of work."""


def of_no_cell() -> None:
    """Return the hosts of a bus that no cell has."""


class ConductorService(Conductor):
    """The endpoint of topic `conductor` on one bus: a cell's, or (where `hosts` gives None) the API's alone.

    Which it is may change while it serves: a cell is mapped to the bus, or is so no more.
    """

    VERSION: ClassVar[int] = Conductor.VERSION

    def __init__(self, engine: Engine, pool: Pool, hosts: Callable[[], Hosts | None] = of_no_cell) -> None:
        self._engine = engine
        self._pool = pool
        self._hosts = hosts
        self._progress = ProgressNotes(engine.svc)

    def wake(self, keys: tuple[FlowKey, ...]) -> None:
        """Advance flows, each as soon as there is a thread for it."""
        for key in keys:
            self._pool.submit(lambda key=key: self.advance(key))  # type: ignore[misc]

    def advance(self, key: FlowKey) -> None:
        """Advance one flow; what keeps it from that is logged, and the sweep comes back to it."""
        try:
            self._engine.advance(key)
        except ComputeError as error:
            LOG.warning("flow %s waits for the next sweep: %s", key.flow_id, error.message)

    def finished(self, key: StepKey, result: StepResult) -> None:
        """Go on with a flow whose host has answered."""
        self._engine.finished(key, result)

    def progress(self, key: StepKey, fraction: float, details: dict[str, int]) -> None:
        """Show how far a long step is."""
        self._progress.note(key, fraction, details)

    def register(self, registration: HostRegistration) -> Registered:
        """Enter a host, or renew what is known of it."""
        return self._of_cell().register(registration)

    def report(self, reports: tuple[HostReport, ...]) -> None:
        """Take heartbeats and what they tell."""
        self._of_cell().report(reports)

    def servers_on_host(self, host: str) -> tuple[ServerOnHost, ...]:
        """Return what should be on a host."""
        return self._of_cell().servers_on(host)

    def strays(self, host: str, guests: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of a host's guests that belong elsewhere."""
        return self._of_cell().strays(host, guests)

    def vacated(self, host: str, guests: tuple[str, ...]) -> int:
        """Complete the evacuations from a host that has nothing left of them."""
        return self._of_cell().vacated(host, guests)

    def console(self, token: str) -> ConsoleToken:
        """Return the console that a token opens."""
        return console_now(self._engine.svc, token)

    def _of_cell(self) -> Hosts:
        hosts = self._hosts()
        if hosts is None:
            raise Invalid("Hosts report on the message bus of their cell, not on the API's.")
        return hosts
