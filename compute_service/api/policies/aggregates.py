"""Permissions of host aggregates."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_P = "os_compute_api:os-aggregates:"
_ALL = "/os-aggregates"
_ONE = "/os-aggregates/{aggregate_id}"
_ACT = f"POST {_ONE}/action"

INDEX = Rule(f"{_P}index", Grant.ADMIN, "List aggregates.", (f"GET {_ALL}",))
CREATE = Rule(f"{_P}create", Grant.ADMIN, "Create an aggregate.", (f"POST {_ALL}",))
SHOW = Rule(f"{_P}show", Grant.ADMIN, "Show an aggregate.", (f"GET {_ONE}",))
UPDATE = Rule(f"{_P}update", Grant.ADMIN, "Change an aggregate's name or zone.", (f"PUT {_ONE}",))
DELETE = Rule(f"{_P}delete", Grant.ADMIN, "Delete an aggregate.", (f"DELETE {_ONE}",))
ADD_HOST = Rule(f"{_P}add_host", Grant.ADMIN, "Put a host into an aggregate.", (f"{_ACT} (add_host)",))
REMOVE_HOST = Rule(
    f"{_P}remove_host", Grant.ADMIN, "Take a host out of an aggregate.", (f"{_ACT} (remove_host)",)
)
SET_METADATA = Rule(
    f"{_P}set_metadata", Grant.ADMIN, "Change an aggregate's metadata.", (f"{_ACT} (set_metadata)",)
)
IMAGES = Rule(
    "compute:aggregates:images",
    Grant.ADMIN,
    "Have the hosts of an aggregate fetch images ahead of use.",
    (f"POST {_ONE}/images",),
)

RULES = rules_in(globals())
