from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from compute_service.config.settings import Settings
from compute_service.domain.flow import FlowRecord
from compute_service.domain.group import ServerGroup
from compute_service.domain.host import Service
from compute_service.domain.instance import Instance
from compute_service.domain.migration import Migration
from compute_service.domain.states import TaskState, VmState
from compute_service.scheduler.fleet import HostLoad
from compute_service.scheduler.pipeline import Selector
from compute_service.scheduler.source import StoreHosts
from compute_service.store.aggregates import aggregate_insert
from compute_service.store.compute_nodes import compute_node_upsert
from compute_service.store.embedded import embedded_cell, embedded_store
from compute_service.store.engine import Store
from compute_service.store.flows import flow_insert
from compute_service.store.groups import group_insert
from compute_service.store.instances import instance_delete, instance_insert
from compute_service.store.mappings import (
    InstanceMapping,
    cell_mapping_update,
    host_mapping_insert,
    instance_mapping_insert,
)
from compute_service.store.migrations import migration_insert
from compute_service.store.services import service_upsert
from tests.fakes.clock import ManualClock
from tests.unit.scheduler.world import PROJECT, SMALL, aggregate, named, node, order, placement_of

CELLS = {name: embedded_cell(name) for name in ("cell1", "cell2")}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> Iterator[Store]:
    made = embedded_store(cells=tuple(CELLS), now=clock.now)
    yield made
    made.close()


def add_host(store: Store, clock: ManualClock, name: str, cell: str = "cell1", mapped: bool = True) -> None:
    of = node(name, cell=CELLS[cell])
    with store.database(CELLS[cell]).write() as tx:
        compute_node_upsert(tx, of)
        service_upsert(
            tx,
            Service(
                uuid=of.service_uuid,
                host=name,
                binary="nova-compute",
                topic="compute",
                last_seen_up=clock.now(),
            ),
        )
    if mapped:
        with store.api.write() as tx:
            host_mapping_insert(tx, name, CELLS[cell])


def add_server(store: Store, clock: ManualClock, host: str, cell: str = "cell1", **values: Any) -> Instance:
    server = Instance(
        uuid=str(uuid.uuid4()),
        project_id=PROJECT,
        user_id="u",
        reservation_id="r",
        created_at=clock.now(),
        display_name="s",
        hostname="s",
        flavor=SMALL,
        host=host,
        **{"vm_state": VmState.ACTIVE, **values},
    )
    with store.database(CELLS[cell]).write() as tx:
        stored = instance_insert(tx, server)
        if values.get("task_state") or values.get("vm_state"):
            flow_insert(
                tx,
                FlowRecord(
                    id=str(uuid.uuid4()),
                    kind="build",
                    params={},
                    instance_uuid=server.uuid,
                    started_at=clock.now(),
                    updated_at=clock.now(),
                ),
            )
    with store.api.write() as tx:
        instance_mapping_insert(
            tx,
            InstanceMapping(
                uuid=server.uuid,
                project_id=PROJECT,
                user_id="u",
                cell=CELLS[cell],
                created_at=clock.now(),
            ),
        )
    return stored


def test_hosts_of_every_cell_are_told_with_what_is_on_them(store: Store, clock: ManualClock) -> None:
    add_host(store, clock, "a")
    add_host(store, clock, "b", "cell2")
    with store.api.write() as tx:
        aggregate_insert(tx, aggregate("zone", "a", availability_zone="az1"))
    old = add_server(store, clock, "a")
    clock.advance(600)
    building = add_server(store, clock, "a", vm_state=VmState.BUILDING, task_state=TaskState.SPAWNING)
    rebooting = add_server(store, clock, "b", "cell2", task_state=TaskState.REBOOTING)
    gone = add_server(store, clock, "b", "cell2")
    with store.database(CELLS["cell2"]).write() as tx:
        instance_delete(tx, gone, clock.now())

    files = StoreHosts(store, 10.0).read()
    assert {n.host: n.cell for n in files.nodes} == {"a": CELLS["cell1"], "b": CELLS["cell2"]}
    assert files.cells == {"a": CELLS["cell1"], "b": CELLS["cell2"]}
    assert [a.name for a in files.aggregates] == ["zone"]
    assert files.loads == {"a": HostLoad(instances=2, busy=1), "b": HostLoad(instances=1, busy=0)}
    assert files.recent == {building.uuid: "a", rebooting.uuid: "b", gone.uuid: "b"}
    assert {s.host for s in files.services.values()} == {"a", "b"}
    assert old.uuid not in files.recent


def test_moves_are_told_with_where_they_go(store: Store, clock: ManualClock) -> None:
    add_host(store, clock, "a")
    server = add_server(store, clock, "a")

    def move(target: str | None) -> str:
        made = Migration(
            uuid=str(uuid.uuid4()),
            instance_uuid=server.uuid,
            migration_type="evacuation",
            status="pre-migrating",
            source_compute="a",
            dest_compute=target,
            created_at=clock.now(),
        )
        with store.database(CELLS["cell1"]).write() as tx:
            migration_insert(tx, made)
        return made.uuid

    move("long ago")
    clock.advance(600)
    move(None)
    chosen = move("b")
    assert StoreHosts(store, 10.0).read().recent == {chosen: "b"}


def test_hosts_of_a_disabled_cell_are_not_told(store: Store, clock: ManualClock) -> None:
    add_host(store, clock, "a")
    add_host(store, clock, "b", "cell2")
    with store.api.write() as tx:
        cell_mapping_update(tx, CELLS["cell2"], disabled=True)
    store.refresh()
    assert [n.host for n in StoreHosts(store, 10.0).read().nodes] == ["a"]


def test_servers_and_groups_are_found_across_cells(store: Store, clock: ManualClock) -> None:
    one = add_server(store, clock, "a")
    two = add_server(store, clock, "b", "cell2")
    source = StoreHosts(store, 10.0)
    assert source.hosts_of((one.uuid, two.uuid, named("nobody"))) == {one.uuid: "a", two.uuid: "b"}
    assert source.hosts_of(()) == {}
    group = ServerGroup(
        uuid=named("g"),
        project_id=PROJECT,
        user_id="u",
        name="g",
        policy="anti-affinity",
        members=(one.uuid, two.uuid),
    )
    with store.api.write() as tx:
        group_insert(tx, group)
    assert source.group_hosts(group.uuid) == {one.uuid: "a", two.uuid: "b"}
    assert source.group_hosts(named("no group")) is None


def test_image_properties_are_counted_by_host(store: Store, clock: ManualClock) -> None:
    add_server(store, clock, "a", image_properties={"os_distro": "debian", "os_type": "linux"})
    add_server(store, clock, "a", image_properties={"os_distro": "debian"})
    add_server(store, clock, "b", "cell2")
    counts = StoreHosts(store, 10.0).image_properties()
    assert dict(counts["a"]) == {("os_distro", "debian"): 2, ("os_type", "linux"): 1}
    assert not counts.get("b")


def test_a_server_is_placed_by_what_the_store_tells(store: Store, clock: ManualClock) -> None:
    add_host(store, clock, "a")
    add_host(store, clock, "b", mapped=False)
    clock.advance(30)
    selector = Selector(Settings(), placement_of([node("a"), node("b")]), StoreHosts(store, 10.0), clock)
    [selection] = selector.select(order()).selections
    assert (selection.claim.host, selection.claim.cell) == ("a", CELLS["cell1"])
    clock.advance(timedelta(minutes=5).total_seconds())
    assert selector.select(order()).refused["ComputeFilter: service is down"] == 1
