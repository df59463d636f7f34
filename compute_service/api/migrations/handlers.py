"""Listing migrations (os-migrations). Source: Compute API reference, "Migrations"."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from compute_service.api.fields import TIME
from compute_service.api.links import Link
from compute_service.api.paging import next_page, page_size
from compute_service.api.policies import migrations as policy
from compute_service.api.query import Limit, Query, loosely_true
from compute_service.api.request import Request
from compute_service.api.servers.migrations import RUNNING
from compute_service.api.shape import View, given, since
from compute_service.api.times import stamp, stamp_or_none
from compute_service.api.versions import change, minor
from compute_service.control.migrations import list_migrations
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid
from compute_service.domain.migration import Migration
from compute_service.store.migrations import MigrationQuery as Wanted

PAGED = change("2.59")
LINKED = change("2.23")


class MigrationQuery(Query):
    """GET /os-migrations."""

    STRICT = minor("2.59")

    host: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    migration_type: str | UnsetType = UNSET
    source_compute: str | UnsetType = UNSET
    instance_uuid: str | UnsetType = UNSET
    hidden: str | UnsetType = UNSET
    limit: Annotated[Limit, since("2.59")] = UNSET
    marker: Annotated[str | UnsetType, since("2.59")] = UNSET
    changes_since: Annotated[datetime | UnsetType, TIME, since("2.59")] = msgspec.field(
        default=UNSET, name="changes-since"
    )
    changes_before: Annotated[datetime | UnsetType, TIME, since("2.66")] = msgspec.field(
        default=UNSET, name="changes-before"
    )
    user_id: Annotated[str | UnsetType, since("2.80")] = UNSET
    project_id: Annotated[str | UnsetType, since("2.80")] = UNSET


class MigrationView(View):
    """A migration of any kind."""

    id: int
    instance_uuid: str
    status: str
    source_compute: str | None
    source_node: str | None
    dest_compute: str | None
    dest_host: str | None
    dest_node: str | None
    old_flavor_id: int | None = msgspec.field(name="old_instance_type_id")
    new_flavor_id: int | None = msgspec.field(name="new_instance_type_id")
    created_at: str
    updated_at: str | None
    migration_type: Annotated[str | UnsetType, since("2.23")] = UNSET
    links: Annotated[list[Link] | UnsetType, since("2.23")] = UNSET
    uuid: Annotated[str | UnsetType, since("2.59")] = UNSET
    user_id: Annotated[str | UnsetType | None, since("2.80")] = UNSET
    project_id: Annotated[str | UnsetType | None, since("2.80")] = UNSET


class MigrationList(View):
    """The answer to GET /os-migrations."""

    migrations: list[MigrationView]
    migrations_links: Annotated[list[Link] | UnsetType, since("2.59")] = UNSET


def index(ctx: Context, svc: Services, req: Request) -> MigrationList:
    """List migrations, newest first; those of other projects to who may see all."""
    asked = req.query(MigrationQuery)
    if given(asked.project_id, None) != ctx.project_id:
        req.enforce(policy.INDEX_ALL_PROJECTS)
    limit = page_size(asked.limit, svc.settings.api.max_limit) if req.at_least(PAGED) else None
    found = list_migrations(ctx, svc, _wanted(asked, limit))
    hosts = req.allows(policy.INDEX_HOST)
    view = MigrationList(migrations=[_view(one, req, hosts) for one in found])
    if found and len(found) == limit:
        view.migrations_links = next_page(req.links, "os-migrations", req.pairs, found[-1].uuid)
    return view


def _wanted(asked: MigrationQuery, limit: int | None) -> Wanted:
    after, before = given(asked.changes_since, None), given(asked.changes_before, None)
    if after is not None and before is not None and after > before:
        raise Invalid("The value of changes-since must be less than or equal to changes-before.")
    return Wanted(
        instance_uuid=given(asked.instance_uuid, None),
        host=given(asked.host, None),
        source_compute=given(asked.source_compute, None),
        status=given(asked.status, None),
        migration_type=given(asked.migration_type, None),
        user_id=given(asked.user_id, None),
        project_id=given(asked.project_id, None),
        hidden=loosely_true(asked.hidden),
        changes_since=after,
        changes_before=before,
        marker=given(asked.marker, None),
        limit=limit,
    )


def _view(one: Migration, req: Request, hosts: bool) -> MigrationView:
    view = MigrationView(
        id=one.id,
        instance_uuid=one.instance_uuid,
        status=one.status,
        source_compute=one.source_compute if hosts else None,
        source_node=one.source_node if hosts else None,
        dest_compute=one.dest_compute if hosts else None,
        dest_host=one.dest_host if hosts else None,
        dest_node=one.dest_node if hosts else None,
        old_flavor_id=one.old_flavor_id,
        new_flavor_id=one.new_flavor_id,
        created_at=stamp(one.created_at),
        updated_at=stamp_or_none(one.updated_at),
        migration_type=one.migration_type,
        uuid=one.uuid,
        user_id=one.user_id,
        project_id=one.project_id,
    )
    if req.at_least(LINKED) and one.migration_type == "live-migration" and one.status in RUNNING:
        view.links = req.links.of(f"servers/{one.instance_uuid}/migrations/{one.id}")
    return view
