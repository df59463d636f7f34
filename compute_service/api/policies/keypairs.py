"""Permissions of key pairs: of the user they belong to, and of admins."""

from __future__ import annotations

from compute_service.api.policies.rule import Grant, Rule, rules_in

_P = "os_compute_api:os-keypairs:"

INDEX = Rule(f"{_P}index", Grant.OWNER, "List key pairs.", ("GET /os-keypairs",))
CREATE = Rule(f"{_P}create", Grant.OWNER, "Create or import a key pair.", ("POST /os-keypairs",))
SHOW = Rule(f"{_P}show", Grant.OWNER, "Show a key pair.", ("GET /os-keypairs/{name}",))
DELETE = Rule(f"{_P}delete", Grant.OWNER, "Delete a key pair.", ("DELETE /os-keypairs/{name}",))

RULES = rules_in(globals())
