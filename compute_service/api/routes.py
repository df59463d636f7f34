"""THE table of the Compute API: method, path, handler, permission, body, query, reply, window of versions.

A resource keeps its rows in its own package (`flavors/routes.py`), next to its bodies, views and handlers;
here they are put together.

Still to come, each as such a package with its rows: volume attachments, shares, assisted volume snapshots,
and the proxies of volumes, snapshots and bare metal that end at 2.35.
"""

from __future__ import annotations

from compute_service.api import discovery
from compute_service.api.aggregates import routes as aggregates
from compute_service.api.audit_log import routes as audit_log
from compute_service.api.console_tokens import routes as console_tokens
from compute_service.api.events import routes as events
from compute_service.api.extensions import routes as extensions
from compute_service.api.flavors import routes as flavors
from compute_service.api.gone import GONE
from compute_service.api.hypervisors import routes as hypervisors
from compute_service.api.images import routes as images
from compute_service.api.keypairs import routes as keypairs
from compute_service.api.migrations import routes as migrations
from compute_service.api.networks import routes as networks
from compute_service.api.os_hosts import routes as os_hosts
from compute_service.api.policies import ALL
from compute_service.api.policies.rule import Rule
from compute_service.api.query import Query
from compute_service.api.quotas import routes as quotas
from compute_service.api.request import Loader
from compute_service.api.security_groups import routes as security_groups
from compute_service.api.server_groups import routes as server_groups
from compute_service.api.servers import routes as servers
from compute_service.api.servers.handlers import load_server
from compute_service.api.services import routes as services
from compute_service.api.table import Get, Route, Table, alias
from compute_service.api.usage import routes as usage
from compute_service.api.zones import routes as zones

VERSIONS: tuple[Route, ...] = (
    Get("/", discovery.own_version, query=None, reply=discovery.VersionDocument),
    Get("/versions/{version_id}", discovery.named_version, query=Query, reply=discovery.VersionDocument),
)

VOLUMES_BOOT: tuple[Route, ...] = alias(
    "/os-volumes_boot",
    "/servers",
    (row for row in servers.ROUTES if row.path.count("/") < 3 or row.action in servers.CORE_ACTIONS),
    until="2.102",
)
"""Servers under another name, undocumented and gone from 2.103 on."""

ROUTES: tuple[Route, ...] = (
    *VERSIONS,
    *servers.ROUTES,
    *VOLUMES_BOOT,
    *flavors.ROUTES,
    *keypairs.ROUTES,
    *quotas.ROUTES,
    *usage.ROUTES,
    *events.ROUTES,
    *extensions.ROUTES,
    *server_groups.ROUTES,
    *aggregates.ROUTES,
    *zones.ROUTES,
    *services.ROUTES,
    *hypervisors.ROUTES,
    *migrations.ROUTES,
    *console_tokens.ROUTES,
    *os_hosts.ROUTES,
    *images.ROUTES,
    *audit_log.ROUTES,
    *networks.ROUTES,
    *security_groups.ROUTES,
    *GONE,
)
"""Every row."""

LOADERS: dict[str, Loader] = {"server_id": load_server}
"""What a named part of a path fetches before the policy is asked."""

TABLE = Table(ROUTES, LOADERS)
RULES: tuple[Rule, ...] = ALL
"""Every permission."""
