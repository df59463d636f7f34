"""The whole service in one process: API, conductor, scheduler and compute agent on SQLite and the in-process
bus, with fake hypervisors and with fakes of the services around it that speak their HTTP.

For trying the API, for testing other people's tools, and for the functional tests. Development only: it
listens on a loopback address, its passwords are known, and what its guests compute is nothing.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compute_service.agent.start import Agent, agent_parts
from compute_service.bus.notify import forms_of
from compute_service.clients.clock import SystemClock
from compute_service.clients.fake.identity import FakeIdentity, Token
from compute_service.clients.fake.images import FakeImages
from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.fake.placement import FakePlacement
from compute_service.clients.notify import MemoryNotifier
from compute_service.clients.twin.auth import TokenAuth
from compute_service.clients.twin.identity import identity_app
from compute_service.clients.twin.image import image_app
from compute_service.clients.twin.network import network_app
from compute_service.clients.twin.relay import TwinRelay
from compute_service.cmd.allinone_seed import (
    PASSWORD,
    seed_flavors,
    seed_identity,
    seed_images,
    seed_network,
)
from compute_service.cmd.conductor_part import ConductorPart
from compute_service.cmd.metrics import Metrics
from compute_service.cmd.scheduler_part import SchedulerPart
from compute_service.cmd.scratch import Scratch
from compute_service.cmd.threaded import ThreadedServer, WsgiApp
from compute_service.cmd.timers import Timers
from compute_service.cmd.wiring import Outside, Parts, parts_of
from compute_service.cmd.wsgi import compute_application
from compute_service.config.load import load
from compute_service.config.settings import Settings
from compute_service.control.discovery import discover_hosts
from compute_service.control.events import NETWORK_CHANGED, ExternalEvent, external_events
from compute_service.domain.context import Context
from compute_service.domain.errors import Unavailable
from compute_service.domain.record import learn_types
from compute_service.metadata.app import MetadataApp
from compute_service.metadata.app import Parts as MetadataParts
from compute_service.metadata.servers import AllCells
from compute_service.ports.clock import Clock
from compute_service.ports.hypervisor import Hypervisor
from compute_service.ports.placement import Placement
from compute_service.store.embedded import embedded_cell, embedded_store
from compute_service.store.engine import Store

LOG = logging.getLogger(__name__)

ADDRESS = "127.0.0.1"
CELL = "cell1"
_BROKER = "local:///"
"""The bus of the cell; also of the API level unless an option gives that a broker of its own."""
_OPEN = {
    "image": frozenset({"/", "/versions"}),
    "network": frozenset({"/"}),
    "placement": frozenset({"/"}),
}
"""Paths of each service that need no token: they tell its versions."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What an all-in-one site should be like. `directory` None keeps everything in memory."""

    port: int = 0
    hosts: int = 1
    directory: Path | None = None
    real_placement: bool = False
    auth: bool = True
    options: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Options of nova.conf by section that differ from what the site sets by itself."""
    clock: Clock = field(default_factory=SystemClock)
    settle: bool = True
    """Start when the hosts are up; otherwise as soon as the API answers, a second earlier with the real
    placement service, and servers wait for their hosts."""


class LatePlacement:
    """A Placement that is still being made: every call waits until it is there, for a bounded time."""

    SECONDS = 60.0

    def __init__(self) -> None:
        self._there = threading.Event()
        self._placement: Placement | None = None

    def arrive(self, placement: Placement) -> None:
        """Let waiting calls go on."""
        self._placement = placement
        self._there.set()

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not self._there.wait(self.SECONDS):
                raise Unavailable("The placement service did not start.")
            return getattr(self._placement, name)(*args, **kwargs)

        return call


class AllInOne:
    """A running site. `url` is the compute API's; the fakes and the parts inside are there to be reached."""

    @classmethod
    def start(cls, wishes: Wishes | None = None, **named: Any) -> AllInOne:
        """Start a site and return when it serves. `named` are fields of `Wishes`."""
        site = cls(wishes or Wishes(**named))
        try:
            site._begin()
        except BaseException:
            site.stop(0)
            raise
        return site

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self._scratch = None if wishes.directory else Scratch(Path(tempfile.gettempdir()), "stratus-site")
        self.directory = self._scratch.path if self._scratch else wishes.directory or Path()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.settings = _settings(wishes, self.directory)
        self.metrics = Metrics()
        self.identity = FakeIdentity(wishes.clock)
        self.images = FakeImages(wishes.clock)
        self.network = FakeNetwork(wishes.clock)
        self.notifications = MemoryNotifier(forms_of(self.settings))
        to_a_broker = self.settings.oslo_messaging_notifications.transport_url is not None
        self._placement_app: Any = None
        fake, self._late = FakePlacement(), (LatePlacement(), LatePlacement())
        of_hosts: Any = self._late[0] if wishes.real_placement else fake
        of_all: Any = self._late[1] if wishes.real_placement else fake
        self.placement: Placement = of_all
        self.store: Store = embedded_store(
            wishes.directory, (CELL,), _BROKER, wishes.clock.now, self.metrics.statement
        )
        outside = Outside(
            self.identity,
            self.images,
            self.network,
            self.placement,
            wishes.clock,
            None if to_a_broker else self.notifications,
            TwinRelay(network_app(self.network)),
            TwinRelay(image_app(self.images)),
        )
        self.parts: Parts = parts_of(self.settings, outside, self.metrics, self.store)
        self.network.floating.changed = self._ports_changed
        self.timers = Timers()
        self.conductor = ConductorPart(self.parts, self.timers)
        self.settled = threading.Event()
        """Set when the hosts are up; until then nobody chooses among them."""
        self.scheduler = SchedulerPart(self.parts, self.timers, self.settled)
        of_cell = self.parts.buses.at(_BROKER)
        agent = agent_parts(self.settings, wishes.clock, of_cell, self.images, of_hosts)
        self.hypervisors: Mapping[str, Hypervisor] = agent.drivers
        self.agent = Agent(agent)
        self.server = ThreadedServer(ADDRESS, wishes.port, {})
        self.root = f"http://{ADDRESS}:{self.server.port}"
        self._starting: threading.Thread | None = None
        self._stopped = False

    @property
    def cell(self) -> str:
        """The UUID of the one cell."""
        return embedded_cell(CELL)

    @property
    def url(self) -> str:
        """The compute API's address."""
        return f"{self.root}/compute/v2.1"

    @property
    def metadata_url(self) -> str:
        """The metadata service's address, as the network service's proxy knows it; its secret is PASSWORD."""
        return f"{self.root}/metadata"

    @property
    def auth_url(self) -> str:
        """The identity API's address."""
        return f"{self.root}/identity/v3"

    def token(self, user: str = "admin", project: str | None = None) -> str:
        """Return a token of a user, by default for the project that the user belongs to."""
        if not self.wishes.auth:
            return f"{user}:{project}" if project else user
        found = self.identity.find(self.identity.users.values(), user)
        own = "admin" if user == "admin" else "service" if user == "nova" else "demo"
        scope = self.identity.find(self.identity.projects.values(), project or own)
        made: Token = self.identity.issue(found, scope)
        return made.id

    def stop(self, timeout: float = 10.0) -> bool:
        """Stop everything; True when the work begun was finished in time. A temporary site is removed."""
        if self._stopped:
            return True
        self._stopped = True
        if self._starting is not None:
            self._starting.join(timeout)
        stops = (
            self.server.stop,
            self.conductor.stop,
            self.agent.stop,
            self.scheduler.stop,
            self.timers.stop,
        )
        clean = all([stop(timeout) for stop in stops])
        self.parts.close()
        if self._placement_app is not None:
            self._placement_app.close()
        if self._scratch is not None:
            self._scratch.remove()
        return clean

    def _begin(self) -> None:
        seed_identity(self.identity)
        seed_images(self.images)
        seed_network(self.network)
        seed_flavors(self.store)
        for service, path in (("compute", "/v2.1"), ("image", ""), ("network", ""), ("placement", "")):
            self.identity.add_endpoint(service, _NAMES[service], f"{self.root}/{service}{path}")
        self.identity.add_endpoint("identity", "keystone", f"{self.root}/identity")
        self.server.mounts.update(self._applications())
        learn_types()
        self.scheduler.start()
        self.conductor.start()
        self.timers.start()
        self.server.start()
        if self.wishes.settle:
            self._start_hosts()
        else:
            self._starting = threading.Thread(target=self._start_hosts, name="hosts", daemon=True)
            self._starting.start()

    def _ports_changed(self, server: str) -> None:
        """Tell the compute API, as the network service does when floating addresses change."""
        ctx = Context(request_id="req-network", user_id="network", project_id="service", is_admin=True)
        external_events(ctx, self.parts.svc, (ExternalEvent(name=NETWORK_CHANGED, server_uuid=server),))

    def _start_hosts(self) -> None:
        if self.wishes.real_placement:
            self.placement = self._start_placement()
            self._late[0].arrive(self.placement)
        self.agent.start()
        discover_hosts(self.store, self.cell)
        self._late[1].arrive(self.placement)
        self.settled.set()

    def _start_placement(self) -> Placement:
        from compute_service.clients.placement import PlacementClient
        from compute_service.clients.placement_inprocess import InProcessPlacement

        app = InProcessPlacement(self.directory / "placement.sqlite")
        self._placement_app = app
        self.server.mounts["/placement"] = self._checked("placement", app)
        return PlacementClient(app.reach())

    def _applications(self) -> dict[str, WsgiApp]:
        return {
            "/compute": compute_application(self.parts, self._compute_auth()),
            "/metadata": MetadataApp(self._metadata()),
            "/identity": identity_app(self.identity),
            "/image": self._checked("image", image_app(self.images)),
            "/network": self._checked("network", network_app(self.network)),
        }

    def _metadata(self) -> MetadataParts:
        return MetadataParts(
            settings=self.settings,
            clock=self.wishes.clock,
            servers=AllCells(self.store),
            network=lambda: self.network,
            vendor_data=self.parts.svc.vendor_data,
        )

    def _compute_auth(self) -> Callable[[WsgiApp], WsgiApp]:
        if not self.wishes.auth:
            from compute_service.api.context import no_auth

            return no_auth
        return lambda app: TokenAuth(app, self.identity, self.auth_url)

    def _checked(self, service: str, app: WsgiApp) -> WsgiApp:
        if not self.wishes.auth:
            return app
        return TokenAuth(app, self.identity, self.auth_url, _OPEN[service])


