"""Permissions of server groups."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_P = "os_compute_api:os-server-groups:"
_ALL = "/os-server-groups"
_ONE = "/os-server-groups/{group_id}"

INDEX = Rule(f"{_P}index", Grant.READER, "List server groups.", (f"GET {_ALL}",))
INDEX_ALL_PROJECTS = Rule(
    f"{_P}index:all_projects", Grant.ADMIN, "List the server groups of all projects.", (f"GET {_ALL}",)
)
CREATE = Rule(f"{_P}create", Grant.MEMBER, "Create a server group.", (f"POST {_ALL}",))
SHOW = Rule(f"{_P}show", Grant.READER, "Show a server group.", (f"GET {_ONE}",))
DELETE = Rule(f"{_P}delete", Grant.MEMBER, "Delete a server group.", (f"DELETE {_ONE}",))

RULES = rules_in(globals())
