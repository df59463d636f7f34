"""Services, hypervisors, aggregates, zones and groups."""

from __future__ import annotations

import pytest

from compute_service.control import aggregates, groups, hosts, hypervisors, zones
from compute_service.control.create import create_servers
from compute_service.domain.errors import Conflict, Invalid, NotFound, OverQuota
from compute_service.domain.host import Service
from compute_service.store.aggregates import aggregate_list
from compute_service.store.compute_nodes import compute_node_list
from compute_service.store.mappings import host_mapping_get, hosts_generation
from compute_service.store.services import service_upsert
from tests.unit.flows.kinds.world import ADMIN, CELL, IMAGE, MEMBER, World

TRAIT = "COMPUTE_STATUS_DISABLED"


def service(world: World, host: str) -> Service:
    return hosts.find_service_of_host(ADMIN, world.svc, host, "nova-compute")


def node(world: World, host: str) -> str:
    return next(node for node, name in world.host_of_node.items() if name == host)


def test_services_show_their_zone_and_whether_they_are_up(world: World) -> None:
    with world.store.database(CELL).write() as tx:
        service_upsert(
            tx,
            Service(
                uuid="c",
                host="c1",
                binary="nova-conductor",
                topic="conductor",
                last_seen_up=world.clock.now(),
            ),
        )
    world.lose("h2")
    found = {one.service.host: (one.zone, one.up) for one in hosts.list_services(ADMIN, world.svc)}
    assert found == {
        "h1": ("nova", True),
        "h2": ("nova", False),
        "h3": ("nova", True),
        "c1": ("internal", False),
    }
    assert len(hosts.list_services(ADMIN, world.svc, host="h1", binary="nova-compute")) == 1
    with pytest.raises(NotFound):
        hosts.find_service(ADMIN, world.svc, "nothing")
    with pytest.raises(NotFound, match="Could not find binary nova-compute on host nowhere"):
        service(world, "nowhere")


def test_disabling_a_service_tells_its_host(world: World) -> None:
    changed = hosts.update_service(ADMIN, world.svc, service(world, "h1"), disabled=True, reason="broken")
    assert (changed.service.disabled, changed.service.disabled_reason) == (True, "broken")
    assert world.agents["h1"].disabled is True
    changed = hosts.update_service(ADMIN, world.svc, changed.service, disabled=False)
    assert (changed.service.disabled, changed.service.disabled_reason) == (False, None)
    assert world.agents["h1"].disabled is False


def test_disabling_a_service_that_is_down_tells_placement(world: World) -> None:
    world.lose("h1")
    hosts.update_service(ADMIN, world.svc, service(world, "h1"), disabled=True)
    assert TRAIT in world.placement.providers_by_uuid[node(world, "h1")].traits
    hosts.update_service(ADMIN, world.svc, service(world, "h1"), disabled=False)
    assert TRAIT not in world.placement.providers_by_uuid[node(world, "h1")].traits
    assert world.agents["h1"].disabled is None


def test_a_service_that_is_forced_down_is_down(world: World) -> None:
    assert not hosts.update_service(ADMIN, world.svc, service(world, "h1"), forced_down=True).up
    assert hosts.update_service(ADMIN, world.svc, service(world, "h1"), forced_down=False).up


def test_what_cannot_be_updated_is_refused(world: World) -> None:
    with world.store.database(CELL).write() as tx:
        other = service_upsert(tx, Service(uuid="c", host="c1", binary="nova-conductor", topic="conductor"))
    with pytest.raises(Invalid, match="nova-conductor"):
        hosts.update_service(ADMIN, world.svc, other, disabled=True)
    with pytest.raises(Invalid, match="disabled_reason"):
        hosts.update_service(ADMIN, world.svc, service(world, "h1"), reason="none")


