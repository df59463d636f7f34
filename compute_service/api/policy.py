"""Deciding whether a request may do what it asks.

Nearly every rule of nearly every cloud has its default, and a default is decided here without oslo.policy.
A rule that policy.yaml (or a file of policy_dirs) names, or that rests on a base rule it names, is handed to
oslo.policy. Files are looked at again at most every `RECHECK` seconds.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from compute_service.api.policies.rule import BASE, ROLES, Grant, Rule
from compute_service.config.oslo import OsloPolicy
from compute_service.domain.context import Context

if TYPE_CHECKING:  # it takes long to import, and most processes never need it
    from oslo_config import cfg
    from oslo_policy import policy as oslo_policy

LOG = logging.getLogger(__name__)
RECHECK = 5.0

Target = Mapping[str, Any]
"""What is acted upon, as far as rules ask: `project_id`, `user_id`."""


def grants(grant: Grant, ctx: Context, target: Target) -> bool:
    """Decide a rule that has its default."""
    if grant is Grant.ANY:
        return True
    if grant is Grant.NOBODY:
        return False
    if ctx.is_admin:
        return True
    role = ROLES.get(grant)
    if role is not None:
        return role in ctx.roles and target.get("project_id") == ctx.project_id
    if grant is Grant.OWNER:
        return bool(target.get("user_id") == ctx.user_id)
    return grant is Grant.SERVICE and "service" in ctx.roles


def default_rules(rules: Iterable[Rule]) -> list[oslo_policy.RuleDefault]:
    """Return the rules as oslo.policy knows them, base rules first."""
    from oslo_policy import policy as oslo_policy

    base = [oslo_policy.RuleDefault(name, check, about) for name, (check, about) in BASE.items()]
    own = [
        oslo_policy.DocumentedRuleDefault(
            rule.name,
            str(rule.grant),
            rule.about,
            [_operation(text) for text in rule.operations] or [_operation("ANY /")],
            scope_types=["project"],
        )
        for rule in rules
    ]
    return base + own


def _operation(text: str) -> Any:
    method, _, path = text.partition(" ")
    return {"method": method, "path": path}


class Policy:
    """Decides by the rules and the operator's files. Safe to share between threads."""

    def __init__(
        self,
        rules: Iterable[Rule],
        files: tuple[str, ...] = (),
        directories: tuple[str, ...] = (),
        enforce_scope: bool = True,
    ) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._files, self._directories, self._scope = files, directories, enforce_scope
        self._lock = threading.Lock()
        self._seen: tuple[tuple[str, float], ...] | None = None
        self._checked_at = 0.0
        self._enforcer: oslo_policy.Enforcer | None = None
        self._changed: frozenset[str] = frozenset()
        self._look()

    def allows(self, ctx: Context, rule: Rule, target: Target) -> bool:
        """Tell whether `rule` lets `ctx` act upon `target`."""
        if time.monotonic() - self._checked_at > RECHECK:
            self.refresh()
        if ctx.system_scope and self._scope:
            return False
        if rule.name in self._changed:
            return self._asks(rule.name, ctx, target)
        return grants(rule.grant, ctx, target)

    def is_admin(self, roles: tuple[str, ...], credentials: Mapping[str, Any] | None = None) -> bool:
        """Tell whether roles make an admin: the rule context_is_admin."""
        if "context_is_admin" not in self._changed or self._enforcer is None:
            return "admin" in roles
        return bool(
            self._enforcer.enforce("context_is_admin", {}, {**(credentials or {}), "roles": list(roles)})
        )

    def _asks(self, name: str, ctx: Context, target: Target) -> bool:
        if self._enforcer is None:
            return False
        return bool(self._enforcer.enforce(name, dict(target), credentials_of(ctx)))

    def _present(self) -> tuple[tuple[str, float], ...]:
        """Return the policy files that exist, with their times of change."""
        found = list(self._files)
        for directory in self._directories:
            if os.path.isdir(directory):
                names = sorted(n for n in os.listdir(directory) if not n.startswith("."))
                found += [os.path.join(directory, name) for name in names]
        return tuple((path, os.stat(path).st_mtime) for path in found if os.path.isfile(path))

    def refresh(self) -> None:
        """Look whether the policy files changed, and read them again if so.

        A file that cannot be read leaves the rules as they were; only at the start is it an error.
        """
        try:
            self._look()
        except (OSError, ValueError) as error:
            LOG.error("policy files not read, the former rules stay: %s", error)

    def _look(self) -> None:
        with self._lock:
            self._checked_at = time.monotonic()
            present = self._present()
            if present == self._seen:
                return
            self._seen = present
            if present:
                self._read(present)
            else:
                self._enforcer, self._changed = None, frozenset()

    def _read(self, present: tuple[tuple[str, float], ...]) -> None:
        from oslo_policy import policy as oslo_policy

        first, *rest = [path for path, _ in present]
        enforcer = oslo_policy.Enforcer(_private_conf(), policy_file=first, use_conf=False)
        enforcer.register_defaults(default_rules(self._rules.values()))
        named: dict[str, oslo_policy.RuleDefault] = {}
        for path in (first, *rest):
            with open(path, encoding="utf-8") as file:
                named |= _rules_of(file.read(), path)
        enforcer.set_rules(
            oslo_policy.Rules(
                {name: rule.check for name, rule in {**enforcer.registered_rules, **named}.items()}
            ),
            overwrite=True,
            use_conf=False,
        )
        self._enforcer = enforcer
        self._changed = self._affected(frozenset(named))
        LOG.info("policy files read: %d rules differ from their default", len(named))

    def _affected(self, named: frozenset[str]) -> frozenset[str]:
        if named & BASE.keys():
            return frozenset(self._rules) | named
        return named


def load_policy(settings: OsloPolicy, rules: Iterable[Rule], beside: Iterable[str] = ()) -> Policy:
    """Return the policy of `[oslo_policy]`; relative paths are looked for in the directories `beside`."""
    places = tuple(beside) or (".",)

    def placed(name: str) -> str:
        found = [os.path.join(place, name) for place in places]
        return next((path for path in found if os.path.exists(path)), found[0])

    return Policy(
        rules,
        files=(placed(settings.policy_file),),
        directories=tuple(placed(directory) for directory in settings.policy_dirs),
        enforce_scope=settings.enforce_scope,
    )


def _rules_of(text: str, path: str) -> dict[str, oslo_policy.RuleDefault]:
    from oslo_policy import policy as oslo_policy

    try:
        parsed = oslo_policy.parse_file_contents(text) or {}
        return {name: oslo_policy.RuleDefault(name, check) for name, check in parsed.items()}
    except ValueError as error:
        raise ValueError(f"policy file {path}: {error}") from error


def _private_conf() -> cfg.ConfigOpts:
    from oslo_config import cfg

    conf = cfg.ConfigOpts()
    conf([], project="compute_service", default_config_files=[], default_config_dirs=[])
    return conf


def credentials_of(ctx: Context) -> dict[str, Any]:
    """Return what policy check strings may ask of the requester."""
    return {
        "user_id": ctx.user_id,
        "project_id": ctx.project_id,
        "tenant_id": ctx.project_id,
        "roles": list(ctx.roles),
        "is_admin": ctx.is_admin,
        "user_domain_id": ctx.user_domain_id,
        "project_domain_id": ctx.project_domain_id,
        "service_roles": list(ctx.service_roles),
    }
