"""Bindings of ports to further hosts, in memory."""

from __future__ import annotations

from compute_service.clients.fake.network_plane import NetworkPlane
from compute_service.clients.fake.network_tables import Tables
from compute_service.clients.neutron_bindings import BINDING_FAILED
from compute_service.clients.neutron_rows import BindingRow, PortRow
from compute_service.domain.errors import Conflict, HostRejected, NotFound


class PortBindings:
    """What a port is bound to beside the host where it is active. That one is part of the port itself."""

    def __init__(self, tables: Tables, plane: NetworkPlane) -> None:
        self._tables = tables
        self._plane = plane

    def all(self, port_id: str) -> list[BindingRow]:
        """Return a port's bindings, the active one first. Raises NotFound."""
        with self._tables.lock:
            port = self._port(port_id)
            active = [_active(port)] if port.host else []
            return active + list(self._tables.bindings.get(port_id, {}).values())

    def create(self, port_id: str, row: BindingRow) -> BindingRow:
        """Bind a port to one more host. Raises NotFound, Conflict, HostRejected."""
        with self._tables.lock:
            if any(have.host == row.host for have in self.all(port_id)):
                raise Conflict(f"Binding for port {port_id} on host {row.host} already exists.")
            bound = self._plane.binding(row.host)
            if bound["vif_type"] == BINDING_FAILED:
                raise HostRejected(f"Binding for port {port_id} on host {row.host} failed.")
            made = row.replace(
                vif_type=bound["vif_type"], vif_details=bound["vif_details"], status="INACTIVE"
            )
            self._tables.bindings.setdefault(port_id, {})[row.host] = made
            return made

    def activate(self, port_id: str, host: str) -> BindingRow:
        """Let a port be active on another of its hosts. Raises NotFound, Conflict."""
        with self._tables.lock:
            port = self._port(port_id)
            if port.host == host:
                raise Conflict(f"Binding for port {port_id} on host {host} is already active.")
            chosen = self._inactive(port_id, host)
            others = self._tables.bindings[port_id]
            before = _active(port).replace(status="INACTIVE")
            now = self._plane.update_port(port_id, {"host": host, "profile": chosen.profile})
            if before.host:
                others[before.host] = before
            return _active(now)

    def delete(self, port_id: str, host: str) -> None:
        """Unbind a port from a host. Raises NotFound."""
        with self._tables.lock:
            port = self._port(port_id)
            if port.host == host:
                self._plane.update_port(port_id, {"host": ""})
                return
            self._inactive(port_id, host)
            del self._tables.bindings[port_id][host]

    def _port(self, port_id: str) -> PortRow:
        return self._tables.get(self._tables.ports, port_id, "Port")

    def _inactive(self, port_id: str, host: str) -> BindingRow:
        found = self._tables.bindings.get(port_id, {}).get(host)
        if found is None:
            raise NotFound(f"Binding for port {port_id} for host {host} could not be found.")
        return found


def _active(port: PortRow) -> BindingRow:
    return BindingRow(
        host=port.host,
        vif_type=port.vif_type,
        vif_details=port.vif_details,
        vnic_type=port.vnic_type,
        profile=port.profile,
        status="ACTIVE",
    )
