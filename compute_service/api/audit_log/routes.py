"""The rows of the log of usage audits."""

from __future__ import annotations

from compute_service.api.audit_log import handlers
from compute_service.api.policies import hosts as policy
from compute_service.api.table import Get, Route

_LOG = "/os-instance_usage_audit_log"

ROUTES: tuple[Route, ...] = (
    Get(_LOG, handlers.last, policy.AUDIT_LIST, reply=handlers.LastLog),
    Get(f"{_LOG}/{{before}}", handlers.before, policy.AUDIT_SHOW, reply=handlers.LogShown),
)
