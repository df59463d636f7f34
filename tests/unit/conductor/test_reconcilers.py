from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from compute_service.conductor.reconcilers.abandoned import AbandonedMoves
from compute_service.conductor.reconcilers.allocations import LostAllocations
from compute_service.conductor.reconcilers.counts import QuotaCounts
from compute_service.conductor.reconcilers.discovery import NewHosts
from compute_service.conductor.reconcilers.reclaim import SoftDeleted
from compute_service.conductor.reconcilers.stranded import Stranded
from compute_service.conductor.reconcilers.sweep import Sweep
from compute_service.conductor.reconcilers.tokens import OldTokens
from compute_service.conductor.reconcilers.unconfirmed import UnconfirmedResizes
from compute_service.domain.console import Console, ConsoleToken
from compute_service.domain.host import HostReport, ResourceInventory
from compute_service.domain.states import TaskState, VmState
from compute_service.flows.engine import Engine
from compute_service.flows.kinds import FLOWS
from compute_service.flows.kinds.server import OnServer
from compute_service.flows.submit import new_flow, submit
from compute_service.ports.placement import ConsumerAllocations, Provider
from compute_service.store.console_tokens import console_token_get, console_token_insert
from compute_service.store.flows import unfinished_flow_of_instance
from compute_service.store.instances import instance_delete
from compute_service.store.mappings import (
    host_mapping_list,
    instance_mapping_mark_deleted,
    instance_mapping_resize,
    instance_mappings_get,
)
from compute_service.store.migrations import migration_get, migration_insert
from tests.fixtures.records import a_migration, an_instance, new_uuid
from tests.unit.conductor.conftest import CELL, Site
from tests.unit.conductor.test_hosts import Hosts, PowerSync, registration


def test_the_sweep_submits_each_flow_that_is_due_once(site: Site) -> None:
    server = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    with site.store.database(CELL).write() as tx:
        submit(tx, new_flow("stop", OnServer(uuid=server.uuid, host="h1"), instance_uuid=server.uuid))
    work: list[Callable[[], None]] = []
    sweep = Sweep(Engine(site.svc, FLOWS, "one"), work.append)
    assert (sweep.run(), sweep.run()) == (1, 0)
    assert len(work) == 1


def test_tokens_that_have_run_out_are_removed(site: Site) -> None:
    console = Console(type="novnc", host="h1", port=5900, url="http://proxy/")
    now = site.clock.time()
    with site.store.database(CELL).write() as tx:
        for name, left in (("old", -1.0), ("ending", 0.0), ("good", 1.0)):
            console_token_insert(tx, name, ConsoleToken(server="s", console=console, expires=now + left))
    assert (OldTokens(site.svc).run(), OldTokens(site.svc).run()) == (2, 0)
    with site.store.database(CELL).read() as tx:
        assert console_token_get(tx, "good", now) is not None


def test_new_hosts_are_mapped_once(site: Site) -> None:
    Hosts(site.svc, CELL, PowerSync(site.svc)).register(registration())
    finder = NewHosts(site.svc)
    assert (finder.run(), finder.run()) == (1, 0)
    with site.store.api.read() as tx:
        assert [(m.host, m.cell) for m in host_mapping_list(tx)] == [("h1", CELL)]


def test_hosts_are_not_looked_for_unless_the_site_wants_it(site: Site) -> None:
    assert NewHosts(site.svc).interval < 0


def test_a_server_that_nobody_works_on_becomes_idle(site: Site) -> None:
    server = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE, task_state=TaskState.PAUSING))
    assert Stranded(site.svc).run() == 0, "it may have just begun"
    site.clock.advance(400)
    assert Stranded(site.svc).run() == 1
    assert site.server(server.uuid).task_state is None


def test_a_build_that_nobody_works_on_ends_in_error(site: Site) -> None:
    server = site.add(an_instance(vm_state=VmState.BUILDING, task_state=TaskState.SPAWNING))
    site.clock.advance(400)
    assert Stranded(site.svc).run() == 1
    seen = site.server(server.uuid)
    assert (seen.vm_state, seen.task_state) == (VmState.ERROR, None)
    assert seen.fault is not None


def test_a_server_with_a_flow_is_not_stranded(site: Site) -> None:
    server = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE, task_state=TaskState.PAUSING))
    with site.store.database(CELL).write() as tx:
        submit(tx, new_flow("pause", OnServer(uuid=server.uuid, host="h1"), instance_uuid=server.uuid))
    site.clock.advance(400)
    assert Stranded(site.svc).run() == 0


def test_soft_deleted_servers_go_when_their_time_is_over(site: Site) -> None:
    default = dataclasses.replace(site.svc.settings.default, reclaim_instance_interval=600)
    svc = dataclasses.replace(site.svc, settings=dataclasses.replace(site.svc.settings, default=default))
    server = site.add(an_instance(vm_state=VmState.SOFT_DELETED, deleted_at=site.clock.now()))
    assert SoftDeleted(svc).run() == 0
    site.clock.advance(700)
    assert SoftDeleted(svc).run() == 1
    assert SoftDeleted(svc).run() == 0
    with site.store.database(CELL).read() as tx:
        flow = unfinished_flow_of_instance(tx, server.uuid)
    assert flow is not None
    assert flow.kind == "delete"


def test_servers_are_neither_reclaimed_nor_confirmed_unless_asked_for(site: Site) -> None:
    assert SoftDeleted(site.svc).interval == 0
    assert UnconfirmedResizes(site.svc).interval == 0


