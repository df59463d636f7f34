"""The in-memory network service itself: networks, subnets and ports, as their owner sees them.

Both the `Network` port's fake and the HTTP twin stand on this.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from compute_service.clients.fake.addresses import completed, contains, free_addresses
from compute_service.clients.fake.network_security import SecurityGroups
from compute_service.clients.fake.network_tables import Tables
from compute_service.clients.neutron_api import AddressInUse, InUse, NoAddress, RevisionLost
from compute_service.clients.neutron_rows import Address, NetworkRow, PortRow, SubnetRow
from compute_service.domain.errors import Conflict, Invalid

MAC_PREFIX = "fa:16:3e"
VIF_TYPE = "ovs"
AUTO_NETWORK = "auto_allocated_network"
AUTO_CIDR = "192.168.231.0/26"


class NetworkPlane:
    """Networks, subnets and ports. A port that is bound to a host is active at once.

    `rejecting_hosts` are hosts on which no port can be bound; `vif_type` and `vif_details` are what all other
    hosts bind ports as; `auto_allocation` tells whether a project without a network can have one made.
    """

    def __init__(self, tables: Tables, groups: SecurityGroups) -> None:
        self.tables = tables
        self.groups = groups
        self.rejecting_hosts: set[str] = set()
        self.vif_type = VIF_TYPE
        self.vif_details: dict[str, Any] = {"port_filter": True}
        self.auto_allocation = True
        self._macs = itertools.count(1)
        self._cursor: dict[str, str] = {}
        self._taken: dict[str, set[str]] = {}
        """Subnet → addresses in use."""
        self._by_device: dict[str, dict[str, None]] = {}
        """Device → its ports, in the order in which it got them."""

    def create_network(self, row: NetworkRow) -> NetworkRow:
        """Make a network. Raises OverQuota."""
        with self.tables.lock:
            self.tables.check_quota("network", self.tables.networks, row.project_id)
            return self.tables.insert(self.tables.networks, row)

    def delete_network(self, network_id: str) -> None:
        """Delete a network and its subnets. Raises NotFound, InUse."""
        with self.tables.lock:
            self.tables.get(self.tables.networks, network_id, "Network")
            if any(port.network_id == network_id for port in self.tables.ports.values()):
                raise InUse(
                    f"Unable to complete operation on network {network_id}. "
                    "There are one or more ports still in use on the network."
                )
            for subnet in self.subnets_of(network_id):
                del self.tables.subnets[subnet.id]
            del self.tables.networks[network_id]

    def create_subnet(self, row: SubnetRow, gateway_given: bool = False) -> SubnetRow:
        """Make a subnet; without `gateway_given` its first address is the gateway.

        Raises Invalid, NotFound, OverQuota."""
        with self.tables.lock:
            self.tables.get(self.tables.networks, row.network_id, "Network")
            self.tables.check_quota("subnet", self.tables.subnets, row.project_id)
            made = self.tables.insert(self.tables.subnets, completed(row, gateway_given))
            self._note_subnets(row.network_id)
            return made

    def delete_subnet(self, subnet_id: str) -> None:
        """Delete a subnet. Raises NotFound, InUse."""
        with self.tables.lock:
            subnet = self.tables.get(self.tables.subnets, subnet_id, "Subnet")
            if self._taken.get(subnet_id):
                raise InUse(
                    f"Unable to complete operation on subnet {subnet_id}: "
                    "One or more ports have an IP allocation from this subnet."
                )
            del self.tables.subnets[subnet_id]
            self._note_subnets(subnet.network_id)

    def subnets_of(self, network_id: str) -> list[SubnetRow]:
        """Return a network's subnets."""
        with self.tables.lock:
            return [s for s in self.tables.subnets.values() if s.network_id == network_id]

    def auto_network(self, project_id: str) -> NetworkRow:
        """Return the network made for a project on request, making it first. Raises Conflict."""
        with self.tables.lock:
            for network in self.tables.networks.values():
                if network.project_id == project_id and network.name == AUTO_NETWORK:
                    return network
            if not self.auto_allocation:
                raise Conflict("Deployment error: No default router:external network.")
            made = self.create_network(NetworkRow(project_id=project_id, name=AUTO_NETWORK))
            self.create_subnet(
                SubnetRow(
                    project_id=project_id, network_id=made.id, name="auto_allocated_subnet_v4", cidr=AUTO_CIDR
                )
            )
            return made

    def create_ports(self, rows: Iterable[PortRow]) -> list[PortRow]:
        """Make all these ports, or none. An address without a subnet or a subnet without an address is
        completed; no addresses at all means one of each version. Raises OverQuota, NotFound, Invalid,
        AddressInUse, NoAddress."""
        rows = list(rows)
        made: list[PortRow] = []
        with self.tables.lock:
            for project_id in {row.project_id for row in rows}:
                more = sum(1 for row in rows if row.project_id == project_id)
                self.tables.check_quota("port", self.tables.ports, project_id, more)
            try:
                for row in rows:
                    made.append(self._create_port(row))
            except BaseException:
                for row in made:
                    self._remove_port(row)
                raise
            return made

    def update_port(self, port_id: str, changes: dict[str, Any], seen_revision: int | None = None) -> PortRow:
        """Change a port's fields (by their names in the row). Raises NotFound, RevisionLost, Invalid."""
        with self.tables.lock:
            seen = self.tables.get(self.tables.ports, port_id, "Port")
            if seen_revision not in (None, seen.revision_number):
                raise RevisionLost(f"Constrained to revision {seen_revision}, but current is another one.")
            if "security_groups" in changes:
                self.groups.check(changes["security_groups"])
            wanted = dict(changes)
            if "fixed_ips" in wanted and tuple(wanted["fixed_ips"]) != seen.fixed_ips:
                wanted["fixed_ips"] = self._readdress(seen, tuple(wanted["fixed_ips"]))
            if "host" in wanted and wanted["host"] != seen.host:
                wanted |= self.binding(wanted["host"])
                self.tables.bindings.get(port_id, {}).pop(wanted["host"], None)
            made = self.tables.update(self.tables.ports, seen, wanted)
            self._index(seen, made)
            return made

    def delete_port(self, port_id: str) -> None:
        """Delete a port and let go of its floating addresses. Raises NotFound."""
        with self.tables.lock:
            port = self.tables.get(self.tables.ports, port_id, "Port")
            for floating in list(self.tables.floating_ips.values()):
                if floating.port_id == port_id:
                    nothing = {"port_id": None, "fixed_ip_address": None, "status": "DOWN"}
                    self.tables.update(self.tables.floating_ips, floating, nothing)
            self._remove_port(port)

    def ports_of(self, device_id: str) -> list[PortRow]:
        """Return the ports of a device, in the order in which it got them."""
        with self.tables.lock:
            return [self.tables.ports[port_id] for port_id in self._by_device.get(device_id, ())]

    def take_address(self, network_id: str) -> Address:
        """Take the next free address of a network. Raises NoAddress."""
        with self.tables.lock:
            for subnet in self.subnets_of(network_id):
                address = self._next(subnet)
                if address is not None:
                    return self._take(subnet, address)
            raise NoAddress(f"No more IP addresses available on network {network_id}.")

    def give_back(self, address: Address) -> None:
        """Let go of a taken address."""
        with self.tables.lock:
            self._taken.get(address.subnet_id, set()).discard(address.ip_address)

    def address_in_use(self, network_id: str, address: str) -> bool:
        """Tell whether an address of a network is taken."""
        with self.tables.lock:
            return any(address in self._taken.get(s.id, ()) for s in self.subnets_of(network_id))

    def _note_subnets(self, network_id: str) -> None:
        network = self.tables.networks[network_id]
        subnets = tuple(subnet.id for subnet in self.subnets_of(network_id))
        self.tables.networks[network_id] = network.replace(subnets=subnets)

    def _create_port(self, row: PortRow) -> PortRow:
        self.tables.get(self.tables.networks, row.network_id, "Network")
        groups = row.security_groups
        if row.port_security_enabled and not groups:
            groups = (self.groups.default(row.project_id).id,)
        self.groups.check(groups)
        number = next(self._macs)
        mac = f"{MAC_PREFIX}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        wanted = row.replace(
            mac_address=row.mac_address or mac, security_groups=groups, **self.binding(row.host)
        )
        addressed = wanted.replace(fixed_ips=self._address(row.network_id, row.fixed_ips))
        made = self.tables.insert(self.tables.ports, addressed)
        self._index(None, made)
        return made

    def _remove_port(self, port: PortRow) -> None:
        for address in port.fixed_ips:
            self.give_back(address)
        self._by_device.get(port.device_id, {}).pop(port.id, None)
        self.tables.bindings.pop(port.id, None)
        del self.tables.ports[port.id]

    def _index(self, before: PortRow | None, after: PortRow) -> None:
        if before is not None and before.device_id == after.device_id:
            return
        if before is not None:
            self._by_device.get(before.device_id, {}).pop(before.id, None)
        if after.device_id:
            self._by_device.setdefault(after.device_id, {})[after.id] = None

    def binding(self, host: str) -> dict[str, Any]:
        """Return what a port says of itself when it is bound to a host."""
        if not host:
            return {"host": "", "vif_type": "unbound", "vif_details": {}, "status": "DOWN"}
        if host in self.rejecting_hosts:
            return {"host": host, "vif_type": "binding_failed", "vif_details": {}, "status": "DOWN"}
        details = dict(self.vif_details)
        return {"host": host, "vif_type": self.vif_type, "vif_details": details, "status": "ACTIVE"}

    def _readdress(self, port: PortRow, wanted: tuple[Address, ...]) -> tuple[Address, ...]:
        for address in port.fixed_ips:
            self.give_back(address)
        try:
            return self._address(port.network_id, wanted)
        except BaseException:
            for address in port.fixed_ips:
                self._taken[address.subnet_id].add(address.ip_address)
            raise

    def _address(self, network_id: str, wanted: tuple[Address, ...]) -> tuple[Address, ...]:
        """Take the addresses asked for, or by default one of each version that the network has."""
        subnets = self.subnets_of(network_id)
        if not wanted:
            versions = sorted({subnet.ip_version for subnet in subnets})
            choices = [[s for s in subnets if s.ip_version == version] for version in versions]
        else:
            choices = [self._choice(network_id, subnets, address) for address in wanted]
        asked = [address.ip_address for address in wanted] or [""] * len(choices)
        taken: list[Address] = []
        try:
            for candidates, ip in zip(choices, asked, strict=True):
                taken.append(self._pick(network_id, candidates, ip))
        except BaseException:
            for address in taken:
                self.give_back(address)
            raise
        return tuple(taken)

    def _choice(self, network_id: str, subnets: list[SubnetRow], wanted: Address) -> list[SubnetRow]:
        found = [s for s in subnets if wanted.subnet_id in ("", s.id)]
        if wanted.ip_address:
            _check_address(wanted.ip_address)
            found = [s for s in found if contains(s, wanted.ip_address)]
        if not found:
            asked = wanted.ip_address or wanted.subnet_id
            raise Invalid(f"{asked} is not of a subnet of network {network_id}.")
        return found

    def _pick(self, network_id: str, subnets: list[SubnetRow], ip: str) -> Address:
        for subnet in subnets:
            if ip and ip in self._taken.get(subnet.id, ()):
                raise AddressInUse(f"IP address {ip} already allocated in subnet {subnet.id}")
            address = ip or self._next(subnet)
            if address is not None:
                return self._take(subnet, address)
        raise NoAddress(f"No more IP addresses available on network {network_id}.")

    def _next(self, subnet: SubnetRow) -> str | None:
        taken = self._taken.get(subnet.id, set())
        return next(free_addresses(subnet, taken, self._cursor.get(subnet.id)), None)

    def _take(self, subnet: SubnetRow, address: str) -> Address:
        self._taken.setdefault(subnet.id, set()).add(address)
        self._cursor[subnet.id] = address
        return Address(subnet_id=subnet.id, ip_address=address)


def _check_address(text: str) -> None:
    try:
        ip_address(text)
    except ValueError as error:
        raise Invalid(f"'{text}' is not a valid IP address.") from error
