"""Who may do what: one file a resource, one `Rule` a permission, all of them in `ALL`.

Rule names and default roles are those of the Compute API, so that an operator's policy.yaml goes on working.
"""

from __future__ import annotations

from compute_service.api.policies import (
    flavors,
    keypairs,
    outside,
    quotas,
    server_actions,
    server_parts,
    servers,
)
from compute_service.api.policies.rule import Rule

ALL: tuple[Rule, ...] = (
    *servers.RULES,
    *server_actions.RULES,
    *server_parts.RULES,
    *flavors.RULES,
    *keypairs.RULES,
    *quotas.RULES,
    *outside.RULES,
)
"""Every permission there is."""
