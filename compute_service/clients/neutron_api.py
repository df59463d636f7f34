"""The network service's API as calls: what `NeutronNetwork` is built on, over HTTP or in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

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
from compute_service.domain.errors import Conflict

R = TypeVar("R", bound=Row)

Filters = Mapping[str, object]
"""Field (by its name in the body) → the value, or a list of values of which one must match."""

BULK_TAGS = "tag-ports-during-bulk-creation"
DNS = "dns-integration"
REVISIONS = "revision-if-match"
AUTO_ALLOCATION = "auto-allocated-topology"
FLOATING = "router"
QUOTA_DETAILS = "quota_details"
TAGS = "standard-attr-tag"
SEVERAL_BINDINGS = "binding-extended"


class InUse(Conflict):
    """Something hangs on what was to be removed or changed."""


class AddressInUse(Conflict):
    """The address asked for belongs to another port."""


class NoAddress(Conflict):
    """A network has no address left."""


class RevisionLost(Conflict):
    """A row changed since the writer read it."""


class NetworkApi(Protocol):
    """Calls to the network service. With a context they are made as that user, and the user sees what that
    user may; without one as the service. Errors: Invalid, NotFound, Forbidden, OverQuota, Conflict and the
    classes above, Unavailable."""

    def extensions(self) -> frozenset[str]:
        """Return the aliases of the extensions that the service has."""

    def networks(self, filters: Filters, ctx: Context | None = None) -> list[NetworkRow]:
        """Return networks that match."""

    def subnets(self, filters: Filters) -> list[SubnetRow]:
        """Return subnets that match."""

    def ports(self, filters: Filters, ctx: Context | None = None) -> list[PortRow]:
        """Return ports that match; `fixed_ips` is matched as `ip_address=…`."""

    def security_groups(self, ctx: Context) -> list[SecurityGroupRow]:
        """Return the groups of the context's project."""

    def floating_ips(self, port_ids: Sequence[str]) -> list[FloatingIpRow]:
        """Return the floating addresses that lead to these ports."""

    def port_room(self, project_id: str) -> int | None:
        """Return how many more ports a project may have; None is unlimited."""

    def auto_network(self, project_id: str, dry_run: bool) -> str | None:
        """Return the project's network made on request; with `dry_run` only tell (by an error) if it could
        not be made. Raises Conflict."""

    def create_ports(self, rows: Sequence[PortRow]) -> list[PortRow]:
        """Make all these ports or none, in this order."""

    def update_port(self, port_id: str, changes: Mapping[str, Any], seen: PortRow | None = None) -> PortRow:
        """Change fields of a port (named as in the row). With `seen`, only while it is what it was then."""

    def delete_port(self, port_id: str) -> None:
        """Delete a port. Raises NotFound."""

    def bindings(self, port_id: str) -> list[BindingRow]:
        """Return how a port is bound, to any host. Raises NotFound."""

    def create_binding(self, port_id: str, row: BindingRow) -> BindingRow:
        """Bind a port to one more host, where it is not active yet. Raises NotFound, Conflict (it is bound
        there), HostRejected (it cannot be)."""

    def activate_binding(self, port_id: str, host: str) -> None:
        """Let a port be active on another host that it is bound to. Raises NotFound, Conflict (it is)."""

    def delete_binding(self, port_id: str, host: str) -> None:
        """Unbind a port from a host where it is not active. Raises NotFound."""


def visible(row: Row, ctx: Context) -> bool:
    """Tell whether a user sees a resource: an admin all, others their project's, shared and external ones."""
    if ctx.is_admin or row.project_id == ctx.project_id:
        return True
    return bool(getattr(row, "shared", False) or getattr(row, "external", False))


def matching(rows: Iterable[R], filters: Filters) -> list[R]:
    """Return the rows that match filters."""
    if not filters:
        return list(rows)
    return [row for row in rows if matches(msgspec.to_builtins(row), filters)]


def matches(body: Mapping[str, Any], filters: Filters) -> bool:
    """Tell whether a resource's body matches filters, as the service's list calls do."""
    for name, wanted in filters.items():
        values = wanted if isinstance(wanted, list | tuple) else [wanted]
        if not any(_matches_one(body.get(name), value) for value in values):
            return False
    return True


def _matches_one(have: object, wanted: object) -> bool:
    if isinstance(have, list | tuple):
        texts = [
            f"{key}={value}" for entry in have if isinstance(entry, dict) for key, value in entry.items()
        ]
        return str(wanted) in texts or wanted in have
    if isinstance(have, bool):
        return str(have).lower() == str(wanted).lower()
    return str(have if have is not None else "") == str(wanted)
