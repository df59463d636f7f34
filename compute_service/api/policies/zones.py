"""Permissions of availability zones."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_P = "os_compute_api:os-availability-zone:"

LIST = Rule(f"{_P}list", Grant.ANY, "List availability zones.", ("GET /os-availability-zone",))
DETAIL = Rule(
    f"{_P}detail",
    Grant.ADMIN,
    "List availability zones with their hosts.",
    ("GET /os-availability-zone/detail",),
)

RULES = rules_in(globals())
