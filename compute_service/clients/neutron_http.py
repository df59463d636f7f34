"""The network service's API over HTTP. Source: Networking API reference, version 2.0."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import requests

from compute_service.clients.http import Query, Reach, RestClient, part
from compute_service.clients.neutron_api import (
    BULK_TAGS,
    FLOATING,
    QUOTA_DETAILS,
    REVISIONS,
    TAGS,
    AddressInUse,
    Filters,
    InUse,
    NoAddress,
    RevisionLost,
    visible,
)
from compute_service.clients.neutron_rows import (
    BindingRow,
    FloatingIpRow,
    NetworkRow,
    PortRow,
    Row,
    SecurityGroupRow,
    SubnetRow,
)
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError, HostRejected, OverQuota
from compute_service.domain.record import Record

R = TypeVar("R", bound=Row)
T = TypeVar("T", bound=Record)

IDS_A_CALL = 50
"""Most identifiers in the query of one call: addresses have a greatest length."""
NETWORK_ERRORS: dict[str, type[ComputeError]] = {
    "OverQuota": OverQuota,
    "IpAddressInUse": AddressInUse,
    "IpAddressAlreadyAllocated": AddressInUse,
    "IpAddressGenerationFailure": NoAddress,
    "NetworkInUse": InUse,
    "SubnetInUse": InUse,
    "SecurityGroupInUse": InUse,
    "RevisionNumberConstraintFailed": RevisionLost,
    "PortBindingError": HostRejected,
}
"""What the service calls an error → ours."""


class HttpNetworkApi:
    """`NetworkApi` over HTTP. The list of extensions is believed for `extensions_for` seconds."""

    def __init__(self, reach: Reach, extensions_for: float = 600.0) -> None:
        self._rest = RestClient(reach, error_of=network_error)
        self._clock = reach.clock
        self._extensions_for = extensions_for
        self._lock = threading.Lock()
        self._extensions: frozenset[str] = frozenset()
        self._extensions_until = 0.0

    def extensions(self) -> frozenset[str]:
        """Return the aliases of the extensions that the service has."""
        with self._lock:
            if self._clock.time() >= self._extensions_until:
                body = self._rest.json("GET", "/v2.0/extensions")
                self._extensions = frozenset(entry["alias"] for entry in body["extensions"])
                self._extensions_until = self._clock.time() + self._extensions_for
            return self._extensions

    def networks(self, filters: Filters, ctx: Context | None = None) -> list[NetworkRow]:
        """Return networks that match."""
        return self._list("networks", NetworkRow, filters, ctx)

    def subnets(self, filters: Filters) -> list[SubnetRow]:
        """Return subnets that match."""
        return self._list("subnets", SubnetRow, filters, None)

    def ports(self, filters: Filters, ctx: Context | None = None) -> list[PortRow]:
        """Return ports that match."""
        return self._list("ports", PortRow, filters, ctx)

    def security_groups(self, ctx: Context) -> list[SecurityGroupRow]:
        """Return the groups of the context's project."""
        return self._list("security_groups", SecurityGroupRow, {"project_id": ctx.project_id}, ctx)

    def floating_ips(self, port_ids: Sequence[str]) -> list[FloatingIpRow]:
        """Return the floating addresses that lead to these ports; none where there are no routers."""
        if FLOATING not in self.extensions():
            return []
        return self._list("floatingips", FloatingIpRow, {"port_id": port_ids}, None)

    def port_room(self, project_id: str) -> int | None:
        """Return how many more ports a project may have; None is unlimited."""
        if QUOTA_DETAILS in self.extensions():
            body = self._rest.json("GET", f"/v2.0/quotas/{part(project_id)}/details.json")
            details = body["quota"]["port"]
            limit, used = int(details["limit"]), int(details["used"]) + int(details.get("reserved", 0))
        else:
            limit = int(self._rest.json("GET", f"/v2.0/quotas/{part(project_id)}")["quota"]["port"])
            query = [("project_id", project_id), ("fields", "id")]
            used = len(self._rest.json("GET", "/v2.0/ports", query=query)["ports"]) if limit >= 0 else 0
        return None if limit < 0 else limit - used

    def auto_network(self, project_id: str, dry_run: bool) -> str | None:
        """Return the project's network made on request. Raises Conflict."""
        query = [("fields", "dry-run")] if dry_run else []
        body = self._rest.json("GET", f"/v2.0/auto-allocated-topology/{part(project_id)}", query=query)
        return None if dry_run else str(body["auto_allocated_topology"]["id"])

    def create_ports(self, rows: Sequence[PortRow]) -> list[PortRow]:
        """Make all these ports or none, in this order."""
        if not rows:
            return []
        tagged = BULK_TAGS in self.extensions()
        bodies = [_new_body(row, tagged) for row in rows]
        answer = self._rest.json("POST", "/v2.0/ports", body={"ports": bodies})
        made = [_row(PortRow, entry) for entry in answer["ports"]]
        if tagged or TAGS not in self.extensions():
            return made
        for port, row in zip(made, rows, strict=True):
            self._rest.call("PUT", f"/v2.0/ports/{part(port.id)}/tags", body={"tags": row.tags})
        return [port.replace(tags=row.tags) for port, row in zip(made, rows, strict=True)]

    def update_port(self, port_id: str, changes: Mapping[str, Any], seen: PortRow | None = None) -> PortRow:
        """Change fields of a port. Raises RevisionLost when it is not what `seen` says any more."""
        headers = {}
        if seen is not None and REVISIONS in self.extensions():
            headers["If-Match"] = f"revision_number={seen.revision_number}"
        names = _wire_names(PortRow)
        body = {"port": {names[name]: value for name, value in changes.items()}}
        answer = self._rest.json("PUT", f"/v2.0/ports/{part(port_id)}", body=body, headers=headers)
        return _row(PortRow, answer["port"])

    def delete_port(self, port_id: str) -> None:
        """Delete a port. Raises NotFound."""
        self._rest.call("DELETE", f"/v2.0/ports/{part(port_id)}")

    def bindings(self, port_id: str) -> list[BindingRow]:
        """Return how a port is bound, to any host. Raises NotFound."""
        answer = self._rest.json("GET", _bindings(port_id))
        return [_row(BindingRow, entry) for entry in answer["bindings"]]

    def create_binding(self, port_id: str, row: BindingRow) -> BindingRow:
        """Bind a port to one more host, where it is not active. Raises NotFound, Conflict, HostRejected."""
        wanted = {"host": row.host, "vnic_type": row.vnic_type, "profile": row.profile}
        answer = self._rest.json("POST", _bindings(port_id), body={"binding": wanted})
        return _row(BindingRow, answer["binding"])

    def activate_binding(self, port_id: str, host: str) -> None:
        """Let a port be active on another host that it is bound to. Raises NotFound, Conflict (it is)."""
        self._rest.call("PUT", f"{_bindings(port_id)}/{part(host)}/activate")

    def delete_binding(self, port_id: str, host: str) -> None:
        """Unbind a port from a host where it is not active. Raises NotFound."""
        self._rest.call("DELETE", f"{_bindings(port_id)}/{part(host)}")

    def _list(self, noun: str, kind: type[R], filters: Filters, ctx: Context | None) -> list[R]:
        rows = [
            _row(kind, entry)
            for query in _queries(filters)
            for entry in self._rest.json("GET", f"/v2.0/{noun.replace('_', '-')}", query=query, ctx=ctx)[noun]
        ]
        if ctx is None or ctx.token is not None:
            return rows
        return [row for row in rows if visible(row, ctx)]


