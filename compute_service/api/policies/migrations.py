"""Permissions of the list of migrations."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_P = "os_compute_api:os-migrations:index"
_LIST = ("GET /os-migrations",)

INDEX = Rule(_P, Grant.MANAGER, "List the migrations of a project's servers.", _LIST)
INDEX_ALL_PROJECTS = Rule(
    f"{_P}:all_projects", Grant.ADMIN, "List the migrations of all projects' servers.", _LIST
)
INDEX_HOST = Rule(f"{_P}:host", Grant.ADMIN, "See the hosts in migrations.", _LIST)

RULES = rules_in(globals())
