"""Hosts, placement and requests made up for tests of the scheduler."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from compute_service.clients.fake.placement import FakePlacement
from compute_service.config.settings import Settings
from compute_service.domain.aggregate import Aggregate
from compute_service.domain.flavor import Flavor
from compute_service.domain.host import ComputeNode, HostFacts, ResourceInventory, Service
from compute_service.domain.request import PlacementRequest, SelectRequest
from compute_service.ports.placement import Placement, Provider
from compute_service.scheduler.ask import Ask, HostView
from compute_service.scheduler.fleet import Fleet, HostFiles, HostLoad, assemble
from compute_service.scheduler.pipeline import Selector
from tests.fakes.clock import ManualClock

CELL = "11111111-0000-4000-8000-000000000001"
CELL2 = "11111111-0000-4000-8000-000000000002"
PROJECT = "ee01"
SMALL = Flavor(flavorid="1", name="small", vcpus=1, memory_mb=512, root_gb=1)
START = datetime(2023, 11, 14, 22, 13, 20)
"""Where a manual clock starts."""


def named(text: str) -> str:
    """Return a UUID that stands for a name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, text))


def node(name: str, cell: str = CELL, host_ip: str | None = None, **facts: Any) -> ComputeNode:
    """Return a hypervisor of 64 CPUs, 128 GB and 1 TB."""
    values: dict[str, Any] = {
        "hypervisor_type": "QEMU",
        "hypervisor_version": 8_002_001,
        "hypervisor_hostname": f"{name}.example",
        "vcpus": 64,
        "memory_mb": 131072,
        "local_gb": 1024,
        "supported_instances": (("x86_64", "kvm", "hvm"), ("x86_64", "qemu", "hvm")),
    }
    return ComputeNode(
        uuid=named(name),
        service_uuid=named(f"service of {name}"),
        host=name,
        facts=HostFacts(**{**values, **facts}),
        cell=cell,
        host_ip=host_ip,
    )


def service(of: ComputeNode, **changes: Any) -> Service:
    """Return a node's compute service, seen just now."""
    values: dict[str, Any] = {"last_seen_up": START + timedelta(days=365)}
    return Service(
        uuid=of.service_uuid,
        host=of.host,
        binary="nova-compute",
        topic="compute",
        cell=of.cell,
        **{**values, **changes},
    )


def aggregate(name: str, *hosts: str, **metadata: str) -> Aggregate:
    """Return an aggregate; `availability_zone` and other metadata by keyword."""
    return Aggregate(id=1, uuid=named(f"aggregate {name}"), name=name, hosts=hosts, metadata=metadata)


@dataclass
class FakeHosts:
    """A `HostSource` whose facts a test sets. `reads` counts how often all of them were read."""

    nodes: list[ComputeNode] = field(default_factory=list)
    services: dict[str, Service] = field(default_factory=dict)
    aggregates: list[Aggregate] = field(default_factory=list)
    loads: dict[str, HostLoad] = field(default_factory=dict)
    recent: dict[str, str] = field(default_factory=dict)
    servers: dict[str, str] = field(default_factory=dict)
    groups: dict[str, dict[str, str]] = field(default_factory=dict)
    properties: dict[str, dict[tuple[str, str], int]] = field(default_factory=dict)
    unmapped: set[str] = field(default_factory=set)
    changes: int = 0
    """How often operators have changed something."""
    reads: int = 0

    def generation(self) -> int:
        return self.changes

    def read(self) -> HostFiles:
        self.reads += 1
        return HostFiles(
            nodes=tuple(self.nodes),
            services={n.service_uuid: self.services.get(n.host) or service(n) for n in self.nodes},
            cells={n.host: n.cell for n in self.nodes if n.host not in self.unmapped},
            aggregates=tuple(self.aggregates),
            loads=dict(self.loads),
            recent=dict(self.recent),
        )

    def hosts_of(self, servers: Collection[str]) -> dict[str, str]:
        return {one: self.servers[one] for one in servers if one in self.servers}

    def group_hosts(self, group: str) -> dict[str, str] | None:
        return self.groups.get(group)

    def image_properties(self) -> dict[str, dict[tuple[str, str], int]]:
        return self.properties