def _claim(site: Site, node: str, consumer: str) -> None:
    site.placement.claim_many(
        (
            ConsumerAllocations(
                consumer=consumer, project_id="p", user_id="u", allocations={node: {"VCPU": 1}}
            ),
        )
    )


def test_what_a_deleted_server_holds_is_released_when_seen_twice(site: Site) -> None:
    registered = registration()
    Hosts(site.svc, CELL, PowerSync(site.svc)).register(registered)
    node = registered.node_uuid
    inventory = {"VCPU": ResourceInventory(total=8, max_unit=8)}
    site.placement.ensure_provider(Provider(uuid=node, name="h1", inventories=inventory))
    living = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    gone = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    stranger = new_uuid()
    for consumer in (living.uuid, gone.uuid, stranger):
        _claim(site, node, consumer)
    with site.store.database(CELL).write() as tx:
        instance_delete(tx, gone, site.clock.now())
    with site.store.api.write() as tx:
        instance_mapping_mark_deleted(tx, gone.uuid)
    finder = LostAllocations(site.svc)
    assert finder.run() == 0
    assert finder.run() == 1
    assert set(site.placement.allocations_by_consumer) == {living.uuid, stranger}


def test_a_host_that_placement_does_not_have_holds_nothing(site: Site) -> None:
    registered = registration()
    Hosts(site.svc, CELL, PowerSync(site.svc)).register(registered)
    site.placement.delete_provider(registered.node_uuid)
    assert LostAllocations(site.svc).run() == 0


def test_what_a_server_counts_for_is_set_right_when_seen_twice(site: Site) -> None:
    grown = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    kept = site.add(an_instance(host="h1", vm_state=VmState.SOFT_DELETED))
    resized = site.add(an_instance(host="h1", vm_state=VmState.RESIZED))
    busy = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE, task_state=TaskState.RESIZE_PREP))
    with site.store.api.write() as tx:
        for server in (grown, kept, resized, busy):
            instance_mapping_resize(tx, server.uuid, 99, 9999)
    counts = QuotaCounts(site.svc)
    assert (counts.run(), counts.run(), counts.run()) == (0, 2, 0)
    with site.store.api.read() as tx:
        found = instance_mappings_get(tx, [one.uuid for one in (grown, kept, resized, busy)])
    assert (found[grown.uuid].vcpus, found[grown.uuid].memory_mb) == (
        grown.flavor.vcpus,
        grown.flavor.memory_mb,
    )
    assert found[kept.uuid].deleted
    assert {found[resized.uuid].vcpus, found[busy.uuid].vcpus} == {99}


def test_a_server_that_counts_no_more_and_lives_counts_again(site: Site) -> None:
    server = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    with site.store.api.write() as tx:
        instance_mapping_mark_deleted(tx, server.uuid)
    counts = QuotaCounts(site.svc)
    assert (counts.run(), counts.run()) == (0, 1)
    with site.store.api.read() as tx:
        mapping = instance_mappings_get(tx, [server.uuid])[server.uuid]
    assert not mapping.deleted
    assert mapping.vcpus == server.flavor.vcpus


def test_what_a_server_counts_for_is_left_alone_while_a_flow_is_at_it(site: Site) -> None:
    server = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    with site.store.api.write() as tx:
        instance_mapping_resize(tx, server.uuid, 99, 9999)
    with site.store.database(CELL).write() as tx:
        submit(tx, new_flow("stop", OnServer(uuid=server.uuid, host="h1"), instance_uuid=server.uuid))
    counts = QuotaCounts(site.svc)
    assert (counts.run(), counts.run(), counts.run()) == (0, 0, 0)


def test_servers_are_looked_at_page_by_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QuotaCounts, "MOST", 2)
    servers = [site.add(an_instance(host="h1", vm_state=VmState.ACTIVE)) for _ in range(5)]
    with site.store.api.write() as tx:
        for server in servers:
            instance_mapping_resize(tx, server.uuid, 99, 9999)
    counts = QuotaCounts(site.svc)
    assert sum(counts.run() for _ in range(8)) == len(servers)


@pytest.mark.parametrize("state", [VmState.ACTIVE, VmState.RESIZED, VmState.ERROR])
def test_a_move_is_ended_when_its_server_waits_for_no_word(site: Site, state: VmState) -> None:
    server = site.add(an_instance(host="h2", vm_state=state))
    with site.store.database(CELL).write() as tx:
        move = a_migration(server.uuid, source_compute="h1", status="finished", updated_at=site.clock.now())
        migration_insert(tx, move)
    moves = AbandonedMoves(site.svc)
    assert moves.run() == 0
    site.clock.advance(400)
    wanted = state is VmState.ACTIVE
    assert (moves.run(), moves.run()) == (wanted, 0)
    with site.store.database(CELL).read() as tx:
        flow = unfinished_flow_of_instance(tx, server.uuid)
        status = migration_get(tx, move.uuid)
    assert status is not None
    assert status.status == ("confirming" if wanted else "finished")
    assert (flow is not None and flow.kind == "confirm_resize") is wanted


def test_the_end_of_a_move_waits_for_the_host_that_keeps_something(site: Site) -> None:
    hosts = Hosts(site.svc, CELL, PowerSync(site.svc))
    hosts.register(registration())
    server = site.add(an_instance(host="h2", vm_state=VmState.ACTIVE))
    with site.store.database(CELL).write() as tx:
        move = a_migration(server.uuid, source_compute="h1", status="finished", updated_at=site.clock.now())
        migration_insert(tx, move)
    site.clock.advance(400)
    moves = AbandonedMoves(site.svc)
    assert moves.run() == 0
    hosts.report((HostReport(host="h1"),))
    assert moves.run() == 1