def test_removing_a_compute_service_removes_all_that_is_known_of_its_host(world: World) -> None:
    made = aggregates.create_aggregate(ADMIN, world.svc, "a")
    aggregates.add_host(ADMIN, world.svc, made.id, "h3")
    hosts.delete_service(ADMIN, world.svc, service(world, "h3"))
    assert node(world, "h3") not in world.placement.providers_by_uuid
    with world.store.api.read() as tx:
        assert host_mapping_get(tx, "h3") is None
        assert aggregate_list(tx)[0].hosts == ()
    with world.store.database(CELL).read() as tx:
        assert {one.host for one in compute_node_list(tx)} == {"h1", "h2"}
    with pytest.raises(NotFound):
        service(world, "h3")


def test_a_compute_service_with_servers_or_moves_stays(world: World) -> None:
    from compute_service.control import resize

    server = world.boot()
    with pytest.raises(Conflict, match="hosting instances"):
        hosts.delete_service(ADMIN, world.svc, service(world, "h1"))
    resize.migrate(ADMIN, world.svc, server)
    world.settle()
    with pytest.raises(Conflict, match="in-progress migrations"):
        hosts.delete_service(ADMIN, world.svc, service(world, "h1"))


def test_hypervisors_are_paged_searched_and_found(world: World) -> None:
    everything = hypervisors.list_hypervisors(ADMIN, world.svc)
    names = [one.node.facts.hypervisor_hostname for one in everything]
    assert names == ["h1", "h2", "h3"]
    page = hypervisors.list_hypervisors(ADMIN, world.svc, marker=everything[0].node.uuid, limit=1)
    assert [one.node.host for one in page] == ["h2"]
    assert len(hypervisors.list_hypervisors(ADMIN, world.svc, hostname_part="3")) == 1
    with pytest.raises(Invalid, match="marker"):
        hypervisors.list_hypervisors(ADMIN, world.svc, marker="nothing")
    first = everything[0].node
    assert hypervisors.find_hypervisor(ADMIN, world.svc, first.uuid).node == first
    assert hypervisors.find_hypervisor(ADMIN, world.svc, str(first.id)).node == first
    with pytest.raises(NotFound):
        hypervisors.find_hypervisor(ADMIN, world.svc, "nothing")


def test_hypervisors_show_their_servers_and_uptime(world: World) -> None:
    server = world.boot()
    found = hypervisors.list_hypervisors(ADMIN, world.svc, with_servers=True)
    assert [[one.uuid for one in each.servers] for each in found] == [[server.instance.uuid], [], []]
    assert hypervisors.uptime(ADMIN, world.svc, found[0]) == found[0].node.facts.uptime
    world.lose("h1")
    with pytest.raises(Invalid):
        hypervisors.uptime(ADMIN, world.svc, hypervisors.list_hypervisors(ADMIN, world.svc)[0])


def test_an_aggregate_is_mirrored_in_placement(world: World) -> None:
    made = aggregates.create_aggregate(ADMIN, world.svc, "a")
    aggregates.add_host(ADMIN, world.svc, made.id, "h1")
    assert world.placement.providers_by_uuid[node(world, "h1")].aggregates == (made.uuid,)
    with pytest.raises(Conflict):
        aggregates.add_host(ADMIN, world.svc, made.id, "h1")
    with pytest.raises(Invalid, match="not empty"):
        aggregates.delete_aggregate(ADMIN, world.svc, made.id)
    aggregates.remove_host(ADMIN, world.svc, made.id, "h1")
    assert world.placement.providers_by_uuid[node(world, "h1")].aggregates == ()
    aggregates.delete_aggregate(ADMIN, world.svc, made.id)
    with pytest.raises(NotFound):
        aggregates.find_aggregate(ADMIN, world.svc, made.id)


