"""Services of one cell: the daemons that report in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from compute_service.domain.errors import NotFound
from compute_service.domain.host import Service
from compute_service.store.database import Tx, Values
from compute_service.store.sql import insert_new
from compute_service.store.tables.hosts import services

_t = services.c
_SELECT = select(
    _t.uuid,
    _t.host,
    _t.binary,
    _t.topic,
    _t.id,
    _t.report_count,
    _t.last_seen_up,
    _t.disabled,
    _t.disabled_reason,
    _t.forced_down,
    _t.version,
    _t.created_at,
    _t.updated_at,
)


def _service(tx: Tx, row: Values) -> Service:
    return Service(
        uuid=row[0],
        host=row[1],
        binary=row[2],
        topic=row[3],
        cell=tx.database,
        id=row[4],
        report_count=row[5],
        last_seen_up=row[6],
        disabled=bool(row[7]),
        disabled_reason=row[8],
        forced_down=bool(row[9]),
        version=row[10],
        created_at=row[11],
        updated_at=row[12],
    )


def service_get(tx: Tx, uuid: str) -> Service | None:
    """Return a service by UUID, or None."""
    row = tx.one(_SELECT.where(_t.uuid == uuid))
    return None if row is None else _service(tx, row)


def service_find(tx: Tx, host: str, binary: str) -> Service | None:
    """Return the service of a host by its binary, such as `nova-compute`, or None."""
    row = tx.one(_SELECT.where(_t.host == host, _t.binary == binary))
    return None if row is None else _service(tx, row)


def service_list(tx: Tx, host: str | None = None, binary: str | None = None) -> list[Service]:
    """Return the cell's services by id, of one host or binary if asked."""
    statement = _SELECT.order_by(_t.id)
    if host is not None:
        statement = statement.where(_t.host == host)
    if binary is not None:
        statement = statement.where(_t.binary == binary)
    return [_service(tx, row) for row in tx.all(statement)]


def service_upsert(tx: Tx, service: Service) -> Service:
    """Register a service by host and binary; one that is there keeps its UUID and its disabled state.

    `topic`, `version` and `last_seen_up` are taken from `service`. Returns what is stored then.
    """
    values = {
        "uuid": service.uuid,
        "host": service.host,
        "binary": service.binary,
        "topic": service.topic,
        "report_count": service.report_count,
        "last_seen_up": service.last_seen_up,
        "disabled": service.disabled,
        "disabled_reason": service.disabled_reason,
        "forced_down": service.forced_down,
        "version": service.version,
        "created_at": service.created_at or tx.now(),
    }
    if insert_new(tx, services, values) is None:
        changed = {name: values[name] for name in ("topic", "version")}
        if service.last_seen_up is not None:
            changed["last_seen_up"] = service.last_seen_up
        statement = update(services).where(_t.host == service.host, _t.binary == service.binary)
        tx.execute(statement.values(**changed, updated_at=tx.now()))
    found = service_find(tx, service.host, service.binary)
    if found is None:
        raise NotFound(f"Service {service.uuid} could not be found.")
    return found


def service_update(tx: Tx, uuid: str, **changes: Any) -> Service:
    """Change `disabled`, `disabled_reason`, `forced_down` or `version`. Raises NotFound."""
    tx.execute(update(services).where(_t.uuid == uuid).values(**changes, updated_at=tx.now()))
    found = service_get(tx, uuid)
    if found is None:
        raise NotFound(f"Service {uuid} could not be found.")
    return found


def service_delete(tx: Tx, uuid: str) -> bool:
    """Remove a service; returns whether it was there."""
    return tx.execute(delete(services).where(_t.uuid == uuid)).rowcount == 1


def service_touch(tx: Tx, hosts: Sequence[str], binary: str, now: datetime) -> int:
    """Note that the services of some hosts are alive, in one statement; returns how many are known."""
    statement = update(services).where(_t.host.in_(hosts), _t.binary == binary)
    return tx.execute(statement.values(last_seen_up=now, report_count=_t.report_count + 1)).rowcount
