"""Keeps the fleet at hand: read again when it is old, or when somebody needs a newer one."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Protocol

from compute_service.config.settings import Settings
from compute_service.ports.clock import Clock
from compute_service.scheduler.ask import PropertyCounts
from compute_service.scheduler.fleet import Fleet, HostFiles, assemble
from compute_service.scheduler.freshness import LEAST, fresh_for
from compute_service.scheduler.ledger import Ledger

STALE_SECONDS = 10.0
"""For so long an old fleet does while another thread reads a new one."""


class HostSource(Protocol):
    """Where facts about hosts come from."""

    def read(self) -> HostFiles:
        """Return what is known of all hosts now."""

    def generation(self) -> int:
        """Return how often operators have changed something about hosts; grows only."""

    def hosts_of(self, servers: Collection[str]) -> dict[str, str]:
        """Return the host of each of these servers that is on one."""

    def group_hosts(self, group: str) -> dict[str, str] | None:
        """Return the host of each living member of a server group that is on one; None for no such group."""

    def image_properties(self) -> PropertyCounts:
        """Return by host how many living servers have which image property."""


class Snapshot:
    """The fleet, shared by all threads."""

    def __init__(self, source: HostSource, settings: Settings, clock: Clock, ledger: Ledger) -> None:
        self._source = source
        self._settings = settings.default
        self._clock = clock
        self._ledger = ledger
        self._reading = threading.Lock()
        self._fleet: Fleet | None = None
        self._generation = 0
        """Of what is in the fleet, at least."""
        self._fresh_for = LEAST
        """For so many seconds the fleet is taken as it is."""
        self._properties: tuple[float, PropertyCounts] | None = None

    def fleet(self, generation: int = 0) -> Fleet:
        """Return a fleet that is not too old, and knows what operators changed up to a generation."""
        if generation > self._generation:
            return self._fleet_of(generation)
        fleet = self._fleet
        age = None if fleet is None else self._clock.time() - fleet.read_at
        if fleet is None or age is None or age > STALE_SECONDS:
            return self.fleet_since(0)
        if age > self._fresh_for and self._reading.acquire(blocking=False):
            try:
                return self._read()
            finally:
                self._reading.release()
        return fleet

    def _fleet_of(self, generation: int) -> Fleet:
        with self._reading:
            if self._fleet is None or generation > self._generation:
                self._fleet = self._read()
                self._generation = generation
            return self._fleet

    def fleet_since(self, mark: int) -> Fleet:
        """Return a fleet that was read after a moment of the ledger, and no longer ago than STALE_SECONDS."""
        with self._reading:
            fleet = self._fleet
            if fleet is None or fleet.mark <= mark or self._clock.time() - fleet.read_at > STALE_SECONDS:
                fleet = self._read()
            return fleet

    def image_properties(self) -> PropertyCounts:
        """Return by host how many servers have which image property, as of at most STALE_SECONDS ago."""
        known = self._properties
        now = self._clock.time()
        if known is None or now - known[0] > STALE_SECONDS:
            known = (now, self._source.image_properties())
            self._properties = known
        return known[1]

    def _read(self) -> Fleet:
        mark, now = self._ledger.moment(), self._clock.time()
        files = self._source.read()
        fleet = assemble(
            files,
            float(self._settings.service_down_time),
            self._settings.default_availability_zone,
            mark,
            now,
        )
        self._fleet = fleet
        self._fresh_for = fresh_for(self._clock.time() - now)
        self._ledger.sight(fleet.recent, now)
        return fleet
