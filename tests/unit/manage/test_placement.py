from __future__ import annotations

import json

import pytest

from compute_service.domain.aggregate import Aggregate
from compute_service.domain.errors import Conflict, Invalid, Unavailable
from compute_service.domain.flavor import Flavor
from compute_service.domain.host import ComputeNode, ResourceInventory
from compute_service.domain.migration import Migration
from compute_service.manage.heal import resources_of
from compute_service.ports.placement import ConsumerAllocations, Provider
from compute_service.store.aggregates import aggregate_add_host, aggregate_insert
from compute_service.store.compute_nodes import compute_node_delete, compute_node_list, compute_node_upsert
from compute_service.store.flows import flow_insert
from compute_service.store.migrations import migration_insert
from tests.fixtures.records import a_flow, a_mapping, an_instance, new_uuid
from tests.unit.manage.shell import Shell

AMOUNTS = {"VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 1}


def host(shell: Shell, name: str) -> ComputeNode:
    """Register a host and give it a provider."""
    node = shell.register(name)
    inventories = {
        name: ResourceInventory(total=100_000, max_unit=100_000) for name in (*AMOUNTS, "CUSTOM_X")
    }
    shell.placement.ensure_provider(Provider(uuid=node.uuid, name=name, inventories=inventories))
    return node


def claim(shell: Shell, consumer: str, *nodes: ComputeNode) -> str:
    allocations = {node.uuid: AMOUNTS for node in nodes}
    shell.placement.claim_many(
        (
            ConsumerAllocations(
                consumer=consumer, project_id="project", user_id="user", allocations=allocations
            ),
        )
    )
    return consumer


def server_on(shell: Shell, node: ComputeNode, **fields: object) -> str:
    name = node.facts.hypervisor_hostname
    return shell.server(host=node.host, node=name, image_ref="image", **fields).uuid


def a_move(shell: Shell, server: str, status: str) -> str:
    migration = Migration(
        uuid=new_uuid(),
        instance_uuid=server,
        migration_type="resize",
        status=status,
        created_at=shell.clock.now(),
    )
    with shell.store.database(shell.cell()).write() as tx:
        return migration_insert(tx, migration).uuid


def test_audit_of_a_sound_cloud_finds_nothing(shell: Shell) -> None:
    one, two = host(shell, "cmp1"), host(shell, "cmp2")
    moved = server_on(shell, two)
    claim(shell, moved, two)
    claim(shell, a_move(shell, moved, "finished"), one)
    unplaced = an_instance()
    shell.map(a_mapping(unplaced))
    claim(shell, unplaced.uuid, one)
    assert shell.run("placement audit") == 0
    assert shell.text == "Found 0 orphaned allocations.\n"


def test_audit_finds_what_nobody_stands_behind_and_removes_it(shell: Shell) -> None:
    one, two = host(shell, "cmp1"), host(shell, "cmp2")
    living = server_on(shell, two)
    claim(shell, living, one, two)
    lost = claim(shell, new_uuid(), one)
    over = claim(shell, a_move(shell, living, "confirmed"), one)
    assert shell.run("placement audit --verbose --json") == 3
    assert {row["consumer"] for row in json.loads(shell.text)} == {living, lost, over}
    assert shell.run("placement audit --delete --verbose") == 4
    assert "Removed 3 orphaned allocations." in shell.text
    assert shell.placement.allocations_by_consumer == {living: {two.uuid: AMOUNTS}}
    assert shell.run("placement audit") == 0


def test_audit_leaves_a_server_alone_while_something_is_done_to_it(shell: Shell) -> None:
    one, two = host(shell, "cmp1"), host(shell, "cmp2")
    living = server_on(shell, two)
    claim(shell, living, one, two)
    with shell.store.database(shell.cell()).write() as tx:
        flow_insert(tx, a_flow(instance_uuid=living))
    assert shell.run("placement audit") == 0


def test_audit_of_one_provider(shell: Shell) -> None:
    one, two = host(shell, "cmp1"), host(shell, "cmp2")
    claim(shell, new_uuid(), one)
    assert shell.run(f"placement audit --resource_provider {two.uuid}") == 0
    assert shell.run(f"placement audit --resource_provider {one.uuid}") == 3


def test_audit_refuses_what_is_no_uuid_and_tells_when_placement_is_away(shell: Shell) -> None:
    assert shell.run("placement audit --resource_provider cmp1") == 127
    shell.placement.fail_next("providers", Unavailable("placement is down"))
    assert shell.run("placement audit") == 1
    assert "placement is down" in shell.text


def test_audit_tries_again_when_a_consumer_changes_meanwhile(shell: Shell) -> None:
    one = host(shell, "cmp1")
    claim(shell, new_uuid(), one)
    shell.placement.fail_next("claim_many", Conflict("generation"))
    assert shell.run("placement audit --delete") == 4
    assert shell.placement.allocations_by_consumer == {}


def test_healing_claims_what_a_server_should_hold(shell: Shell) -> None:
    one = host(shell, "cmp1")
    server = server_on(shell, one)
    assert shell.run("placement heal_allocations --dry-run") == 0
    assert "Would claim" in shell.text
    assert shell.placement.allocations_by_consumer == {}
    assert shell.run("placement heal_allocations --verbose") == 0
    assert f"for instance {server}" in shell.text
    assert shell.placement.allocations_by_consumer == {server: {one.uuid: AMOUNTS}}
    assert shell.run("placement heal_allocations") == 4
    assert shell.text == "Processed 0 instances.\n"


def test_healing_stops_at_a_count_and_goes_on_from_there(shell: Shell) -> None:
    one = host(shell, "cmp1")
    for _ in range(3):
        server_on(shell, one)
    assert shell.run("placement heal_allocations --max-count 2") == 1
    assert "Processed 2 instances" in shell.text
    assert shell.run("placement heal_allocations --max-count 2") == 0
    assert shell.run("placement heal_allocations --max-count 0") == 127


def test_healing_by_force_sets_right_what_is_held(shell: Shell) -> None:
    one, two = host(shell, "cmp1"), host(shell, "cmp2")
    server = server_on(shell, two)
    claim(shell, server, one)
    assert shell.run("placement heal_allocations") == 4
    assert shell.run("placement heal_allocations --force") == 0
    assert shell.placement.allocations_by_consumer == {server: {two.uuid: AMOUNTS}}
    assert shell.run("placement heal_allocations --force") == 4


def test_healing_passes_over_servers_that_are_worked_on_or_nowhere(shell: Shell) -> None:
    server_on(shell, host(shell, "cmp1"), task_state="rebooting")
    shell.server()
    assert shell.run("placement heal_allocations") == 4


def test_healing_of_one_server_or_cell(shell: Shell) -> None:
    one = host(shell, "cmp1")
    server, _ = server_on(shell, one), server_on(shell, one)
    assert shell.run(f"placement heal_allocations --cell {shell.another_cell()}") == 4
    assert shell.run(f"placement heal_allocations --instance {server} --skip-port-allocations") == 0
    assert set(shell.placement.allocations_by_consumer) == {server}
    assert shell.run("placement heal_allocations --instance unknown") == 1
    assert shell.run("placement heal_allocations --cell unknown") == 1


def test_healing_tells_of_hosts_without_a_node_and_of_claims_that_fail(shell: Shell) -> None:
    one = host(shell, "cmp1")
    server_on(shell, one)
    shell.placement.fail_next("claim_many", Conflict("no room"))
    assert shell.run("placement heal_allocations") == 3
    assert "no room" in shell.text
    shell.server(host="cmp9", node="cmp9")
    assert shell.run("placement heal_allocations") == 2
    assert "cmp9" in shell.text


@pytest.mark.parametrize(
    ("fields", "specs", "resources"),
    [
        ({}, {}, {"VCPU": 2, "MEMORY_MB": 64, "DISK_GB": 7}),
        ({"image_ref": ""}, {}, {"VCPU": 2, "MEMORY_MB": 64, "DISK_GB": 2}),
        (
            {},
            {"resources:VCPU": "0", "resources:CUSTOM_X": "3"},
            {"MEMORY_MB": 64, "DISK_GB": 7, "CUSTOM_X": 3},
        ),
    ],
)
def test_what_a_server_takes_follows_from_its_flavor(
    fields: dict[str, str], specs: dict[str, str], resources: dict[str, int]
) -> None:
    flavor = Flavor(
        flavorid="1",
        name="f",
        vcpus=2,
        memory_mb=64,
        root_gb=5,
        ephemeral_gb=1,
        swap_mb=10,
        extra_specs=specs,
    )
    assert resources_of(an_instance(**{"image_ref": "image", "flavor": flavor, **fields})) == resources


def test_numbered_groups_cannot_be_healed() -> None:
    flavor = an_instance().flavor.replace(extra_specs={"resources1:VGPU": "1"})
    with pytest.raises(Conflict, match="numbered"):
        resources_of(an_instance(flavor=flavor))


def an_aggregate(shell: Shell, *hosts: str) -> str:
    with shell.store.api.write() as tx:
        made = aggregate_insert(tx, Aggregate(uuid=new_uuid(), name=f"agg-{len(hosts)}"))
        for name in hosts:
            aggregate_add_host(tx, made.id, name)
    return made.uuid


def test_aggregates_are_put_into_placement_beside_those_that_are_there(shell: Shell) -> None:
    one = host(shell, "cmp1")
    shell.placement.set_aggregates(one.uuid, ("other",))
    shell.run("cell_v2 discover_hosts")
    uuid = an_aggregate(shell, "cmp1")
    assert shell.run("placement sync_aggregates --verbose") == 0
    assert "cmp1" in shell.text
    assert set(shell.placement.providers_by_uuid[one.uuid].aggregates) == {"other", uuid}
    assert shell.run("placement sync_aggregates --verbose") == 0
    assert shell.text == ""


def test_sync_aggregates_has_a_code_for_each_problem(shell: Shell) -> None:
    one = host(shell, "cmp1")
    shell.run("cell_v2 discover_hosts")
    an_aggregate(shell, "cmp1")
    shell.placement.fail_next("provider", Unavailable("placement is down"))
    assert shell.run("placement sync_aggregates") == 2
    shell.placement.fail_next("set_aggregates", Invalid("refused"))
    assert shell.run("placement sync_aggregates") == 3
    shell.placement.delete_provider(one.uuid)
    assert shell.run("placement sync_aggregates") == 6
    second = one.replace(
        uuid=new_uuid(), id=0, facts=one.facts.replace(hypervisor_hostname="another node of it")
    )
    with shell.store.database(shell.cell()).write() as tx:
        compute_node_upsert(tx, second)
    assert shell.run("placement sync_aggregates") == 1


def test_sync_aggregates_goes_on_to_the_other_hosts(shell: Shell) -> None:
    two = host(shell, "cmp2")
    shell.run("cell_v2 discover_hosts")
    uuid = an_aggregate(shell, "cmp1", "cmp2")
    assert shell.run("placement sync_aggregates") == 4
    assert shell.placement.providers_by_uuid[two.uuid].aggregates == (uuid,)


def test_sync_aggregates_tells_of_a_host_without_a_node(shell: Shell) -> None:
    cell = shell.cell()
    host(shell, "cmp1")
    shell.run("cell_v2 discover_hosts")
    an_aggregate(shell, "cmp1")
    with shell.store.database(cell).write() as tx:
        compute_node_delete(tx, compute_node_list(tx)[0].uuid)
    assert shell.run("placement sync_aggregates") == 5