def provider(of: ComputeNode, aggregates: tuple[str, ...] = (), **amounts: int) -> Provider:
    """Return a node's resource provider; `amounts` are by resource class."""
    has = {"VCPU": of.facts.vcpus, "MEMORY_MB": of.facts.memory_mb, "DISK_GB": of.facts.local_gb, **amounts}
    return Provider(
        uuid=of.uuid,
        name=of.facts.hypervisor_hostname,
        inventories={name: ResourceInventory(total=n, max_unit=n) for name, n in has.items()},
        traits=of.facts.traits,
        aggregates=aggregates,
    )


def placement_of(
    nodes: Collection[ComputeNode], aggregates: Collection[Aggregate] = (), **amounts: int
) -> FakePlacement:
    """Return a placement that has the nodes as providers, in their aggregates."""
    return FakePlacement(
        provider(n, tuple(a.uuid for a in aggregates if n.host in a.hosts), **amounts) for n in nodes
    )


def settings_with(section: str = "filter_scheduler", **changes: Any) -> Settings:
    """Return default settings with some options of one section changed."""
    settings = Settings()
    return replace(settings, **{section: replace(getattr(settings, section), **changes)})


@dataclass
class World:
    """A scheduler with all that it asks."""

    hosts: FakeHosts
    placement: FakePlacement
    selector: Selector
    clock: ManualClock


def world(
    nodes: Collection[ComputeNode],
    settings: Settings | None = None,
    placement: Placement | None = None,
    hosts: FakeHosts | None = None,
    **amounts: int,
) -> World:
    """Return a scheduler over these hypervisors."""
    source = hosts or FakeHosts()
    source.nodes = list(nodes)
    fake = placement_of(nodes, source.aggregates, **amounts)
    clock = ManualClock()
    selector = Selector(settings or Settings(), placement or fake, source, clock, random.Random(1))
    return World(source, fake, selector, clock)


def wish(flavor: Flavor = SMALL, **changes: Any) -> PlacementRequest:
    """Return a project's wish for a host."""
    return PlacementRequest(project_id=PROJECT, user_id="u", flavor=flavor, **changes)


def order(count: int = 1, alternates: int = 0, key: str = "", **changes: Any) -> SelectRequest:
    """Return a request for `count` servers; the same `key` names the same servers."""
    key = key or uuid.uuid4().hex
    return SelectRequest(
        request=wish(**changes),
        consumers=tuple(named(f"{key} {number}") for number in range(count)),
        alternates=alternates,
    )


def fleet_of(
    nodes: Collection[ComputeNode], hosts: FakeHosts | None = None, now: float = 1_700_000_000.0
) -> Fleet:
    """Return the fleet of some hypervisors, services being up for 60 s unheard."""
    source = hosts or FakeHosts()
    source.nodes = list(nodes)
    return assemble(source.read(), 60.0, "nova", 1, now)


def view_of(fleet: Fleet, name: str, **values: Any) -> HostView:
    """Return a view of a fleet's host."""
    host = fleet.names[name][0]
    return HostView(host, [], **{"instances": host.load.instances, "busy": host.load.busy, **values})


def ask_of(fleet: Fleet, settings: Settings | None = None, **changes: Any) -> Ask:
    """Return a wish as filters and weighers see it; `members`, `held` and `image_properties` by keyword."""
    extra = {name: changes.pop(name) for name in ("held", "image_properties") if name in changes}
    members: Mapping[str, int] = changes.pop("members", {})
    return Ask(
        wish(**changes), settings or Settings(), fleet, 1_700_000_000.0, members=Counter(members), **extra
    )