def test_an_aggregate_keeps_its_name_and_metadata_apart_from_others(world: World) -> None:
    made = aggregates.create_aggregate(ADMIN, world.svc, "a")
    aggregates.create_aggregate(ADMIN, world.svc, "b")
    with pytest.raises(Conflict):
        aggregates.create_aggregate(ADMIN, world.svc, "a")
    with pytest.raises(Conflict):
        aggregates.update_aggregate(ADMIN, world.svc, made.id, name="b")
    assert aggregates.update_aggregate(ADMIN, world.svc, made.id, name="c").name == "c"
    assert aggregates.set_metadata(ADMIN, world.svc, made.id, {"ssd": "1"}).metadata == {"ssd": "1"}
    assert aggregates.set_metadata(ADMIN, world.svc, made.id, {"ssd": None}).metadata == {}
    for call in (
        lambda: aggregates.add_host(ADMIN, world.svc, made.id, "nowhere"),
        lambda: aggregates.add_host(ADMIN, world.svc, 99, "h1"),
        lambda: aggregates.remove_host(ADMIN, world.svc, made.id, "h1"),
        lambda: aggregates.set_metadata(ADMIN, world.svc, 99, {}),
    ):
        with pytest.raises(NotFound):
            call()


@pytest.mark.parametrize("zone", ["", " ", "a:b"])
def test_impossible_zones_are_refused(world: World, zone: str) -> None:
    with pytest.raises(Invalid):
        aggregates.create_aggregate(ADMIN, world.svc, "a", zone)


def test_a_host_is_in_one_zone(world: World) -> None:
    east = aggregates.create_aggregate(ADMIN, world.svc, "e", "east")
    west = aggregates.create_aggregate(ADMIN, world.svc, "w", "west")
    plain = aggregates.create_aggregate(ADMIN, world.svc, "p")
    aggregates.add_host(ADMIN, world.svc, east.id, "h1")
    with pytest.raises(Conflict, match="already in availability zone east"):
        aggregates.add_host(ADMIN, world.svc, west.id, "h1")
    aggregates.add_host(ADMIN, world.svc, plain.id, "h1")
    with pytest.raises(Invalid, match="already in availability zone east"):
        aggregates.set_metadata(ADMIN, world.svc, plain.id, {"availability_zone": "west"})
    assert aggregates.update_aggregate(ADMIN, world.svc, plain.id, zone="east").availability_zone == "east"


def test_a_zone_does_not_change_under_servers(world: World) -> None:
    east = aggregates.create_aggregate(ADMIN, world.svc, "e", "east")
    aggregates.add_host(ADMIN, world.svc, east.id, "h1")
    world.boot(availability_zone="east")
    with pytest.raises(Invalid, match="contain instances"):
        aggregates.set_metadata(ADMIN, world.svc, east.id, {"availability_zone": "west"})
    with pytest.raises(Conflict, match="was ordered in east"):
        aggregates.remove_host(ADMIN, world.svc, east.id, "h1")


def test_zones_show_their_hosts(world: World) -> None:
    east = aggregates.create_aggregate(ADMIN, world.svc, "e", "east")
    aggregates.add_host(ADMIN, world.svc, east.id, "h1")
    hosts.update_service(ADMIN, world.svc, service(world, "h1"), disabled=True)
    found = {zone.name: zone for zone in zones.zones(MEMBER, world.svc)}
    assert (found["nova"].available, found["east"].available) == (True, False)
    assert set(found["nova"].hosts) == {"h2", "h3"}
    assert found["east"].hosts["h1"]["nova-compute"].active is False
    assert zones.internal_zone(ADMIN, world.svc).name == "internal"
    assert zones.zone_of_host(world.svc, "h1") == "east"


