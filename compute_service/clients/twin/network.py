"""The networking API, version 2.0, over a network service in memory. Development only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.fake.network_tables import QUOTA_DEFAULTS
from compute_service.clients.neutron_api import (
    AddressInUse,
    InUse,
    NoAddress,
    RevisionLost,
)
from compute_service.clients.twin.network_resources import collections_of
from compute_service.clients.twin.router import Answer, Request, Route, Router
from compute_service.domain.context import Context
from compute_service.domain.errors import (
    ComputeError,
    Conflict,
    Forbidden,
    HostRejected,
    Invalid,
    NotFound,
    OverQuota,
)

ALIASES = {
    "agent",
    "availability_zone",
    "binding",
    "dhcp_agent_scheduler",
    "external-net",
    "net-mtu",
    "port-security",
    "project-id",
    "provider",
    "quotas",
    "security-group",
    "standard-attr-description",
    "standard-attr-revisions",
    "standard-attr-timestamp",
    "subnet_allocation",
}
"""The extensions that every such service says it has."""
_TYPES: tuple[tuple[type[ComputeError], str], ...] = (
    (OverQuota, "OverQuota"),
    (AddressInUse, "IpAddressAlreadyAllocated"),
    (NoAddress, "IpAddressGenerationFailure"),
    (InUse, "NetworkInUse"),
    (RevisionLost, "RevisionNumberConstraintFailed"),
    (HostRejected, "PortBindingError"),
    (NotFound, "NotFound"),
    (Forbidden, "PolicyNotAuthorized"),
    (Invalid, "InvalidInput"),
    (Conflict, "Conflict"),
)
_STATUSES: dict[type[ComputeError], int] = {OverQuota: 409, RevisionLost: 412}


def network_app(network: FakeNetwork) -> Router:
    """Return the WSGI application; a check of tokens must stand before it."""
    return Router(_Networking(network).routes(), _error)


class _Networking:
    """The handlers."""

    def __init__(self, network: FakeNetwork) -> None:
        self._network = network
        self._tables = network.tables
        self._plane = network.plane
        self._collections = collections_of(network)

    def routes(self) -> list[Route]:
        """Return the table."""
        return [
            Route("GET", "/", self.versions),
            Route("GET", "/v2.0", self.resources),
            Route("GET", "/v2.0/extensions", self.extensions),
            Route("GET", "/v2.0/extensions/{alias}", self.extension),
            Route("GET", "/v2.0/quotas/{project_id}", self.quota),
            Route("GET", "/v2.0/quotas/{project_id}/default", self.quota_default),
            Route("GET", "/v2.0/quotas/{project_id}/details.json", self.quota_details),
            Route("PUT", "/v2.0/quotas/{project_id}", self.set_quota),
            Route("DELETE", "/v2.0/quotas/{project_id}", self.reset_quota),
            Route("GET", "/v2.0/auto-allocated-topology/{project_id}", self.auto_network),
            Route("GET", "/v2.0/agents", _nothing("agents")),
            Route("GET", "/v2.0/subnetpools", _nothing("subnetpools")),
            Route("GET", "/v2.0/address-groups", _nothing("address_groups")),
            Route("GET", "/v2.0/availability_zones", self.zones),
            *(route for collection in self._collections for route in collection.routes()),
        ]

    def versions(self, request: Request) -> Answer:
        """GET / : which versions there are."""
        links = [{"rel": "self", "href": f"{request.root}/v2.0/"}]
        return Answer({"versions": [{"id": "v2.0", "status": "CURRENT", "links": links}]})

    def resources(self, request: Request) -> Answer:
        """GET /v2.0."""
        rows = [
            {
                "name": collection.noun,
                "collection": collection.plural,
                "links": [{"rel": "self", "href": f"{request.root}{collection.path}"}],
            }
            for collection in self._collections
        ]
        return Answer({"resources": rows})

    def extensions(self, request: Request) -> Answer:
        """GET /v2.0/extensions."""
        return Answer({"extensions": [_extension(alias) for alias in sorted(self._aliases())]})

    def extension(self, request: Request, alias: str) -> Answer:
        """GET /v2.0/extensions/{alias}."""
        if alias not in self._aliases():
            raise NotFound(f"Extension with alias {alias} does not exist")
        return Answer({"extension": _extension(alias)})

    def _aliases(self) -> set[str]:
        return ALIASES | self._network.extensions

    def quota(self, request: Request, project_id: str) -> Answer:
        """GET /v2.0/quotas/{project}."""
        _check_project(request.ctx, project_id)
        return Answer({"quota": self._tables.limits(project_id)})

    def quota_default(self, request: Request, project_id: str) -> Answer:
        """GET /v2.0/quotas/{project}/default."""
        return Answer({"quota": QUOTA_DEFAULTS})

    def quota_details(self, request: Request, project_id: str) -> Answer:
        """GET /v2.0/quotas/{project}/details.json."""
        _check_project(request.ctx, project_id)
        tables = {collection.noun: collection.table for collection in self._collections}
        details = {
            name: {
                "limit": limit,
                "used": sum(1 for row in list(tables[name].values()) if row.project_id == project_id),
                "reserved": 0,
            }
            for name, limit in self._tables.limits(project_id).items()
        }
        return Answer({"quota": details})

    def set_quota(self, request: Request, project_id: str) -> Answer:
        """PUT /v2.0/quotas/{project}."""
        _check_admin(request.ctx)
        given = request.member("quota")
        wanted = {name: limit for name, limit in given.items() if name not in ("check_limit", "force")}
        for name, limit in wanted.items():
            if name not in QUOTA_DEFAULTS or not isinstance(limit, int) or limit < -1:
                raise Invalid(f"Invalid input for {name}: {limit!r}.")
        with self._tables.lock:
            self._tables.quotas[project_id] = {**self._tables.quotas.get(project_id, {}), **wanted}
        return Answer({"quota": self._tables.limits(project_id)})

    def reset_quota(self, request: Request, project_id: str) -> Answer:
        """DELETE /v2.0/quotas/{project}."""
        _check_admin(request.ctx)
        with self._tables.lock:
            self._tables.quotas.pop(project_id, None)
        return Answer(None, 204)

    def auto_network(self, request: Request, project_id: str) -> Answer:
        """GET /v2.0/auto-allocated-topology/{project}."""
        _check_project(request.ctx, project_id)
        if not self._plane.auto_allocation:
            raise Conflict("Deployment error: No default router:external network.")
        dry = ("fields", "dry-run") in request.query
        found = "dry-run=pass" if dry else self._plane.auto_network(project_id).id
        return Answer({"auto_allocated_topology": {"id": found, "tenant_id": project_id}})

    def zones(self, request: Request) -> Answer:
        """GET /v2.0/availability_zones."""
        rows = [{"name": "nova", "resource": kind, "state": "available"} for kind in ("network", "router")]
        return Answer({"availability_zones": rows})


def _nothing(noun: str) -> Callable[[Request], Answer]:
    def index(request: Request) -> Answer:
        return Answer({noun: []})

    return index


def _extension(alias: str) -> dict[str, Any]:
    name = alias.replace("_", " ").replace("-", " ").title()
    return {
        "alias": alias,
        "name": name,
        "description": "",
        "updated": "2020-01-01T00:00:00-00:00",
        "links": [],
    }


def _check_project(ctx: Context, project_id: str) -> None:
    if project_id != ctx.project_id and not ctx.is_admin:
        raise NotFound(f"Quota of project {project_id} could not be found.")


def _check_admin(ctx: Context) -> None:
    if not ctx.is_admin:
        raise Forbidden("Only admins may do this.")


def _error(error: ComputeError) -> Answer:
    kind = next((name for cls, name in _TYPES if isinstance(error, cls)), type(error).__name__)
    status = next((code for cls, code in _STATUSES.items() if isinstance(error, cls)), error.status)
    body = {"type": kind, "message": error.message, "detail": ""}
    return Answer({"NeutronError": body}, status)
