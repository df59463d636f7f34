"""Permissions of hosts, and of the log of usage audits."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_P = "os_compute_api:os-hosts:"
_ALL, _ONE = "/os-hosts", "/os-hosts/{host}"

LIST = Rule(f"{_P}list", Grant.ADMIN, "List hosts.", (f"GET {_ALL}",))
SHOW = Rule(f"{_P}show", Grant.ADMIN, "Show what is used of a host.", (f"GET {_ONE}",))
UPDATE = Rule(f"{_P}update", Grant.ADMIN, "Enable or disable a host.", (f"PUT {_ONE}",))
START = Rule(f"{_P}start", Grant.ADMIN, "Start a host.", (f"GET {_ONE}/startup",))
SHUTDOWN = Rule(f"{_P}shutdown", Grant.ADMIN, "Shut a host down.", (f"GET {_ONE}/shutdown",))
REBOOT = Rule(f"{_P}reboot", Grant.ADMIN, "Reboot a host.", (f"GET {_ONE}/reboot",))

_AUDIT = "/os-instance_usage_audit_log"
AUDIT_LIST = Rule(
    "os_compute_api:os-instance-usage-audit-log:list",
    Grant.ADMIN,
    "Show the audit of usage of the last period.",
    (f"GET {_AUDIT}",),
)
AUDIT_SHOW = Rule(
    "os_compute_api:os-instance-usage-audit-log:show",
    Grant.ADMIN,
    "Show the audit of usage of a period.",
    (f"GET {_AUDIT}/{{before}}",),
)

RULES = rules_in(globals())
