"""What a permission is made of.

A rule's default is one of a few grants, which the API tests by itself in about a microsecond; only a rule
that policy.yaml changes goes through oslo.policy.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Grant(StrEnum):
    """Whom a rule lets in by default, as a policy check string.

    The project roles count in the project of what is acted upon. Admin always passes, except for NOBODY.
    """

    ADMIN = "rule:context_is_admin"
    MANAGER = "rule:project_manager_or_admin"
    MEMBER = "rule:project_member_or_admin"
    READER = "rule:project_reader_or_admin"
    SERVICE = "rule:service_or_admin"
    OWNER = "(rule:context_is_admin) or user_id:%(user_id)s"
    ANY = "@"
    NOBODY = "!"


ROLES: dict[Grant, str] = {Grant.MANAGER: "manager", Grant.MEMBER: "member", Grant.READER: "reader"}
"""The role that a grant asks for in the project."""

BASE: dict[str, tuple[str, str]] = {
    "context_is_admin": ("role:admin", "Who counts as admin."),
    "admin_or_owner": ("is_admin:True or project_id:%(project_id)s", "Kept for old policy files."),
    "admin_api": ("is_admin:True", "Kept for old policy files."),
    "project_manager_api": ("role:manager and project_id:%(project_id)s", "A manager of the project."),
    "project_member_api": ("role:member and project_id:%(project_id)s", "A member of the project."),
    "project_reader_api": ("role:reader and project_id:%(project_id)s", "A reader of the project."),
    "project_manager_or_admin": (
        "rule:project_manager_api or rule:context_is_admin",
        "A manager of the project, or admin.",
    ),
    "project_member_or_admin": (
        "rule:project_member_api or rule:context_is_admin",
        "A member of the project, or admin.",
    ),
    "project_reader_or_admin": (
        "rule:project_reader_api or rule:context_is_admin",
        "A reader of the project, or admin.",
    ),
    "service_api": ("role:service", "Another service of the cloud."),
    "service_or_admin": (
        "rule:service_api or rule:context_is_admin",
        "Another service of the cloud, or admin.",
    ),
}
"""The rules that the grants are made of: name → (check string, what it means)."""


class Rule(NamedTuple):
    """One permission. `about` says what it allows, `operations` which calls ask it."""

    name: str
    grant: Grant
    about: str
    operations: tuple[str, ...] = ()


def rules_in(namespace: dict[str, object]) -> tuple[Rule, ...]:
    """Return the rules that a module defines, in order: `RULES = rules_in(globals())`."""
    return tuple(value for value in list(namespace.values()) if isinstance(value, Rule))
