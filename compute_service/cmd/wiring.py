"""From settings to collaborators: the store, a bus for each broker, the outside services, and `Services`.

A broker address `local:///` is the bus within this process; anything else is RabbitMQ.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field

from compute_service.bus.again import AskedAgain, waits
from compute_service.bus.dispatch import unobserved
from compute_service.bus.local import LocalBus
from compute_service.bus.notify import notifier_of
from compute_service.clients.clock import SystemClock
from compute_service.clients.vendor_data import vendor_data_of
from compute_service.cmd.databases import open_store
from compute_service.cmd.metrics import Metrics
from compute_service.config.settings import Settings
from compute_service.control.notices import watch_changes
from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError, NotFound
from compute_service.domain.protocol import ComputeAgent, Conductor, Scheduler
from compute_service.ports.bus import Bus
from compute_service.ports.clock import Clock
from compute_service.ports.identity import Identity
from compute_service.ports.images import Images
from compute_service.ports.network import Network
from compute_service.ports.notify import Notifier
from compute_service.ports.placement import Placement
from compute_service.ports.relay import NoRelay, Relay
from compute_service.store.engine import Store

LOG = logging.getLogger(__name__)

LOCAL = "local:"
CONDUCTOR, SCHEDULER, COMPUTE = "conductor", "scheduler", "compute"
"""The topics."""


@dataclass(frozen=True, slots=True)
class Outside:
    """The services beside compute."""

    identity: Identity
    images: Images
    network: Network
    placement: Placement
    clock: Clock = field(default_factory=SystemClock)
    notify: Notifier | None = None
    """None: as [oslo_messaging_notifications] says."""
    network_api: Relay = field(default_factory=NoRelay)
    image_api: Relay = field(default_factory=NoRelay)


class Buses:
    """One bus a broker address, made when first asked for."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        counted = settings.stratus.metrics_port > 0
        self._observe = metrics.message if counted else unobserved
        self._sent = metrics.call if counted else unobserved
        self._made: dict[str, Bus] = {}
        self._lock = threading.Lock()

    @property
    def api(self) -> Bus:
        """The bus of [DEFAULT] transport_url: of the API level, or on a compute host of its cell."""
        return self.at(self._settings.default.transport_url)

    def at(self, url: str) -> Bus:
        """Return the bus at an address. Raises ComputeError for one that cannot carry calls."""
        with self._lock:
            if url not in self._made:
                self._made[url] = self._make(url)
            return self._made[url]

    def leave(self, url: str) -> None:
        """Let go of the bus at an address; it is made anew when it is asked for again."""
        with self._lock:
            left = self._made.pop(url, None)
        if left is not None:
            left.close()

    def check(self) -> None:
        """Raise RuntimeError when a broker seems to be out of reach (a health check)."""
        with self._lock:
            checks = [getattr(bus, "check", None) for bus in self._made.values()]
        for check in checks:
            if check is not None:
                check()

    def close(self) -> None:
        """Close all."""
        with self._lock:
            made, self._made = self._made, {}
        for bus in made.values():
            bus.close()

    def _make(self, url: str) -> Bus:
        if url.startswith(LOCAL):
            return LocalBus(
                timeout=self._settings.default.rpc_response_timeout,
                queue_length=self._settings.stratus.local_queue_length,
                observe=self._observe,
            )
        from compute_service.bus.oslo import OsloBus

        return OsloBus(self._settings, url, observe=self._observe, sent=self._sent)


class Agents:
    """Finds the agent of a host on the bus of its cell."""

    def __init__(self, store: Store, buses: Buses) -> None:
        self._store = store
        self._buses = buses

    def __call__(self, cell: str, host: str) -> ComputeAgent:
        """Return a client of a host's agent. Raises NotFound for an unknown cell."""
        for known in self._store.cells(include_disabled=True):
            if known.uuid == cell:
                bus = self._buses.at(known.transport_url)
                return bus.client(ComputeAgent, COMPUTE, host)  # type: ignore[type-abstract]
        raise NotFound(f"Cell {cell} could not be found.")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a daemon with a database works with."""

    svc: Services
    buses: Buses
    metrics: Metrics

    @property
    def settings(self) -> Settings:
        """The configuration."""
        return self.svc.settings

    def close(self) -> None:
        """Let go of everything that is connected."""
        self.buses.close()
        close = getattr(self.svc.notify, "close", None)
        if close is not None:
            close()
        self.svc.store.close()


def _show_pools(store: Store, metrics: Metrics) -> None:
    for name, use in store.pools().items():
        metrics.pool_is(name, use.in_use, use.idle, use.most)


def store_of(settings: Settings, metrics: Metrics) -> Store:
    """Return the store of the configured databases, counted. Raises Invalid as `open_store` does."""
    return open_store(settings, metrics.statement if settings.stratus.metrics_port else None)


def _scheduler(bus: Bus, settings: Settings) -> Scheduler:
    clients = [
        bus.client(Scheduler, SCHEDULER, timeout=seconds)  # type: ignore[type-abstract]
        for seconds in waits(float(settings.default.rpc_response_timeout))
    ]
    return AskedAgain(clients)


def parts_of(settings: Settings, outside: Outside, metrics: Metrics, store: Store | None = None) -> Parts:
    """Put the collaborators of a process together."""
    store = store or store_of(settings, metrics)
    buses = Buses(settings, metrics)
    try:
        conductor = buses.api.client(Conductor, CONDUCTOR)  # type: ignore[type-abstract]
        scheduler = _scheduler(buses.api, settings)
    except ComputeError:
        store.close()
        raise
    svc = Services(
        store=store,
        clock=outside.clock,
        notify=outside.notify or notifier_of(settings, metrics.notification),
        conductor=conductor,
        scheduler=scheduler,
        agent=Agents(store, buses),
        identity=outside.identity,
        images=outside.images,
        network=outside.network,
        placement=outside.placement,
        settings=settings,
        vendor_data=vendor_data_of(settings),
        network_api=outside.network_api,
        image_api=outside.image_api,
    )
    store.listen(watch_changes(svc))
    if settings.stratus.metrics_port:
        metrics.look_by(lambda: _show_pools(store, metrics))
    return Parts(svc, buses, metrics)
