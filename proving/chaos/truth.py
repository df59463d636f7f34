"""What is so after a run: the databases, Placement, Glance, the network, and what stands on the hosts."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select

from compute_service.domain.errors import ComputeError
from compute_service.domain.flow import UNFINISHED, FlowRecord, FlowState
from compute_service.domain.instance import Instance
from compute_service.domain.migration import Migration
from compute_service.store.database import Tx
from compute_service.store.engine import Store, StoreUrls
from compute_service.store.flows import FlowQuery, flow_page
from compute_service.store.instances import instances_get
from compute_service.store.mappings import InstanceMapping, instance_mappings_get
from compute_service.store.migrations import MigrationQuery, migration_page
from compute_service.store.tables.instances import instances
from proving.site import Site

_TIMEOUT = 30.0
Allocation = dict[str, dict[str, int]]
"""Host → resource class → amount."""


@dataclass
class Truth:
    """One look at everything."""

    rows: dict[str, list[tuple[str, Instance]]] = field(default_factory=dict)
    """Server → the databases it is in, and its row there."""
    mappings: dict[str, InstanceMapping] = field(default_factory=dict)
    unfinished: list[FlowRecord] = field(default_factory=list)
    stuck: list[FlowRecord] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    """Kind and reason of the flows that failed → how many."""
    requests: dict[str, FlowRecord] = field(default_factory=dict)
    """Request id and server, with a slash between them → one of the flows."""
    moves: list[Migration] = field(default_factory=list)
    """Migrations that wait for a word from the user."""
    allocations: dict[str, Allocation] = field(default_factory=dict)
    """Consumer → what it holds."""
    ports: dict[str, list[str | None]] = field(default_factory=dict)
    """Server → the hosts of its ports."""
    images: dict[str, str] = field(default_factory=dict)
    """Image → its status."""
    guests: dict[str, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)
    """Server → the hosts on which a guest of it stands, and the guest."""
    kept: dict[str, list[str]] = field(default_factory=dict)
    """Server → the hosts that keep a guest for its way back."""


def look(site: Site) -> Truth:
    """Ask everything. Raises Unavailable when a database does not answer."""
    truth = Truth()
    store = Store(StoreUrls(api=site.database_urls["api"], cell=site.database_urls["cell1"]))
    try:
        _databases(store, truth)
    finally:
        store.close()
    _placement(site, truth)
    for port in list(site.network.ports.values()):
        truth.ports.setdefault(port.device_id, []).append(port.host)
    headers = {"X-Auth-Token": site.token()}
    answer = requests.get(f"{site.image_url}/v2/images?limit=1000", headers=headers, timeout=_TIMEOUT)
    answer.raise_for_status()
    truth.images = {image["id"]: image["status"] for image in answer.json()["images"]}
    for cell in site.plan.cell_names:
        _hosts(site.conf_of(cell).with_suffix("") / "instances", truth)
    return truth


def unsettled(site: Site) -> list[str]:
    """Return what is still being done: unfinished flows, and servers with a task state."""
    store = Store(StoreUrls(api=site.database_urls["api"], cell=site.database_urls["cell1"]))
    try:
        found: list[str] = []
        for name in store.names():
            with store.database(name).read() as tx:
                flows = flow_page(tx, FlowQuery(states=tuple(UNFINISHED)))
                found += [f"flow {flow.id} ({flow.kind}) is {flow.state}" for flow in flows]
                found += [
                    f"server {row.uuid} is {row.vm_state} and {row.task_state}"
                    for row in _living(tx)
                    if row.task_state is not None or row.vm_state == "building"
                ]
        return found
    except ComputeError as error:
        return [error.message]
    finally:
        store.close()


def _living(tx: Tx) -> list[Instance]:
    uuids = [row[0] for row in tx.all(select(instances.c.uuid).where(instances.c.deleted == 0))]
    return list(instances_get(tx, uuids).values())


def _databases(store: Store, truth: Truth) -> None:
    for name in store.names():
        with store.database(name).read() as tx:
            uuids = [row[0] for row in tx.all(select(instances.c.uuid))]
            for uuid, row in instances_get(tx, uuids, deleted=True).items():
                truth.rows.setdefault(uuid, []).append((name, row))
            for flow in flow_page(tx, FlowQuery()):
                truth.requests[f"{flow.request_id}/{flow.instance_uuid}"] = flow
                if flow.state in UNFINISHED:
                    truth.unfinished.append(flow)
                elif flow.state is FlowState.STUCK:
                    truth.stuck.append(flow)
                elif flow.state is FlowState.FAILED:
                    truth.failed[_reason(flow)] += 1
            if name != store.api.name:
                truth.moves += migration_page(tx, MigrationQuery(status="finished", hidden=None))
    with store.api.read() as tx:
        truth.mappings = instance_mappings_get(tx, truth.rows)


def _reason(flow: FlowRecord) -> str:
    """Return why a flow failed, without what is of one server only."""
    if flow.error is None:
        return f"{flow.kind}: no reason"
    words = [word for word in flow.error.message.split() if not any(letter.isdigit() for letter in word)]
    return f"{flow.kind}: {flow.error.kind}: {' '.join(words)[:90]}"


def _placement(site: Site, truth: Truth) -> None:
    session = requests.Session()
    session.headers.update({"X-Auth-Token": site.token(), "OpenStack-API-Version": "placement 1.36"})
    answer = session.get(f"{site.placement_url}/resource_providers", timeout=_TIMEOUT)
    answer.raise_for_status()
    for provider in answer.json()["resource_providers"]:
        path = f"{site.placement_url}/resource_providers/{provider['uuid']}/allocations"
        held = session.get(path, timeout=_TIMEOUT)
        held.raise_for_status()
        for consumer, what in held.json()["allocations"].items():
            truth.allocations.setdefault(consumer, {})[provider["name"]] = what["resources"]


def _hosts(folder: Path, truth: Truth) -> None:
    """Read what fake hypervisors keep in files."""
    for path in folder.glob("**/guests/*.json"):
        guest = json.loads(path.read_bytes())
        if guest.get("defined"):
            truth.guests.setdefault(guest["uuid"], []).append((path.parent.parent.name, guest))
    for path in folder.glob("**/kept/*.json"):
        truth.kept.setdefault(path.stem, []).append(path.parent.parent.name)
