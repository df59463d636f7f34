"""Permissions of limits, quotas and usage."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_SETS = "os_compute_api:os-quota-sets:"
_CLASSES = "os_compute_api:os-quota-class-sets:"
_USAGE = "os_compute_api:os-simple-tenant-usage:"
_SET = "/os-quota-sets/{project_id}"
_CLASS = "/os-quota-class-sets/{class_name}"

LIMITS = Rule("os_compute_api:limits", Grant.ANY, "Show the limits of the own project.", ("GET /limits",))
LIMITS_OTHER_PROJECT = Rule(
    "os_compute_api:limits:other_project", Grant.ADMIN, "Show the limits of another project.", ("GET /limits",)
)

SHOW = Rule(f"{_SETS}show", Grant.READER, "Show a project's quotas.", (f"GET {_SET}",))
DETAIL = Rule(
    f"{_SETS}detail", Grant.READER, "Show a project's quotas with what is in use.", (f"GET {_SET}/detail",)
)
DEFAULTS = Rule(
    f"{_SETS}defaults", Grant.ANY, "Show the quotas of a new project.", (f"GET {_SET}/defaults",)
)
UPDATE = Rule(f"{_SETS}update", Grant.ADMIN, "Change a project's quotas.", (f"PUT {_SET}",))
DELETE = Rule(f"{_SETS}delete", Grant.ADMIN, "Set a project's quotas back.", (f"DELETE {_SET}",))

CLASS_SHOW = Rule(f"{_CLASSES}show", Grant.ADMIN, "Show the quotas of a class.", (f"GET {_CLASS}",))
CLASS_UPDATE = Rule(f"{_CLASSES}update", Grant.ADMIN, "Change the quotas of a class.", (f"PUT {_CLASS}",))

USAGE_LIST = Rule(
    f"{_USAGE}list", Grant.ADMIN, "List what all projects used.", ("GET /os-simple-tenant-usage",)
)
USAGE_SHOW = Rule(
    f"{_USAGE}show",
    Grant.READER,
    "Show what a project used.",
    ("GET /os-simple-tenant-usage/{project_id}",),
)

RULES = rules_in(globals())
