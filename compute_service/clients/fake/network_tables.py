"""The tables of the in-memory network service, with the rules that hold for every kind of row."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from threading import RLock
from typing import Any, TypeVar

from compute_service.clients.clock import SystemClock
from compute_service.clients.neutron_rows import (
    BindingRow,
    FloatingIpRow,
    NetworkRow,
    PortRow,
    RouterRow,
    Row,
    SecurityGroupRow,
    SecurityGroupRuleRow,
    SubnetRow,
)
from compute_service.domain.errors import Conflict, Invalid, NotFound, OverQuota
from compute_service.ports.clock import Clock

R = TypeVar("R", bound=Row)


QUOTA_DEFAULTS: dict[str, int] = {
    "network": 100,
    "subnet": 100,
    "port": 500,
    "router": 10,
    "floatingip": 50,
    "security_group": 10,
    "security_group_rule": 100,
}
"""Limits of a project that has none of its own; -1 is unlimited."""


class Tables:
    """All rows by kind and identifier, under one lock."""

    def __init__(
        self, clock: Clock | None = None, lock: RLock | None = None, new_id: Callable[[], str] | None = None
    ) -> None:
        self.lock = lock or RLock()
        self.clock = clock or SystemClock()
        self._new_id = new_id or (lambda: str(uuid.uuid4()))
        self.networks: dict[str, NetworkRow] = {}
        self.subnets: dict[str, SubnetRow] = {}
        self.ports: dict[str, PortRow] = {}
        self.bindings: dict[str, dict[str, BindingRow]] = {}
        """Port → host → how it is bound there beside the host where it is active."""
        self.security_groups: dict[str, SecurityGroupRow] = {}
        self.security_group_rules: dict[str, SecurityGroupRuleRow] = {}
        self.floating_ips: dict[str, FloatingIpRow] = {}
        self.routers: dict[str, RouterRow] = {}
        self.quotas: dict[str, dict[str, int]] = {}
        """Project → resource → limit, where it is not the default."""

    def _now(self) -> str:
        return f"{self.clock.now().replace(microsecond=0).isoformat()}Z"

    def limits(self, project_id: str) -> dict[str, int]:
        """Return a project's limits."""
        return {**QUOTA_DEFAULTS, **self.quotas.get(project_id, {})}

    def check_quota(self, resource: str, table: dict[str, R], project_id: str, more: int = 1) -> None:
        """Refuse `more` rows over a project's limit. Raises OverQuota."""
        limit = self.limits(project_id)[resource]
        have = sum(1 for row in table.values() if row.project_id == project_id)
        if 0 <= limit < have + more:
            raise OverQuota(f"Quota exceeded for resources: ['{resource}'].")

    def insert(self, table: dict[str, R], row: R) -> R:
        """Store a new row under a new identifier, unless it brings its own."""
        now = self._now()
        made = row.replace(id=row.id or self._new_id(), created_at=now, updated_at=now)
        if made.id in table:
            raise Conflict(f"{made.id} exists.")
        table[made.id] = made
        return made

    def get(self, table: dict[str, R], row_id: str, noun: str) -> R:
        """Return a row. Raises NotFound."""
        found = table.get(row_id)
        if found is None:
            raise NotFound(f"{noun} {row_id} could not be found.")
        return found

    def update(self, table: dict[str, R], seen: R, changes: dict[str, Any]) -> R:
        """Store changed fields of a row; its revision rises. Raises Invalid for a field there is none of."""
        unknown = sorted(set(changes) - set(seen.__struct_fields__))
        if unknown:
            raise Invalid(f"Unrecognized attribute(s) '{', '.join(unknown)}'")
        made = seen.replace(**changes, updated_at=self._now(), revision_number=seen.revision_number + 1)
        table[seen.id] = made
        return made


def owned(rows: Iterable[R], project_id: str) -> list[R]:
    """Return the rows of a project."""
    return [row for row in rows if row.project_id == project_id]
