"""The network service in memory, behind the `Network` port."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from compute_service.clients.fake.faults import Faults
from compute_service.clients.fake.network_bindings import PortBindings
from compute_service.clients.fake.network_floating import FloatingIps
from compute_service.clients.fake.network_plane import NetworkPlane
from compute_service.clients.fake.network_security import SecurityGroups
from compute_service.clients.fake.network_tables import Tables
from compute_service.clients.neutron import NeutronNetwork
from compute_service.clients.neutron_api import (
    AUTO_ALLOCATION,
    BULK_TAGS,
    DNS,
    FLOATING,
    QUOTA_DETAILS,
    REVISIONS,
    SEVERAL_BINDINGS,
    TAGS,
    Filters,
    matching,
    visible,
)
from compute_service.clients.neutron_rows import (
    BindingRow,
    FloatingIpRow,
    NetworkRow,
    PortRow,
    SecurityGroupRow,
    SubnetRow,
)
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict
from compute_service.domain.vif import NetworkRequest, RequestedNetworks, Vif
from compute_service.ports.clock import Clock
from compute_service.ports.network import NetworkPlan, PortOrder, PortOwner

EXTENSIONS = frozenset(
    (BULK_TAGS, TAGS, DNS, REVISIONS, AUTO_ALLOCATION, FLOATING, QUOTA_DETAILS, SEVERAL_BINDINGS)
)
"""What the client makes use of where it is there."""


class FakeNetwork(Faults):
    """Networks and ports in memory. `plane`, `groups` and `floating` are the service as its owner sees it;
    the rest is the port. Networks are added with `add_network`; `extensions` can be taken away."""

    def __init__(self, clock: Clock | None = None, new_id: Callable[[], str] | None = None) -> None:
        super().__init__()
        self.extensions = set(EXTENSIONS)
        self.tables = Tables(clock, self._lock, new_id)
        self.groups = SecurityGroups(self.tables)
        self.plane = NetworkPlane(self.tables, self.groups)
        self.floating = FloatingIps(self.tables, self.plane)
        self.bindings = PortBindings(self.tables, self.plane)
        self._network = NeutronNetwork(PlaneApi(self))

    @property
    def ports(self) -> dict[str, PortRow]:
        """All ports by identifier."""
        with self._lock:
            return dict(self.tables.ports)

    @property
    def networks(self) -> dict[str, NetworkRow]:
        """All networks by identifier."""
        with self._lock:
            return dict(self.tables.networks)

    def add_network(
        self,
        name: str,
        cidr: str | None = "10.0.0.0/16",
        project_id: str = "admin",
        *,
        shared: bool = False,
        external: bool = False,
    ) -> str:
        """Make a network with a subnet (none without `cidr`) and return its identifier."""
        network = self.plane.create_network(
            NetworkRow(project_id=project_id, name=name, shared=shared, external=external)
        )
        if cidr is not None:
            self.add_subnet(network.id, cidr)
        return network.id

    def add_subnet(self, network_id: str, cidr: str) -> str:
        """Make a subnet of a network and return its identifier."""
        network = self.networks[network_id]
        row = SubnetRow(
            project_id=network.project_id, network_id=network_id, name=f"{network.name}-subnet", cidr=cidr
        )
        return self.plane.create_subnet(row).id

    def add_port(self, network_id: str, project_id: str, **fields: Any) -> str:
        """Make a port as a user does and return its identifier."""
        return self.plane.create_ports([PortRow(network_id=network_id, project_id=project_id, **fields)])[
            0
        ].id

    def resolve(
        self, ctx: Context, requested: RequestedNetworks, security_groups: tuple[str, ...], servers: int
    ) -> NetworkPlan:
        """Check a create's networks, ports and security groups for `servers` servers."""
        with self._call("resolve"):
            return self._network.resolve(ctx, requested, security_groups, servers)

    def allocate(
        self,
        project_id: str,
        server: str,
        hostname: str,
        zone: str | None,
        plan: NetworkPlan,
        host: str,
    ) -> tuple[Vif, ...]:
        """Create or take the server's ports and bind them to `host`; repeating finds them again."""
        with self._call("allocate"):
            return self._network.allocate(project_id, server, hostname, zone, plan, host)

    def bind(self, server: str, vifs: tuple[Vif, ...], host: str) -> tuple[Vif, ...]:
        """Bind existing ports of a server to another host."""
        with self._call("bind"):
            return self._network.bind(server, vifs, host)

    def bind_ahead(self, server: str, vifs: tuple[Vif, ...], host: str) -> tuple[Vif, ...]:
        """Prepare a server's ports for a host to which its guest will move while it runs."""
        with self._call("bind_ahead"):
            return self._network.bind_ahead(server, vifs, host)

    def activate(self, server: str, vifs: tuple[Vif, ...], host: str) -> tuple[Vif, ...]:
        """Let ports belong to the host that they were prepared for, and to no other."""
        with self._call("activate"):
            return self._network.activate(server, vifs, host)

    def unbind_ahead(self, server: str, host: str) -> None:
        """Take back what `bind_ahead` prepared on a host."""
        with self._call("unbind_ahead"):
            self._network.unbind_ahead(server, host)

    def release(self, server: str, vifs: tuple[Vif, ...]) -> None:
        """Delete the ports made for the server and let go of the others; repeating is fine."""
        with self._call("release"):
            self._network.release(server, vifs)

    def resolve_one(self, ctx: Context, project_id: str, wanted: NetworkRequest) -> NetworkRequest:
        """Check what one more interface for a server of a project is asked to be on, and return that."""
        with self._call("resolve_one"):
            return self._network.resolve_one(ctx, project_id, wanted)

    def attach(self, order: PortOrder, host: str) -> Vif:
        """Create or take a port for a server and bind it to `host`; repeating finds it again."""
        with self._call("attach"):
            return self._network.attach(order, host)

    def withdraw(self, order: PortOrder) -> None:
        """Undo what `attach` did, or half did: delete what was made, let go of what was taken."""
        with self._call("withdraw"):
            self._network.withdraw(order)

    def detach(self, server: str, vif: Vif) -> None:
        """Delete one of a server's ports if it was made for the server, else let go of it."""
        with self._call("detach"):
            self._network.detach(server, vif)

    def unbind(self, server: str, vifs: tuple[Vif, ...]) -> None:
        """Let the ports belong to no host."""
        with self._call("unbind"):
            self._network.unbind(server, vifs)

    def describe(self, server: str) -> tuple[Vif, ...]:
        """Return the server's ports as they are now."""
        with self._call("describe"):
            return self._network.describe(server)

    def owners(self, address: str, provider: str | None = None) -> tuple[PortOwner, ...]:
        """Return the owners of the servers' ports that have a fixed address."""
        with self._call("owners"):
            return self._network.owners(address, provider)


