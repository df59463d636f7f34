"""Permissions of hypervisors."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_P = "os_compute_api:os-hypervisors:"
_ALL = "GET /os-hypervisors"
_ONE = "GET /os-hypervisors/{hypervisor_id}"

LIST = Rule(f"{_P}list", Grant.ADMIN, "List hypervisors.", (_ALL,))
LIST_DETAIL = Rule(f"{_P}list-detail", Grant.ADMIN, "List hypervisors with details.", (f"{_ALL}/detail",))
STATISTICS = Rule(
    f"{_P}statistics", Grant.ADMIN, "Sum up what all hypervisors have and use.", (f"{_ALL}/statistics",)
)
SHOW = Rule(f"{_P}show", Grant.ADMIN, "Show a hypervisor.", (_ONE,))
UPTIME = Rule(f"{_P}uptime", Grant.ADMIN, "Show how long a hypervisor's host is up.", (f"{_ONE}/uptime",))
SEARCH = Rule(f"{_P}search", Grant.ADMIN, "Find hypervisors by a part of their name.", (f"{_ONE}/search",))
SERVERS = Rule(f"{_P}servers", Grant.ADMIN, "List the servers of hypervisors.", (f"{_ONE}/servers",))

RULES = rules_in(globals())
