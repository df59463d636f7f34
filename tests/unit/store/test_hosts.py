"""Services and hypervisors of a cell."""

from __future__ import annotations

import pytest

from compute_service.domain.errors import Conflict, NotFound
from compute_service.store.compute_nodes import (
    compute_node_delete,
    compute_node_get,
    compute_node_list,
    compute_node_of_host,
    compute_node_renew,
    compute_node_set_mapped,
    compute_node_upsert,
    compute_nodes_delete_of_service,
)
from compute_service.store.database import Database
from compute_service.store.services import (
    service_delete,
    service_find,
    service_get,
    service_list,
    service_touch,
    service_update,
    service_upsert,
)
from tests.fixtures.records import a_node, a_service, new_uuid
from tests.fixtures.stores import EAST, EPOCH, Times, assert_queries


def test_a_service_registers_once_and_keeps_its_uuid(cell: Database, times: Times) -> None:
    with cell.write() as tx:
        first = service_upsert(tx, a_service(version=1))
        service_update(tx, first.uuid, disabled=True, disabled_reason="broken")
        later = times.pass_by(minutes=1)
        again = service_upsert(tx, a_service(version=2, last_seen_up=later))
    assert (again.uuid, again.id, again.cell) == (first.uuid, first.id, EAST)
    assert (again.version, again.disabled, again.disabled_reason) == (2, True, "broken")
    assert (again.last_seen_up, again.created_at, again.updated_at) == (later, EPOCH, later)


def test_services_are_listed_by_host_and_binary(cell: Database) -> None:
    with cell.write() as tx:
        for host, binary in (("h1", "nova-compute"), ("h1", "nova-conductor"), ("h2", "nova-compute")):
            service_upsert(tx, a_service(host, binary))
        assert [s.host for s in service_list(tx, binary="nova-compute")] == ["h1", "h2"]
        assert [s.binary for s in service_list(tx, host="h1")] == ["nova-compute", "nova-conductor"]
        assert len(service_list(tx)) == 3
        found = service_find(tx, "h2", "nova-compute")
        assert found is not None
        assert service_get(tx, found.uuid) == found
        assert service_find(tx, "h2", "nova-conductor") is None


def test_heartbeats_of_many_hosts_are_one_statement(cell: Database, times: Times) -> None:
    hosts = [f"host{n}" for n in range(10)]
    with cell.write() as tx:
        for host in hosts:
            service_upsert(tx, a_service(host))
    now = times.pass_by(seconds=10)
    with assert_queries(cell, at_most=1), cell.write() as tx:
        assert service_touch(tx, [*hosts, "unknown"], "nova-compute", now) == 10
    with cell.read() as tx:
        assert {(s.last_seen_up, s.report_count) for s in service_list(tx)} == {(now, 1)}


def test_an_unknown_service_cannot_be_changed(cell: Database) -> None:
    with cell.write() as tx:
        with pytest.raises(NotFound):
            service_update(tx, "unknown", disabled=True)
        assert service_get(tx, "unknown") is None


def test_a_deleted_service_may_register_anew(cell: Database) -> None:
    with cell.write() as tx:
        first = service_upsert(tx, a_service())
        assert service_delete(tx, first.uuid)
        assert not service_delete(tx, first.uuid)
        assert service_upsert(tx, a_service()).uuid != first.uuid


def test_a_hypervisor_comes_back_as_it_was_put_in(cell: Database) -> None:
    node = a_node(host_ip="192.0.2.1", running_vms=3, cpu_allocation_ratio=16.0)
    with cell.write() as tx:
        stored = compute_node_upsert(tx, node)
        assert compute_node_get(tx, node.uuid) == stored
    assert stored == node.replace(id=stored.id, cell=EAST, created_at=EPOCH)


def test_a_hypervisor_that_registers_again_is_renewed_and_stays_mapped(cell: Database, times: Times) -> None:
    node = a_node()
    with cell.write() as tx:
        first = compute_node_upsert(tx, node)
        compute_node_set_mapped(tx, [node.uuid])
        later = times.pass_by(minutes=1)
        again = compute_node_upsert(tx, node.replace(running_vms=7))
    assert again == first.replace(running_vms=7, mapped=True, updated_at=later)


def test_facts_of_a_hypervisor_are_renewed_by_host_and_name(cell: Database) -> None:
    with cell.write() as tx:
        node = compute_node_upsert(tx, a_node())
        facts = node.facts.replace(vcpus=node.facts.vcpus + 1)
        assert compute_node_renew(tx, node.host, facts, running_vms=3)
        assert compute_node_renew(tx, node.host, facts)
        again = compute_node_get(tx, node.uuid)
        assert again is not None
        assert again.replace(updated_at=None) == node.replace(facts=facts, running_vms=3, updated_at=None)
        assert not compute_node_renew(tx, "another", facts)
        assert not compute_node_renew(tx, node.host, facts.replace(hypervisor_hostname="another"))


def test_another_hypervisor_of_the_same_name_is_refused(cell: Database) -> None:
    with cell.write() as tx:
        compute_node_upsert(tx, a_node())
        with pytest.raises(Conflict, match="another hypervisor"):
            compute_node_upsert(tx, a_node())


def test_hypervisors_are_found_by_host_name_part_uuid_and_mapping(cell: Database) -> None:
    nodes = [a_node("web_1"), a_node("web-2"), a_node("db%3")]
    with cell.write() as tx:
        for node in nodes:
            compute_node_upsert(tx, node)
        compute_node_set_mapped(tx, [nodes[2].uuid])

        def hosts(**wishes: object) -> list[str]:
            return [n.host for n in compute_node_list(tx, **wishes)]

        assert hosts() == ["web_1", "web-2", "db%3"]
        assert hosts(hostname_part="web") == ["web_1", "web-2"]
        assert hosts(hostname_part="b_1") == ["web_1"]
        assert hosts(hostname_part="%3") == ["db%3"]
        assert hosts(uuids=[nodes[1].uuid]) == ["web-2"]
        assert hosts(mapped=False) == ["web_1", "web-2"]
        assert hosts(host="db%3") == ["db%3"]


def test_a_host_may_have_several_hypervisors(cell: Database) -> None:
    first, service = a_node(), new_uuid()
    second = a_node(service_uuid=service)
    second = second.replace(facts=second.facts.replace(hypervisor_hostname="n2"))
    with cell.write() as tx:
        compute_node_upsert(tx, first)
        compute_node_upsert(tx, second)
        found = compute_node_of_host(tx, "host1")
        other = compute_node_of_host(tx, "host1", "n2")
        assert found is not None
        assert other is not None
        assert (found.uuid, other.uuid) == (first.uuid, second.uuid)
        assert compute_nodes_delete_of_service(tx, service) == 1
        assert compute_node_of_host(tx, "host1", "n2") is None
        assert compute_node_delete(tx, first.uuid)
        assert not compute_node_delete(tx, first.uuid)
