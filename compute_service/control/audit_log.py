"""What audits of usage did: each cell notes in its log when the use of its servers was told for a period."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from compute_service.control.hosts import list_services
from compute_service.control.liveness import COMPUTE
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.notices.period import Period
from compute_service.domain.record import Record
from compute_service.store.flows import flow_get
from compute_service.store.usage_audit import instances_in_period

_PAGE = 1000


class AuditLog(Record):
    """One period: how many servers were told of, by host, and the hosts whose cell was not told of."""

    begin: datetime
    end: datetime
    told: dict[str, int]
    left: tuple[str, ...]


def audit_log(ctx: Context, svc: Services, before: datetime) -> AuditLog:
    """Return what became of the last period that was over at a time."""
    period = Period.parse(svc.settings.default.instance_usage_audit_period)
    begin, end = period.last(before)
    told: dict[str, int] = {}
    left: list[str] = []
    hosts: dict[str, list[str]] = {}
    for one in list_services(ctx, svc, binary=COMPUTE):
        hosts.setdefault(one.service.cell, []).append(one.service.host)
    for cell, names in hosts.items():
        with svc.store.database(cell).read() as tx:
            if flow_get(tx, period.note_id(cell, end)) is None:
                left += names
                continue
        counts = _counts(svc, cell, begin, end)
        told |= {name: counts[name] for name in names}
    return AuditLog(begin=begin, end=end, told=told, left=tuple(sorted(left)))


def _counts(svc: Services, cell: str, begin: datetime, end: datetime) -> Counter[str]:
    counts: Counter[str] = Counter()
    after = 0
    while True:
        with svc.store.database(cell).read() as tx:
            page = instances_in_period(tx, begin, end, after, _PAGE)
        counts.update(server.host for server in page if server.host is not None)
        if len(page) < _PAGE:
            return counts
        after = page[-1].id
