"""Permissions of security groups."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_P = "os_compute_api:os-security-groups:"
_ALL, _ONE = "/os-security-groups", "/os-security-groups/{id}"
_RULES = "/os-security-group-rules"
_ACTION = "POST /servers/{server_id}/action"

INDEX = Rule(f"{_P}get", Grant.READER, "List security groups.", (f"GET {_ALL}",))
SHOW = Rule(f"{_P}show", Grant.READER, "Show a security group.", (f"GET {_ONE}",))
CREATE = Rule(f"{_P}create", Grant.MEMBER, "Create a security group.", (f"POST {_ALL}",))
UPDATE = Rule(f"{_P}update", Grant.MEMBER, "Change a security group.", (f"PUT {_ONE}",))
DELETE = Rule(f"{_P}delete", Grant.MEMBER, "Delete a security group.", (f"DELETE {_ONE}",))
CREATE_RULE = Rule(f"{_P}rule:create", Grant.MEMBER, "Add a rule to a security group.", (f"POST {_RULES}",))
DELETE_RULE = Rule(
    f"{_P}rule:delete", Grant.MEMBER, "Remove a rule of a security group.", (f"DELETE {_RULES}/{{id}}",)
)
OF_SERVER = Rule(
    f"{_P}list",
    Grant.READER,
    "List the security groups of a server.",
    ("GET /servers/{server_id}/os-security-groups",),
)
ADD = Rule(
    f"{_P}add", Grant.MEMBER, "Put a server into a security group.", (f"{_ACTION} (addSecurityGroup)",)
)
REMOVE = Rule(
    f"{_P}remove",
    Grant.MEMBER,
    "Take a server out of a security group.",
    (f"{_ACTION} (removeSecurityGroup)",),
)

RULES = rules_in(globals())
