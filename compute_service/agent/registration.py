"""How a host makes itself known to the conductor and to placement, and stays known."""

from __future__ import annotations

import logging
import threading

from compute_service.agent.facts import FactsSource, lasting
from compute_service.agent.identity import NodeIdentity
from compute_service.agent.inventory import Inventory
from compute_service.domain.errors import ComputeError, Unavailable
from compute_service.domain.host import HostFacts, HostRegistration
from compute_service.domain.protocol import ComputeAgent, Conductor, Registered
from compute_service.ports.clock import Clock

LOG = logging.getLogger(__name__)

START_TRIES = 60
LONGEST_PAUSE = 10.0
"""Seconds between two tries to reach a conductor at start: about ten minutes in all."""


class Registration:
    """One host's entry with the conductor, and its inventory which follows from it."""

    def __init__(
        self,
        identity: NodeIdentity,
        host_ip: str,
        facts: FactsSource,
        capabilities: tuple[str, ...],
        conductor: Conductor,
        inventory: Inventory,
    ) -> None:
        self._identity = identity
        self._host_ip = host_ip
        self._facts = facts
        self._capabilities = capabilities
        self._conductor = conductor
        self._inventory = inventory
        self._lock = threading.Lock()
        self._told: HostFacts | None = None

    def begin(self, clock: Clock) -> Registered:
        """Register at start, waiting for a conductor within limits.

        Raises Unavailable when none answered, and whatever else the conductor says against this host.
        """
        for attempt in range(1, START_TRIES + 1):
            try:
                return self._register()
            except Unavailable as error:
                LOG.warning(
                    "No conductor answers for host %s (try %d of %d): %s",
                    self._identity.host,
                    attempt,
                    START_TRIES,
                    error.message,
                )
                clock.sleep(min(LONGEST_PAUSE, 0.5 * 2 ** min(attempt, 6)))
        raise Unavailable(f"Host {self._identity.host} found no conductor; is one running in its cell?")

    def renew(self) -> None:
        """Register again; a failure is logged and made good the next time."""
        try:
            self._register()
        except ComputeError as error:
            LOG.warning("Host %s could not register again: %s", self._identity.host, error.message)

    def renew_if_changed(self, facts: HostFacts) -> None:
        """Register again when the host itself changed since it last did."""
        if self._told is not None and lasting(facts) != self._told:
            LOG.info("The facts of host %s changed", self._identity.host)
            self.renew()

    def update(self) -> None:
        """Bring placement up to date."""
        self._inventory.sync(self._facts.read())

    def set_disabled(self, disabled: bool) -> None:
        """Follow the service's state in placement."""
        self._inventory.set_disabled(disabled)
        self.update()

    def _register(self) -> Registered:
        with self._lock:
            facts = self._facts.read()
            answer = self._conductor.register(
                HostRegistration(
                    host=self._identity.host,
                    node_uuid=self._identity.node_uuid,
                    service_uuid=self._identity.service_uuid,
                    facts=facts,
                    host_ip=self._host_ip,
                    version=ComputeAgent.VERSION,
                    capabilities=self._capabilities,
                )
            )
            self._told = lasting(facts)
            self._inventory.set_disabled(answer.disabled)
            return answer
