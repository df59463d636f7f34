"""Permissions of the services that make up the compute service."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_P = "os_compute_api:os-services:"

LIST = Rule(f"{_P}list", Grant.ADMIN, "List services.", ("GET /os-services",))
UPDATE = Rule(
    f"{_P}update",
    Grant.ADMIN,
    "Enable, disable or force down a compute service.",
    (
        "PUT /os-services/enable",
        "PUT /os-services/disable",
        "PUT /os-services/disable-log-reason",
        "PUT /os-services/force-down",
        "PUT /os-services/{service_id}",
    ),
)
DELETE = Rule(f"{_P}delete", Grant.ADMIN, "Delete a service.", ("DELETE /os-services/{service_id}",))

RULES = rules_in(globals())
