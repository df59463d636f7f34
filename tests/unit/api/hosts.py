"""A world with compute hosts: registered, mapped to their cell, and known to placement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from compute_service.clients.fake.placement import FakePlacement
from compute_service.config.settings import Settings
from compute_service.domain.host import ComputeNode, ResourceInventory, Service
from compute_service.ports.placement import Provider
from compute_service.store.compute_nodes import compute_node_list, compute_node_upsert
from compute_service.store.mappings import host_mapping_insert
from compute_service.store.services import service_list, service_upsert
from tests.fixtures.records import a_node, a_service
from tests.unit.api.world import CELL, World, make_world


@dataclass
class Agents:
    """The agents of all hosts: notes what they are told."""

    told: list[tuple[str, str, Any]] = field(default_factory=list)

    def __call__(self, cell: str, host: str) -> _Agent:
        return _Agent(self, host)


@dataclass
class _Agent:
    agents: Agents
    host: str

    def set_disabled(self, disabled: bool) -> None:
        self.agents.told.append((self.host, "set_disabled", disabled))

    def cache_images(self, image_ids: tuple[str, ...]) -> None:
        self.agents.told.append((self.host, "cache_images", image_ids))


@dataclass
class HostWorld(World):
    """A world of which hosts are a part."""

    agents: Agents = field(default_factory=Agents)
    placement: FakePlacement = field(default_factory=FakePlacement)

    def host(self, name: str = "host1", mapped: bool = True, facts: Any = None, **fields: Any) -> ComputeNode:
        """Add a compute host; `fields` are of its service, `facts` change those of its hypervisor."""
        node = a_node(name)
        node = node.replace(facts=node.facts.replace(**(facts or {})), host_ip="10.0.0.1")
        service = {"uuid": node.service_uuid, "last_seen_up": self.svc.clock.now(), **fields}
        with self.store.database(CELL).write() as tx:
            service_upsert(tx, a_service(name, **service))
            kept = compute_node_upsert(tx, node)
        if mapped:
            with self.store.api.write() as tx:
                host_mapping_insert(tx, name, CELL)
        self.placement.ensure_provider(
            Provider(
                uuid=node.uuid,
                name=node.facts.hypervisor_hostname,
                inventories={"VCPU": ResourceInventory(total=8, max_unit=8)},
            )
        )
        return kept

    def daemon(self, binary: str, host: str = "controller") -> Service:
        """Add a daemon that hosts no servers."""
        with self.store.cell0.write() as tx:
            return service_upsert(tx, a_service(host, binary, last_seen_up=self.svc.clock.now()))

    def service(self, host: str = "host1") -> Service:
        """Return a host's compute service as it is stored."""
        with self.store.database(CELL).read() as tx:
            return service_list(tx, host=host)[0]

    def nodes(self) -> list[ComputeNode]:
        """Return the hypervisors as they are stored."""
        with self.store.database(CELL).read() as tx:
            return compute_node_list(tx)


def make_host_world(settings: Settings | None = None) -> HostWorld:
    """Return a fresh world with placement and agents, and no host yet."""
    agents, placement = Agents(), FakePlacement()
    made = make_world(settings, agent=agents, placement=placement)
    return HostWorld(made.svc, made.app, made.bell, agents, placement)
