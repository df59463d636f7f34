"""The rows of quotas and limits. Who may is asked by the handlers where the path names a project."""

from __future__ import annotations

from compute_service.api.policies import quotas as policy
from compute_service.api.quotas import bodies, handlers, views
from compute_service.api.table import Delete, Get, Put, Route

_SET = "/os-quota-sets/{id}"
_CLASS = "/os-quota-class-sets/{id}"

ROUTES: tuple[Route, ...] = (
    Get("/limits", handlers.limits, policy.LIMITS, query=bodies.LimitsQuery, reply=views.LimitsShown),
    Get(_SET, handlers.show, query=bodies.UserQuery, reply=views.QuotaShown),
    Put(_SET, handlers.update, body=bodies.QuotaUpdate, query=bodies.UserQuery, reply=views.QuotaShown),
    Delete(_SET, handlers.delete, query=bodies.UserQuery, status=202),
    Get(f"{_SET}/detail", handlers.detail, query=bodies.UserQuery, reply=views.QuotaDetailed),
    Get(f"{_SET}/defaults", handlers.defaults, query=bodies.DefaultsQuery, reply=views.QuotaShown),
    Get(_CLASS, handlers.class_show, policy.CLASS_SHOW, reply=views.ClassShown),
    Put(_CLASS, handlers.class_update, policy.CLASS_UPDATE, body=bodies.ClassUpdate, reply=views.ClassShown),
)
