"""`Services`: the only thing that handlers, use cases and flow steps are handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from compute_service.config.settings import Settings
from compute_service.domain.protocol import ComputeAgent, Conductor, Scheduler
from compute_service.ports.clock import Clock
from compute_service.ports.identity import Identity
from compute_service.ports.images import Images
from compute_service.ports.network import Network
from compute_service.ports.notify import Notifier
from compute_service.ports.placement import Placement
from compute_service.ports.relay import NoRelay, Relay
from compute_service.ports.vendor_data import VendorDataSource
from compute_service.store.engine import Store


@dataclass(frozen=True, slots=True)
class Services:
    """The collaborators of one process."""

    store: Store
    clock: Clock
    notify: Notifier
    conductor: Conductor
    """Rings on the API's bus, where every conductor listens."""
    scheduler: Scheduler
    agent: Callable[[str, str], ComputeAgent]
    """(cell UUID, host) → a client of that host's agent on that cell's bus."""
    identity: Identity
    images: Images
    network: Network
    placement: Placement
    settings: Settings
    vendor_data: VendorDataSource | None = None
    """None: nobody adds to servers' metadata."""
    network_api: Relay = field(default_factory=NoRelay)
    image_api: Relay = field(default_factory=NoRelay)
