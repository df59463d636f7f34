"""The rows of hypervisors."""

from __future__ import annotations

from compute_service.api.hypervisors import bodies, handlers, views
from compute_service.api.policies import hypervisors as policy
from compute_service.api.table import Get, Route

_ALL = "/os-hypervisors"
_ONE = "/os-hypervisors/{hypervisor_id}"
_NUMBERED = {"query": bodies.NumberedQuery, "until": "2.52"}
_KNOWN_BY_UUID = {"query": bodies.HypervisorQuery, "since": "2.53"}

ROUTES: tuple[Route, ...] = (
    Get(_ALL, handlers.index, policy.LIST, reply=views.HypervisorList, **_NUMBERED),
    Get(_ALL, handlers.index, policy.LIST, reply=views.HypervisorList, **_KNOWN_BY_UUID),
    Get(
        f"{_ALL}/detail",
        handlers.detail,
        policy.LIST_DETAIL,
        reply=views.HypervisorDetails,
        **_NUMBERED,
    ),
    Get(
        f"{_ALL}/detail",
        handlers.detail,
        policy.LIST_DETAIL,
        reply=views.HypervisorDetails,
        **_KNOWN_BY_UUID,
    ),
    Get(
        f"{_ALL}/statistics",
        handlers.statistics,
        policy.STATISTICS,
        query=bodies.OpenQuery,
        reply=views.StatisticsShown,
        until="2.87",
    ),
    Get(
        _ONE,
        handlers.show,
        policy.SHOW,
        query=bodies.OpenQuery,
        reply=views.HypervisorShown,
        until="2.52",
    ),
    Get(
        _ONE,
        handlers.show,
        policy.SHOW,
        query=bodies.ShowQuery,
        reply=views.HypervisorShown,
        since="2.53",
    ),
    Get(
        f"{_ONE}/uptime",
        handlers.uptime,
        policy.UPTIME,
        query=bodies.OpenQuery,
        reply=views.UptimeShown,
        until="2.87",
    ),
    Get(
        f"{_ONE}/search",
        handlers.search,
        policy.SEARCH,
        query=bodies.OpenQuery,
        reply=views.HypervisorList,
        until="2.52",
    ),
    Get(
        f"{_ONE}/servers",
        handlers.servers,
        policy.SERVERS,
        query=bodies.OpenQuery,
        reply=views.HypervisorList,
        until="2.52",
    ),
)
