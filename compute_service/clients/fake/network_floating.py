"""Floating addresses and routers of the in-memory network service."""

from __future__ import annotations

from collections.abc import Callable

from compute_service.clients.fake.network_plane import NetworkPlane
from compute_service.clients.fake.network_tables import Tables
from compute_service.clients.neutron_api import InUse
from compute_service.clients.neutron_rows import Address, FloatingIpRow, PortRow, RouterRow
from compute_service.domain.errors import Conflict, Invalid


class FloatingIps:
    """Floating addresses, which lead from an external network to a port, and bare routers.

    `changed` is told each device (a server's UUID) whose floating addresses have changed."""

    def __init__(self, tables: Tables, plane: NetworkPlane) -> None:
        self.tables = tables
        self.plane = plane
        self.changed: Callable[[str], None] = _nobody

    def create(self, row: FloatingIpRow) -> FloatingIpRow:
        """Take an address of an external network, and lead it to `row.port_id` if that is given.

        Raises NotFound, Invalid, OverQuota, NoAddress."""
        with self.tables.lock:
            network = self.tables.get(self.tables.networks, row.floating_network_id, "Network")
            if not network.external:
                raise Invalid(f"Network {network.id} is not a valid external network.")
            self.tables.check_quota("floatingip", self.tables.floating_ips, row.project_id)
            address = self.plane.take_address(network.id)
            made = self.tables.insert(
                self.tables.floating_ips,
                row.replace(floating_ip_address=address.ip_address, port_id=None, fixed_ip_address=None),
            )
        return self.associate(made.id, row.port_id, row.fixed_ip_address) if row.port_id else made

    def associate(self, floating_id: str, port_id: str | None, fixed: str | None = None) -> FloatingIpRow:
        """Lead an address to a port, or to none. Raises NotFound, Invalid, Conflict (another leads there)."""
        with self.tables.lock:
            row = self.tables.get(self.tables.floating_ips, floating_id, "Floating IP")
            touched = self._devices(row.port_id, port_id)
            target = {"port_id": None, "fixed_ip_address": None, "status": "DOWN"}
            if port_id is not None:
                address = self._free_address(floating_id, port_id, fixed)
                target = {"port_id": port_id, "fixed_ip_address": address, "status": "ACTIVE"}
            led = self.tables.update(self.tables.floating_ips, row, target)
        self._tell(touched)
        return led

    def delete(self, floating_id: str) -> None:
        """Give an address back. Raises NotFound."""
        with self.tables.lock:
            row = self.tables.get(self.tables.floating_ips, floating_id, "Floating IP")
            touched = self._devices(row.port_id)
            for subnet in self.plane.subnets_of(row.floating_network_id):
                self.plane.give_back(Address(subnet_id=subnet.id, ip_address=row.floating_ip_address))
            del self.tables.floating_ips[floating_id]
        self._tell(touched)

    def create_router(self, row: RouterRow) -> RouterRow:
        """Make a router. Raises OverQuota."""
        with self.tables.lock:
            self.tables.check_quota("router", self.tables.routers, row.project_id)
            return self.tables.insert(self.tables.routers, row)

    def delete_router(self, router_id: str) -> None:
        """Delete a router. Raises NotFound, InUse."""
        with self.tables.lock:
            self.tables.get(self.tables.routers, router_id, "Router")
            if self.plane.ports_of(router_id):
                raise InUse(f"Router {router_id} still has ports")
            del self.tables.routers[router_id]

    def _free_address(self, floating_id: str, port_id: str, wanted: str | None) -> str:
        """Return the fixed address of a port to lead to."""
        port = self.tables.get(self.tables.ports, port_id, "Port")
        address = _fixed(port, wanted)
        others = [
            f
            for f in self.tables.floating_ips.values()
            if (f.port_id, f.fixed_ip_address) == (port_id, address) and f.id != floating_id
        ]
        if others:
            raise Conflict(f"Cannot associate a second floating IP with {address} of port {port_id}.")
        return address

    def _devices(self, *port_ids: str | None) -> set[str]:
        """Return whose ports these are."""
        ports = (self.tables.ports.get(port_id) for port_id in port_ids if port_id)
        return {port.device_id for port in ports if port is not None and port.device_id}

    def _tell(self, devices: set[str]) -> None:
        for device in devices:
            self.changed(device)


def _nobody(_device: str) -> None:
    """Tell nobody."""


def _fixed(port: PortRow, wanted: str | None) -> str:
    addresses = [address.ip_address for address in port.fixed_ips if ":" not in address.ip_address]
    if not addresses:
        raise Invalid(f"Port {port.id} has no fixed IPv4 address.")
    if wanted is not None and wanted not in addresses:
        raise Invalid(f"Port {port.id} does not have fixed IP {wanted}.")
    return wanted or addresses[0]
