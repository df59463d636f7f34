from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from compute_service.conductor.hosts import Hosts
from compute_service.conductor.power import PowerSync
from compute_service.config.settings import Settings
from compute_service.control.liveness import SeenUp, host_is_up
from compute_service.domain.host import HostFacts, HostRegistration, HostReport
from compute_service.domain.migration import Migration
from compute_service.domain.states import TaskState, VmState
from compute_service.store.compute_nodes import compute_node_of_host
from compute_service.store.instances import instance_delete
from compute_service.store.migrations import MigrationQuery, migration_insert, migration_page
from tests.fixtures.records import a_migration, an_instance, new_uuid
from tests.fixtures.stores import assert_queries
from tests.unit.conductor.conftest import CELL, Site


def facts(**changes: object) -> HostFacts:
    plain = HostFacts(
        hypervisor_type="fake",
        hypervisor_version=1000,
        hypervisor_hostname="h1",
        vcpus=8,
        memory_mb=1024,
        local_gb=10,
    )
    return plain.replace(**changes)


def registration() -> HostRegistration:
    return HostRegistration(
        host="h1", node_uuid=new_uuid(), service_uuid=new_uuid(), facts=facts(), version=1
    )


@pytest.fixture
def hosts(site: Site) -> Hosts:
    return Hosts(site.svc, CELL, PowerSync(site.svc))


def test_a_host_that_registers_is_up_and_has_its_hypervisor(site: Site, hosts: Hosts) -> None:
    asked = registration()
    answer = hosts.register(asked)
    assert (answer.service_uuid, answer.disabled, answer.cell) == (asked.service_uuid, False, CELL)
    assert host_is_up(site.svc, CELL, "h1")
    with site.store.database(CELL).read() as tx:
        node = compute_node_of_host(tx, "h1")
    assert node is not None
    assert (node.uuid, node.facts.vcpus, node.mapped) == (asked.node_uuid, 8, False)


def test_registering_again_keeps_the_service(hosts: Hosts) -> None:
    first = hosts.register(registration_of := registration())
    again = hosts.register(registration_of.replace(service_uuid=new_uuid()))
    assert again.service_uuid == first.service_uuid


def test_a_new_service_can_begin_disabled(site: Site, settings: Settings) -> None:
    default = dataclasses.replace(settings.default, enable_new_services=False)
    svc = dataclasses.replace(site.svc, settings=dataclasses.replace(settings, default=default))
    assert Hosts(svc, CELL, PowerSync(svc)).register(registration()).disabled


def test_a_host_that_falls_silent_is_down_until_it_reports(site: Site, hosts: Hosts) -> None:
    hosts.register(registration())
    site.clock.advance(61)
    assert not host_is_up(site.svc, CELL, "h1")
    hosts.report((HostReport(host="h1"),))
    assert host_is_up(site.svc, CELL, "h1")


def test_a_host_seen_up_is_believed_to_be_for_a_moment(site: Site, hosts: Hosts) -> None:
    hosts.register(registration())
    up = SeenUp(site.svc)
    assert up(CELL, "h1")
    with assert_queries(site.store.database(CELL), at_most=0):
        assert up(CELL, "h1")
    site.clock.advance(61)
    assert not up(CELL, "h1")
    assert not up(CELL, "h2")


def test_heartbeats_of_many_hosts_cost_one_statement(site: Site, hosts: Hosts) -> None:
    for number in range(5):
        known = facts(hypervisor_hostname=f"n{number}")
        hosts.register(registration().replace(host=f"n{number}", facts=known))
    database = site.store.database(CELL)
    before = database.statements
    hosts.report(tuple(HostReport(host=f"n{number}") for number in range(5)))
    assert database.statements - before == 1


def test_an_unknown_host_is_asked_to_register(site: Site, hosts: Hosts) -> None:
    hosts.report((HostReport(host="stranger"),))
    assert site.introduced == ["stranger"]


def test_changed_facts_are_kept(site: Site, hosts: Hosts) -> None:
    hosts.register(registration())
    with assert_queries(site.store.database(CELL), at_most=2):
        hosts.report((HostReport(host="h1", facts=facts(vcpus=16)),))
    with site.store.database(CELL).read() as tx:
        node = compute_node_of_host(tx, "h1")
    assert node is not None
    assert node.facts.vcpus == 16


def test_the_latest_load_of_a_host_is_kept(site: Site, hosts: Hosts) -> None:
    hosts.register(registration().replace(facts=facts(stats={"running_vms": 1})))
    busy = facts(local_gb_used=7, disk_available_least=3, stats={"running_vms": 4, "io_workload": 2})
    hosts.report((HostReport(host="h1", facts=busy),))
    with site.store.database(CELL).read() as tx:
        node = compute_node_of_host(tx, "h1")
    assert node is not None
    assert (node.facts, node.running_vms) == (busy, 4)
    hosts.report((HostReport(host="h1", facts=facts()),))
    with site.store.database(CELL).read() as tx:
        node = compute_node_of_host(tx, "h1")
    assert node is not None
    assert (node.facts.local_gb_used, node.running_vms) == (0, 4), "no number is told: the last one stays"


