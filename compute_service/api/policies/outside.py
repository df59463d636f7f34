"""Permissions of what other services tell, and of the list of extensions."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

EVENTS = Rule(
    "os_compute_api:os-server-external-events:create",
    Grant.SERVICE,
    "Tell of events of servers.",
    ("POST /os-server-external-events",),
)
EXTENSIONS = Rule(
    "os_compute_api:extensions",
    Grant.ANY,
    "List extensions.",
    ("GET /extensions", "GET /extensions/{alias}"),
)

RULES = rules_in(globals())
