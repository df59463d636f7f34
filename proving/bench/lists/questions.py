"""The lists that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from proving.bench.lists.fill import BESIDE, LARGE, Crowd

USER, ADMIN = f"user:{LARGE}:member", "root:admin:admin"
VERSION = "2.104"


@dataclass(frozen=True)
class Question:
    """A request that reads; `token` says who asks, `scans` whether reading everything may be right."""

    name: str
    path: str
    token: str = USER
    scans: bool = False


def questions(crowd: Crowd, middle: str, last: str, anywhere: str) -> Sequence[Question]:
    """Return them. `middle` and `last` are servers halfway through and near the end of the large project's
    list, `anywhere` is one halfway through that of all projects."""
    lately = f"{crowd.now - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    every = "all_tenants=1"
    rows = (
        ("names, first page", "/servers", USER),
        ("first page", "/servers/detail", USER),
        ("a page in the middle", f"/servers/detail?marker={middle}", USER),
        ("the last page", f"/servers/detail?marker={last}", USER),
        ("100 in the middle", f"/servers/detail?limit=100&marker={middle}", USER),
        ("first by name", "/servers?limit=1&sort_key=display_name&sort_dir=asc", USER),
        ("last by creation", "/servers?limit=1&sort_key=created_at&sort_dir=asc", USER),
        ("100 by name, in the middle", f"/servers?limit=100&sort_key=display_name&marker={middle}", USER),
        ("status ACTIVE", "/servers/detail?status=ACTIVE", USER),
        ("status ERROR", "/servers/detail?status=ERROR", USER),
        ("name web-0001", "/servers/detail?name=web-0001", USER),
        ("a name that nothing has", "/servers/detail?name=nothing", USER),
        ("flavor 3", "/servers/detail?flavor=3", USER),
        ("ip 10.0.1.7", "/servers/detail?ip=10.0.1.7$", USER),
        ("tags blue", "/servers/detail?tags=blue", USER),
        ("not-tags blue", "/servers/detail?not-tags=blue&limit=100", USER),
        ("changed in the last hour", f"/servers/detail?changes-since={lately}", USER),
        ("all projects, first page", f"/servers/detail?{every}", ADMIN),
        ("all projects, 100", f"/servers/detail?{every}&limit=100", ADMIN),
        ("all projects, middle", f"/servers/detail?{every}&limit=100&marker={anywhere}", ADMIN),
        ("all projects, ERROR", f"/servers/detail?{every}&status=ERROR", ADMIN),
        ("all projects, of a host", f"/servers/detail?{every}&host=host-7", ADMIN),
        ("all projects, of a project", f"/servers/detail?{every}&project_id={BESIDE}&limit=100", ADMIN),
        ("all projects, of a user", f"/servers/detail?{every}&user_id=user-3&limit=100", ADMIN),
        ("all projects, changed lately", f"/servers/detail?{every}&changes-since={lately}", ADMIN),
        ("all projects, deleted", f"/servers/detail?{every}&deleted=True", ADMIN),
        ("all projects, 100 deleted", f"/servers/detail?{every}&deleted=True&limit=100", ADMIN),
        ("all projects, by name", f"/servers?{every}&limit=1&sort_key=display_name", ADMIN),
        ("all projects, tags blue", f"/servers/detail?{every}&tags=blue&limit=100", ADMIN),
        ("all projects, one by UUID", f"/servers/detail?{every}&uuid={anywhere}", ADMIN),
        ("one server", f"/servers/{middle}", USER),
        ("limits", "/limits", USER),
        ("quotas with usage", f"/os-quota-sets/{LARGE}/detail", ADMIN),
        ("usage of the project", f"/os-simple-tenant-usage/{LARGE}?start=2026-01-01T00:00:00", ADMIN),
        ("usage of the project, 100 later", _usage(LARGE, middle), ADMIN),
        ("usage of all, first page", "/os-simple-tenant-usage?start=2026-01-01T00:00:00", ADMIN),
        ("usage of all, last hour", f"/os-simple-tenant-usage?start={lately[:-1]}&limit=100", ADMIN),
        ("hypervisors", "/os-hypervisors/detail", ADMIN),
        ("hypervisors with servers", "/os-hypervisors?with_servers=true", ADMIN),
        ("services", "/os-services", ADMIN),
        ("migrations", "/os-migrations", ADMIN),
        ("actions of a server", f"/servers/{middle}/os-instance-actions", USER),
    )
    return [Question(name, path, token, name in _OF_MUCH) for name, path, token in rows]


_OF_MUCH = ("hypervisors with servers", "all projects, deleted")
"""These show so much that reading the table from end to end may be the cheapest way."""


def _usage(project: str, marker: str) -> str:
    return f"/os-simple-tenant-usage/{project}?start=2026-01-01T00:00:00&limit=100&marker={marker}"
