"""Who may do what: one file a resource, one `Rule` a permission, all of them in `ALL`.

Rule names and default roles are those of the Compute API, so that an operator's policy.yaml goes on working.
"""

from __future__ import annotations

from compute_service.api.policies import (
    aggregates,
    consoles,
    flavors,
    hosts,
    hypervisors,
    keypairs,
    migrations,
    networks,
    outside,
    quotas,
    security_groups,
    server_actions,
    server_groups,
    server_parts,
    servers,
    services,
    zones,
)
from compute_service.api.policies.rule import Rule

ALL: tuple[Rule, ...] = (
    *servers.RULES,
    *server_actions.RULES,
    *server_parts.RULES,
    *consoles.RULES,
    *flavors.RULES,
    *keypairs.RULES,
    *quotas.RULES,
    *outside.RULES,
    *server_groups.RULES,
    *aggregates.RULES,
    *zones.RULES,
    *services.RULES,
    *hypervisors.RULES,
    *migrations.RULES,
    *hosts.RULES,
    *security_groups.RULES,
    *networks.RULES,
)
"""Every permission there is."""