_NAMES = {"compute": "nova", "image": "glance", "network": "neutron", "placement": "placement"}


def _settings(wishes: Wishes, directory: Path) -> Settings:
    """Write the site's nova.conf and read it."""
    sections: dict[str, dict[str, object]] = {
        "DEFAULT": {
            "host": "stratus",
            "my_ip": ADDRESS,
            "state_path": directory,
            "transport_url": _BROKER,
            "compute_driver": "fake.FakeDriver",
            "periodic_fuzzy_delay": 5,
            "manager_shutdown_timeout": 10,
        },
        "api": {"auth_strategy": "keystone" if wishes.auth else "noauth2"},
        "api_database": {"connection": "sqlite://"},
        "fake": {
            "hosts": wishes.hosts,
            "host_prefix": "host-",
            "vcpus": 64,
            "memory_mb": 262144,
            "local_gb": 4096,
        },
        "neutron": {"service_metadata_proxy": True, "metadata_proxy_shared_secret": PASSWORD},
        "scheduler": {"discover_hosts_in_cells_interval": 60},
        "stratus": {"flow_sweep_interval": 1.0},
    }
    for section, values in wishes.options.items():
        sections.setdefault(section, {}).update(values)
    lines: list[str] = []
    for section, values in sections.items():
        lines += [f"[{section}]", *(f"{name} = {_text(value)}" for name, value in values.items()), ""]
    path = directory / "nova.conf"
    path.write_text("\n".join(lines))
    return load([], [path])


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def clouds_yaml(site: AllInOne) -> str:
    """Return a clouds.yaml with the site's users: `stratus` is demo, `stratus-admin` is admin."""
    if not site.wishes.auth:
        entries = {"stratus": "demo:demo:member", "stratus-admin": "admin:admin:admin"}
        return "clouds:\n" + "".join(
            f"  {name}:\n    auth_type: admin_token\n    auth:\n      endpoint: {site.url}\n"
            f"      token: {token}\n    compute_endpoint_override: {site.url}\n"
            for name, token in entries.items()
        )
    users = {"stratus": ("demo", "demo"), "stratus-admin": ("admin", "admin")}
    return "clouds:\n" + "".join(
        f"  {name}:\n    region_name: RegionOne\n    auth:\n      auth_url: {site.auth_url}\n"
        f"      username: {user}\n      password: {PASSWORD}\n      project_name: {project}\n"
        "      user_domain_id: default\n      project_domain_id: default\n"
        for name, (user, project) in users.items()
    )
