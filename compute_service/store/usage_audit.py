"""Which servers were there in a period of time."""

from __future__ import annotations

from datetime import datetime

from compute_service.domain.instance import Instance
from compute_service.store.database import Tx
from compute_service.store.instance_query import SELECT_WITH_TAGS
from compute_service.store.instance_rows import instance_of
from compute_service.store.tables.instances import instances


def instances_in_period(
    tx: Tx, begin: datetime, end: datetime, after: int = 0, limit: int = 250
) -> list[Instance]:
    """Return servers that were there at some time from `begin` to before `end`, of those with a higher id.

    A server is there from its launch until it is deleted.
    """
    i = instances.c
    statement = SELECT_WITH_TAGS.where(
        i.id > after,
        i.launched_at < end,
        (i.deleted == 0) | (i.deleted_at >= begin),
    )
    return [instance_of(row) for row in tx.all(statement.order_by(i.id).limit(limit))]
