"""Permissions of quotas, limits and usage."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_SETS = "os_compute_api:os-quota-sets:"
_CLASSES = "os_compute_api:os-quota-class-sets:"
_USAGE = "os_compute_api:os-simple-tenant-usage:"

LIMITS = Rule("os_compute_api:limits", Grant.ANY, "Show one's own project's limits.", ("GET /limits",))
LIMITS_OTHER = Rule(
    "os_compute_api:limits:other_project", Grant.ADMIN, "Show another project's limits.", ("GET /limits",)
)
SHOW = Rule(f"{_SETS}show", Grant.READER, "Show a project's quotas.", ("GET /os-quota-sets/{project_id}",))
DETAIL = Rule(
    f"{_SETS}detail",
    Grant.READER,
    "Show a project's quotas with what is in use.",
    ("GET /os-quota-sets/{project_id}/detail",),
)
DEFAULTS = Rule(
    f"{_SETS}defaults", Grant.ANY, "Show the default quotas.", ("GET /os-quota-sets/{project_id}/defaults",)
)
UPDATE = Rule(f"{_SETS}update", Grant.ADMIN, "Set quotas.", ("PUT /os-quota-sets/{project_id}",))
DELETE = Rule(f"{_SETS}delete", Grant.ADMIN, "Take set quotas back.", ("DELETE /os-quota-sets/{project_id}",))
CLASS_SHOW = Rule(
    f"{_CLASSES}show", Grant.ADMIN, "Show a quota class.", ("GET /os-quota-class-sets/{class_name}",)
)
CLASS_UPDATE = Rule(
    f"{_CLASSES}update", Grant.ADMIN, "Set a quota class.", ("PUT /os-quota-class-sets/{class_name}",)
)
USAGE_LIST = Rule(
    f"{_USAGE}list", Grant.ADMIN, "List every project's usage.", ("GET /os-simple-tenant-usage",)
)
USAGE_SHOW = Rule(
    f"{_USAGE}show", Grant.READER, "Show a project's usage.", ("GET /os-simple-tenant-usage/{project_id}",)
)

RULES = rules_in(globals())