def _bindings(port_id: str) -> str:
    return f"/v2.0/ports/{part(port_id)}/bindings"


def _queries(filters: Filters) -> Iterable[Query]:
    """Yield the queries that together ask for all that filters name; only one filter is a long list."""
    single = [(name, str(value)) for name, value in filters.items() if not isinstance(value, list | tuple)]
    many = [(name, value) for name, value in filters.items() if isinstance(value, list | tuple)]
    if not many:
        yield single
    for name, values in many:
        for at in range(0, len(values), IDS_A_CALL):
            yield [*single, *((name, str(value)) for value in values[at : at + IDS_A_CALL])]


def _row(kind: type[T], body: Mapping[str, Any]) -> T:
    return msgspec.convert({name: value for name, value in body.items() if value is not None}, kind)


def _wire_names(kind: type[Row]) -> dict[str, str]:
    return {field.name: field.encode_name for field in msgspec.structs.fields(kind)}


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _new_body(row: PortRow, tagged: bool) -> dict[str, Any]:
    """Return what a new port's row says beyond the defaults."""
    body: dict[str, Any] = {
        field.encode_name: msgspec.to_builtins(getattr(row, field.name))
        for field in msgspec.structs.fields(PortRow)
        if getattr(row, field.name) != _default(field)
    }
    if "fixed_ips" in body:
        body["fixed_ips"] = [{k: v for k, v in entry.items() if v} for entry in body["fixed_ips"]]
    if not tagged:
        body.pop("tags", None)
    return body


def network_error(response: requests.Response, message: str) -> ComputeError | None:
    """Return what the service's own kind of error is in our terms, or None to go by the status."""
    if response.status_code == 412:
        return RevisionLost(message)
    try:
        kind = response.json()["NeutronError"]["type"]
    except (requests.JSONDecodeError, KeyError, TypeError):
        return None
    found = NETWORK_ERRORS.get(kind)
    return found(message) if found is not None else None
