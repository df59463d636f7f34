"""Signs of life: one message for all hosts of the process, with the power states and facts that changed."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from compute_service.agent.facts import FactsSource, telling
from compute_service.agent.power import PowerWatch
from compute_service.agent.registration import Registration
from compute_service.domain.errors import ComputeError
from compute_service.domain.host import HostFacts, HostReport
from compute_service.domain.protocol import Conductor
from compute_service.ports.clock import Clock

LOG = logging.getLogger(__name__)

HOSTS_PER_MESSAGE = 200
"""Keeps a message small however many hosts a process poses as."""
FACTS_AT_LEAST_EVERY = 300.0
"""Seconds after which facts are told even when only the load of the host changed, or a report was lost."""


class Beating:
    """What the heartbeat of one host draws on, and what it last told."""

    def __init__(self, host: str, facts: FactsSource, power: PowerWatch, registration: Registration) -> None:
        self.host = host
        self.facts = facts
        self.power = power
        self.registration = registration
        self._told: HostFacts | None = None
        self._told_at = 0.0

    def report(self, now: float) -> HostReport:
        """Return what there is to tell. A driver that cannot say is alive all the same."""
        try:
            facts = self.facts.read()
            power = self.power.take()
        except Exception:  # whatever a hypervisor's library raises: the other hosts must not suffer
            LOG.exception("The hypervisor of host %s does not answer", self.host)
            return HostReport(host=self.host)
        self.registration.renew_if_changed(facts)
        stale = now - self._told_at >= FACTS_AT_LEAST_EVERY
        changed = self._told is None or telling(facts) != telling(self._told)
        return HostReport(host=self.host, power=power, facts=facts if changed or stale else None)

    def told(self, report: HostReport, now: float) -> None:
        """Remember what was sent."""
        if report.facts is not None:
            self._told = report.facts
            self._told_at = now

    def untold(self, report: HostReport) -> None:
        """Put back what could not be sent."""
        for state in report.power:
            self.power.changed(state.uuid)


class Heartbeat:
    """The heartbeat of all hosts of a process."""

    def __init__(self, hosts: Sequence[Beating], conductor: Conductor, clock: Clock) -> None:
        self._hosts = hosts
        self._conductor = conductor
        self._clock = clock

    def beat(self) -> None:
        """Tell the conductor once. A failure is logged and made good by the next beat."""
        now = self._clock.time()
        for start in range(0, len(self._hosts), HOSTS_PER_MESSAGE):
            hosts = self._hosts[start : start + HOSTS_PER_MESSAGE]
            reports = tuple(host.report(now) for host in hosts)
            try:
                self._conductor.report(reports)
            except ComputeError as error:
                LOG.warning("No sign of life could be sent: %s", error.message)
                for host, report in zip(hosts, reports, strict=True):
                    host.untold(report)
            else:
                for host, report in zip(hosts, reports, strict=True):
                    host.told(report, now)