class PlaneApi:
    """The network service's API answered from memory."""

    def __init__(self, network: FakeNetwork) -> None:
        self._extensions = network.extensions
        self._tables = network.tables
        self._plane = network.plane
        self._groups = network.groups
        self._bindings = network.bindings

    def extensions(self) -> frozenset[str]:
        """Return the aliases of the extensions that the service has."""
        return frozenset(self._extensions)

    def networks(self, filters: Filters, ctx: Context | None = None) -> list[NetworkRow]:
        """Return networks that match."""
        with self._tables.lock:
            rows = [row for row in self._tables.networks.values() if ctx is None or visible(row, ctx)]
            return matching(rows, filters)

    def subnets(self, filters: Filters) -> list[SubnetRow]:
        """Return subnets that match."""
        with self._tables.lock:
            return matching(self._tables.subnets.values(), filters)

    def ports(self, filters: Filters, ctx: Context | None = None) -> list[PortRow]:
        """Return ports that match."""
        with self._tables.lock:
            if set(filters) == {"device_id"}:
                rows = self._plane.ports_of(str(filters["device_id"]))
            elif set(filters) == {"id"} and isinstance(filters["id"], str):
                found = self._tables.ports.get(filters["id"])
                rows = [found] if found else []
            else:
                rows = matching(self._tables.ports.values(), filters)
            return [row for row in rows if ctx is None or visible(row, ctx)]

    def security_groups(self, ctx: Context) -> list[SecurityGroupRow]:
        """Return the groups of the context's project."""
        self._groups.default(ctx.project_id)
        return self._groups.of_project(ctx.project_id)

    def floating_ips(self, port_ids: Sequence[str]) -> list[FloatingIpRow]:
        """Return the floating addresses that lead to these ports."""
        with self._tables.lock:
            return [row for row in self._tables.floating_ips.values() if row.port_id in port_ids]

    def port_room(self, project_id: str) -> int | None:
        """Return how many more ports a project may have; None is unlimited."""
        with self._tables.lock:
            limit = self._tables.limits(project_id)["port"]
            have = sum(1 for port in self._tables.ports.values() if port.project_id == project_id)
            return None if limit < 0 else limit - have

    def auto_network(self, project_id: str, dry_run: bool) -> str | None:
        """Return the project's network made on request. Raises Conflict."""
        if not dry_run:
            return self._plane.auto_network(project_id).id
        if not self._plane.auto_allocation:
            raise Conflict("No default external network is set up.")
        return None

    def create_ports(self, rows: Sequence[PortRow]) -> list[PortRow]:
        """Make all these ports or none, in this order."""
        return self._plane.create_ports(rows)

    def update_port(self, port_id: str, changes: Mapping[str, Any], seen: PortRow | None = None) -> PortRow:
        """Change fields of a port."""
        return self._plane.update_port(port_id, dict(changes), seen.revision_number if seen else None)

    def delete_port(self, port_id: str) -> None:
        """Delete a port. Raises NotFound."""
        self._plane.delete_port(port_id)

    def bindings(self, port_id: str) -> list[BindingRow]:
        """Return how a port is bound, to any host."""
        return self._bindings.all(port_id)

    def create_binding(self, port_id: str, row: BindingRow) -> BindingRow:
        """Bind a port to one more host."""
        return self._bindings.create(port_id, row)

    def activate_binding(self, port_id: str, host: str) -> None:
        """Let a port be active on another host that it is bound to."""
        self._bindings.activate(port_id, host)

    def delete_binding(self, port_id: str, host: str) -> None:
        """Unbind a port from a host where it is not active."""
        self._bindings.delete(port_id, host)