def test_images_are_fetched_ahead_by_the_hosts_of_an_aggregate(world: World) -> None:
    made = aggregates.create_aggregate(ADMIN, world.svc, "a")
    aggregates.add_host(ADMIN, world.svc, made.id, "h1")
    aggregates.cache_images(ADMIN, world.svc, made.id, (IMAGE,))
    assert world.hosts["h1"].cache_image(IMAGE) is False
    assert world.hosts["h2"].cache_image(IMAGE) is True
    with pytest.raises(Invalid, match="Duplicate"):
        aggregates.cache_images(ADMIN, world.svc, made.id, (IMAGE, IMAGE))
    with pytest.raises(Invalid):
        aggregates.cache_images(ADMIN, world.svc, made.id, ("nothing",))


def test_groups_are_limited_and_belong_to_their_project(world: World) -> None:
    world.with_settings("quota", server_groups=1)
    made = groups.create_group(MEMBER, world.svc, "g", "anti-affinity", max_per_host=2)
    assert made.rules == {"max_server_per_host": 2}
    with pytest.raises(OverQuota, match="too many server groups"):
        groups.create_group(MEMBER, world.svc, "h", "affinity")
    other = MEMBER.replace(project_id="p2")
    with pytest.raises(NotFound):
        groups.find_group(other, world.svc, made.uuid)
    assert groups.find_group(ADMIN, world.svc, made.uuid).uuid == made.uuid
    assert [one.uuid for one in groups.list_groups(MEMBER, world.svc)] == [made.uuid]
    assert groups.list_groups(other, world.svc) == []
    assert len(groups.list_groups(other, world.svc, all_projects=True)) == 1
    groups.delete_group(MEMBER, world.svc, made.uuid)
    with pytest.raises(NotFound):
        groups.delete_group(MEMBER, world.svc, made.uuid)


@pytest.mark.parametrize(("policy", "most"), [("affinity", 2), ("anti-affinity", 0)])
def test_rules_that_a_policy_does_not_know_are_refused(world: World, policy: str, most: int) -> None:
    with pytest.raises(Invalid):
        groups.create_group(MEMBER, world.svc, "g", policy, max_per_host=most)  # type: ignore[arg-type]


def test_a_deleted_server_leaves_its_group(world: World) -> None:
    from compute_service.control.delete import force_delete

    made = groups.create_group(MEMBER, world.svc, "g", "soft-affinity")
    server = create_servers(MEMBER, world.svc, world.order(hints={"group": made.uuid})).servers[0]
    world.settle()
    assert groups.find_group(MEMBER, world.svc, made.uuid).members == (server.uuid,)
    force_delete(MEMBER, world.svc, world.see(server.uuid))
    world.settle()
    assert groups.find_group(MEMBER, world.svc, made.uuid).members == ()


def test_daemons_are_counted_by_binary_and_state(world: World) -> None:
    hosts.update_service(ADMIN, world.svc, service(world, "h1"), disabled=True)
    world.lose("h2")
    assert hosts.count_services(world.svc) == {
        ("nova-compute", "disabled"): 1,
        ("nova-compute", "down"): 1,
        ("nova-compute", "up"): 1,
    }


def generation(world: World) -> int:
    with world.store.api.read() as tx:
        return hosts_generation(tx)


def test_schedulers_are_told_of_whatever_changes_where_servers_may_go(world: World) -> None:
    made = aggregates.create_aggregate(ADMIN, world.svc, "a")
    known = generation(world)
    for change in (
        lambda: hosts.update_service(ADMIN, world.svc, service(world, "h1"), disabled=True),
        lambda: hosts.update_service(ADMIN, world.svc, service(world, "h1"), disabled=False),
        lambda: hosts.update_service(ADMIN, world.svc, service(world, "h1"), forced_down=True),
        lambda: aggregates.add_host(ADMIN, world.svc, made.id, "h2"),
        lambda: aggregates.set_metadata(ADMIN, world.svc, made.id, {"ssd": "true"}),
        lambda: aggregates.remove_host(ADMIN, world.svc, made.id, "h2"),
        lambda: hosts.delete_service(ADMIN, world.svc, service(world, "h3")),
    ):
        change()
        assert generation(world) > known
        known = generation(world)
