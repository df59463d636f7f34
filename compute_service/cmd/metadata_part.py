"""The metadata service from the configuration."""

from __future__ import annotations

import logging
import threading

from compute_service.api.context import WsgiApp
from compute_service.clients.clock import SystemClock
from compute_service.clients.vendor_data import vendor_data_of
from compute_service.cmd.databases import engine_options
from compute_service.cmd.healthcheck import Remembered, with_health
from compute_service.cmd.metrics import Metrics
from compute_service.cmd.outside import network_service, observer_of
from compute_service.cmd.wiring import store_of
from compute_service.config.settings import Settings
from compute_service.domain.errors import Invalid
from compute_service.metadata.app import MetadataApp, Parts
from compute_service.metadata.servers import AllCells, OneCell, Servers
from compute_service.ports.network import Network
from compute_service.store.database import Database

LOG = logging.getLogger(__name__)


class LateNetwork:
    """The client of the network service, made when it is first needed: behind Neutron's proxy it never is."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._lock = threading.Lock()
        self._made: Network | None = None

    def __call__(self) -> Network:
        """Return the client. Raises Unavailable when [neutron] does not say how to sign in."""
        with self._lock:
            if self._made is None:
                self._made = network_service(self._settings, observer_of(self._settings, self._metrics))
            return self._made


def metadata_parts(settings: Settings, metrics: Metrics) -> Parts:
    """Return what the service works with. Raises Invalid when the database it needs is not named."""
    options = settings.neutron
    if options.service_metadata_proxy and not options.metadata_proxy_shared_secret:
        LOG.warning(
            "[neutron] metadata_proxy_shared_secret is empty: who reaches this service may ask as any guest"
        )
    return Parts(
        settings=settings,
        clock=SystemClock(),
        servers=servers_of(settings, metrics),
        network=LateNetwork(settings, metrics),
        vendor_data=vendor_data_of(settings),
    )


def servers_of(settings: Settings, metrics: Metrics) -> Servers:
    """Return where servers are found. Raises Invalid when the database that is needed is not named."""
    if not settings.api.local_metadata_per_cell:
        return AllCells(store_of(settings, metrics))
    if not settings.database.connection:
        raise Invalid(
            "[database] connection is not set: a cell's own metadata API needs the cell's database."
        )
    observe = metrics.statement if settings.stratus.metrics_port else None
    return OneCell(Database("cell", settings.database.connection, engine_options(settings), observe=observe))


def metadata_application(parts: Parts, metrics: Metrics) -> WsgiApp:
    """Return the metadata API over the given parts, with its health checks."""
    app: WsgiApp = MetadataApp(parts)
    if parts.settings.stratus.metrics_port:
        app = metrics.measured(app)
    return with_health(app, Remembered(parts.servers.ping))
