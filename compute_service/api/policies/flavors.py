"""Permissions of flavors, of access to them, and of their extra specs."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_MANAGE = "os_compute_api:os-flavor-manage:"
_ACCESS = "os_compute_api:os-flavor-access"
_SPECS = "os_compute_api:os-flavor-extra-specs:"
_F = "/flavors/{flavor_id}"

CREATE = Rule(f"{_MANAGE}create", Grant.ADMIN, "Create a flavor.", ("POST /flavors",))
UPDATE = Rule(f"{_MANAGE}update", Grant.ADMIN, "Change a flavor's description.", (f"PUT {_F}",))
DELETE = Rule(f"{_MANAGE}delete", Grant.ADMIN, "Delete a flavor.", (f"DELETE {_F}",))

ACCESS = Rule(
    _ACCESS, Grant.ADMIN, "List the projects that may use a private flavor.", (f"GET {_F}/os-flavor-access",)
)
ADD_ACCESS = Rule(
    f"{_ACCESS}:add_tenant_access",
    Grant.ADMIN,
    "Let a project use a private flavor.",
    (f"POST {_F}/action (addTenantAccess)",),
)
REMOVE_ACCESS = Rule(
    f"{_ACCESS}:remove_tenant_access",
    Grant.ADMIN,
    "Take a private flavor from a project.",
    (f"POST {_F}/action (removeTenantAccess)",),
)

SPECS_INDEX = Rule(
    f"{_SPECS}index",
    Grant.READER,
    "List a flavor's extra specs, or see them in the flavor.",
    (f"GET {_F}/os-extra_specs", "GET /flavors/detail", f"GET {_F}", "POST /flavors", f"PUT {_F}"),
)
SPECS_SHOW = Rule(
    f"{_SPECS}show", Grant.READER, "Show one extra spec of a flavor.", (f"GET {_F}/os-extra_specs/{{key}}",)
)
SPECS_CREATE = Rule(
    f"{_SPECS}create", Grant.ADMIN, "Add extra specs to a flavor.", (f"POST {_F}/os-extra_specs",)
)
SPECS_UPDATE = Rule(
    f"{_SPECS}update", Grant.ADMIN, "Change an extra spec of a flavor.", (f"PUT {_F}/os-extra_specs/{{key}}",)
)
SPECS_DELETE = Rule(
    f"{_SPECS}delete",
    Grant.ADMIN,
    "Remove an extra spec of a flavor.",
    (f"DELETE {_F}/os-extra_specs/{{key}}",),
)

RULES = rules_in(globals())