def test_a_host_is_told_of_its_servers_and_of_those_deleted_lately(site: Site, hosts: Hosts) -> None:
    living = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    gone = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    site.add(an_instance(host="h2", vm_state=VmState.ACTIVE))
    with site.store.database(CELL).write() as tx:
        instance_delete(tx, gone, site.clock.now())
    told = {one.uuid: one.deleted for one in hosts.servers_on("h1")}
    assert told == {living.uuid: False, gone.uuid: True}
    site.clock.advance(timedelta(days=2).total_seconds())
    assert {one.uuid for one in hosts.servers_on("h1")} == {living.uuid}


def test_a_host_is_told_of_what_moved_away_for_good(site: Site, hosts: Hosts) -> None:
    moved = site.add(an_instance(host="h2", vm_state=VmState.ACTIVE))
    resized = site.add(an_instance(host="h2", vm_state=VmState.RESIZED))
    moving = site.add(an_instance(host="h2", vm_state=VmState.ACTIVE, task_state=TaskState.RESIZE_REVERTING))
    back = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    with site.store.database(CELL).write() as tx:
        for server in (moved, resized, moving, back):
            migration_insert(tx, a_migration(server.uuid, source_compute="h1", created_at=site.clock.now()))
    told = {one.uuid: one.deleted for one in hosts.servers_on("h1")}
    assert told == {back.uuid: False, moved.uuid: True}


def test_a_move_that_waits_for_its_confirmation_keeps_what_its_own_source_has(
    site: Site, hosts: Hosts
) -> None:
    resized = site.add(an_instance(host="h3", vm_state=VmState.RESIZED))
    with site.store.database(CELL).write() as tx:
        for source, status in (("h1", "confirmed"), ("h2", "finished")):
            migration_insert(
                tx,
                a_migration(resized.uuid, source_compute=source, status=status, created_at=site.clock.now()),
            )
    assert [one.uuid for one in hosts.servers_on("h1")] == [resized.uuid]
    assert hosts.servers_on("h2") == ()
    assert hosts.strays("h1", (resized.uuid,)) == (resized.uuid,)
    assert hosts.strays("h2", (resized.uuid,)) == ()


def test_a_server_that_comes_back_while_the_conductor_looks_is_not_told_as_gone(
    site: Site, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    with site.store.database(CELL).write() as tx:
        migration_insert(tx, a_migration(back.uuid, source_compute="h1", created_at=site.clock.now()))
    # The servers of the host were read a moment earlier, when this one was still elsewhere.
    monkeypatch.setattr("compute_service.conductor.hosts.instances_on_host", lambda *_: [])
    assert hosts.servers_on("h1") == ()


def test_a_guest_is_a_stray_when_its_server_was_elsewhere_when_deleted(site: Site, hosts: Hosts) -> None:
    elsewhere = site.add(an_instance(host="h2", vm_state=VmState.ACTIVE))
    here = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    with site.store.database(CELL).write() as tx:
        for gone in (elsewhere, here):
            instance_delete(tx, gone, site.clock.now())
    assert hosts.strays("h1", (elsewhere.uuid, here.uuid)) == (elsewhere.uuid,)


def test_a_guest_is_a_stray_only_when_its_server_is_settled_elsewhere(site: Site, hosts: Hosts) -> None:
    settled = site.add(an_instance(host="h2", vm_state=VmState.ACTIVE))
    moving = site.add(an_instance(host="h2", vm_state=VmState.ACTIVE, task_state=TaskState.RESIZE_FINISH))
    resized = site.add(an_instance(host="h2", vm_state=VmState.RESIZED))
    here = site.add(an_instance(host="h1", vm_state=VmState.ACTIVE))
    guests = (settled.uuid, moving.uuid, resized.uuid, here.uuid, new_uuid())
    assert hosts.strays("h1", guests) == (settled.uuid,)


def test_what_was_evacuated_is_told_as_a_stray_and_not_as_deleted(site: Site, hosts: Hosts) -> None:
    fled = site.add(an_instance(host="h2", vm_state=VmState.ACTIVE))
    with site.store.database(CELL).write() as tx:
        migration_insert(tx, an_evacuation(fled.uuid, site))
    assert hosts.servers_on("h1") == ()
    assert hosts.strays("h1", (fled.uuid,)) == (fled.uuid,)


def test_an_evacuation_is_completed_once_the_host_has_no_guest_of_it(site: Site, hosts: Hosts) -> None:
    fled, left, back = (site.add(an_instance(host=h, vm_state=VmState.ACTIVE)) for h in ("h2", "h2", "h1"))
    with site.store.database(CELL).write() as tx:
        for one in (fled, left, back):
            migration_insert(tx, an_evacuation(one.uuid, site))
        migration_insert(tx, an_evacuation(fled.uuid, site, "h3"))
    assert hosts.vacated("h1", (left.uuid, back.uuid)) == 2
    assert hosts.vacated("h1", (left.uuid, back.uuid)) == 0
    assert hosts.vacated("h1", ()) == 1
    with site.store.database(CELL).read() as tx:
        assert [one.source_compute for one in migration_page(tx, MigrationQuery(status="done"))] == ["h3"]


def an_evacuation(uuid: str, site: Site, source: str = "h1") -> Migration:
    return a_migration(
        uuid,
        source_compute=source,
        migration_type="evacuation",
        status="done",
        created_at=site.clock.now(),
    )
