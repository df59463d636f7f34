"""The log of audits of usage. Source: Compute API reference, "Server usage audit log"."""

from __future__ import annotations

from datetime import datetime

from compute_service.api.request import Request
from compute_service.api.shape import View
from compute_service.control.audit_log import AuditLog, audit_log
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid

_FORMS = ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S")


class HostLog(View):
    """What was told of one host's servers."""

    instances: int
    message: str
    errors: int = 0
    state: str = "DONE"


class PeriodLog(View):
    """What was told for one period."""

    period_beginning: str
    period_ending: str
    num_hosts: int
    num_hosts_done: int
    num_hosts_not_run: int
    hosts_not_run: list[str]
    total_instances: int
    overall_status: str
    log: dict[str, HostLog]
    num_hosts_running: int = 0
    total_errors: int = 0


class LastLog(View):
    """GET /os-instance_usage_audit_log."""

    instance_usage_audit_logs: PeriodLog


class LogShown(View):
    """GET /os-instance_usage_audit_log/{before}."""

    instance_usage_audit_log: PeriodLog


def last(ctx: Context, svc: Services, req: Request) -> LastLog:
    """Show what was told for the last period."""
    return LastLog(instance_usage_audit_logs=_shown(audit_log(ctx, svc, svc.clock.now())))


def before(ctx: Context, svc: Services, req: Request) -> LogShown:
    """Show what was told for the period that was over at a time."""
    return LogShown(instance_usage_audit_log=_shown(audit_log(ctx, svc, _time(req.params["before"]))))


def _time(text: str) -> datetime:
    for form in _FORMS:
        try:
            found = datetime.strptime(text, form)
        except ValueError:
            continue
        if found.year > 1:
            return found
    raise Invalid(f"Invalid timestamp for date {text}")


def _shown(found: AuditLog) -> PeriodLog:
    done, hosts = len(found.told), len(found.told) + len(found.left)
    status = "ALL hosts done." if done == hosts else f"{done} of {hosts} hosts done."
    return PeriodLog(
        period_beginning=str(found.begin),
        period_ending=str(found.end),
        num_hosts=hosts,
        num_hosts_done=done,
        num_hosts_not_run=len(found.left),
        hosts_not_run=list(found.left),
        total_instances=sum(found.told.values()),
        overall_status=f"{status} 0 errors.",
        log={
            host: HostLog(instances=count, message=f"The use of {count} servers of host {host} was told.")
            for host, count in sorted(found.told.items())
        },
    )
