"""What an order is refused for, and what is written when it is accepted."""

from __future__ import annotations

from typing import Any

import pytest

from compute_service.control.create import create_servers
from compute_service.control.groups import create_group
from compute_service.control.keypairs import create_keypair
from compute_service.domain.aggregate import Aggregate
from compute_service.domain.errors import Conflict, Forbidden, Invalid, OverQuota
from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import API_DATABASE, FlowState
from compute_service.domain.image import Image
from compute_service.domain.instance import Instance
from compute_service.domain.states import TaskState, VmState
from compute_service.domain.vif import NetworkRequest, RequestedNetworks
from compute_service.store.aggregates import aggregate_insert
from compute_service.store.flavors import flavor_insert
from compute_service.store.flows import flows_of_instance
from compute_service.store.groups import group_get
from compute_service.store.mappings import instance_mapping_get
from tests.unit.control.test_keys import ED25519
from tests.unit.flows.kinds.world import ADMIN, CELL, MEMBER, World

OTHER = "22222222-2222-4222-8222-222222222222"


def make(world: World, **changes: Any) -> Instance:
    """Order one server and return it as it was accepted."""
    return create_servers(MEMBER, world.svc, world.order(**changes)).servers[0]


def add_image(world: World, **changes: Any) -> str:
    """Add another image and return its id."""
    world.images.add(Image(id=OTHER, name="other", disk_format="raw").replace(**changes), b"bits")
    return OTHER


def test_an_accepted_server_waits_in_the_api_database_and_counts(world: World) -> None:
    made = make(world)
    seen = world.see(made.uuid)
    assert seen.database == API_DATABASE
    assert (seen.instance.vm_state, seen.instance.task_state) == (VmState.BUILDING, TaskState.SCHEDULING)
    assert (seen.instance.hostname, seen.instance.security_groups) == ("web", ("default",))
    with world.store.api.read() as tx:
        mapping = instance_mapping_get(tx, made.uuid)
        (build,) = flows_of_instance(tx, made.uuid)
    assert mapping is not None
    assert (mapping.cell, mapping.vcpus, mapping.memory_mb) == (None, 1, 512)
    assert (build.kind, build.action, build.state) == ("build", "create", FlowState.WAITING)


def test_what_was_ordered_is_kept_with_the_server(world: World) -> None:
    create_keypair(MEMBER, world.svc, "ann", "key", public_key=ED25519)
    made = make(
        world,
        description="mine",
        hostname="host",
        metadata={"a": "b"},
        tags=("y", "x", "y"),
        key_name="key",
        user_data="aGk=",
        config_drive=True,
        access_ip_v4="10.0.0.1",
        disk_config="AUTO",
        security_groups=("default",),
        hints={"same_host": "x"},
        admin_password="secret",
    )
    assert (made.display_description, made.hostname, made.metadata) == ("mine", "host", {"a": "b"})
    assert set(made.tags) == {"x", "y"}
    assert made.keypair is not None
    assert (made.key_name, made.keypair.public_key) == ("key", ED25519)
    assert (made.user_data, made.config_drive, made.access_ip_v4) == ("aGk=", True, "10.0.0.1")
    assert (made.auto_disk_config, made.scheduler_hints) == (True, {"same_host": "x"})


def test_an_image_says_what_its_servers_need(world: World) -> None:
    image = add_image(
        world, properties={"img_config_drive": "mandatory", "kernel_id": "k", "auto_disk_config": "true"}
    )
    made = make(world, image_ref=image)
    assert (made.config_drive, made.kernel_id, made.auto_disk_config) == (True, "k", True)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"flavor_ref": "nothing"}, "Flavor nothing could not be found"),
        ({"image_ref": OTHER}, "Can not find requested image"),
        ({"image_ref": ""}, "Invalid imageRef"),
        ({"key_name": "nothing"}, "Invalid key_name"),
        ({"availability_zone": "nowhere"}, "availability zone is not available"),
        ({"availability_zone": "nova:nowhere"}, "Compute host nowhere could not be found"),
        ({"availability_zone": "nova:h1:nowhere"}, "Compute host nowhere could not be found"),
        ({"availability_zone": "a:b:c:d"}, "more than three parts"),
        ({"host": "nowhere"}, "Compute host nowhere could not be found"),
        ({"hypervisor_hostname": "nowhere"}, "Compute host nowhere could not be found"),
        ({"availability_zone": "nova:h1", "host": "h1"}, "cannot be named both"),
        ({"hints": {"group": OTHER}}, f"Instance group {OTHER} could not be found"),
        ({"min_count": 3, "max_count": 2}, "min_count must be"),
        ({"max_count": 2, "hostname": "one"}, "hostname"),
        ({"injected_files": (("/a", "!!!"),)}, "could not be decoded"),
    ],
)
def test_an_order_that_names_what_is_not_there_is_refused(
    world: World, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        make(world, **changes)
    with world.store.api.read() as tx:
        assert not flows_of_instance(tx, "any")
    assert not world.flows()


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (NetworkRequest(port_id=OTHER), "single configured port"),
        (NetworkRequest(network_id=OTHER, fixed_ip="10.0.0.9"), "fixed_ip"),
    ],
)
def test_several_servers_cannot_share_a_port_or_an_address(
    world: World, network: NetworkRequest, why: str
) -> None:
    asked = RequestedNetworks(mode="list", networks=(network,))
    with pytest.raises(Invalid, match=why):
        make(world, networks=asked, max_count=2)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ({"status": "queued"}, "is not active"),
        ({"min_ram_mb": 1024}, "memory is too small"),
        ({"min_disk_gb": 2}, "smaller than the minimum size"),
        ({"properties": {"hw_architecture": "z80"}}, "'z80' is not recognised"),
        ({"properties": {"img_block_device_mapping": "[]"}}, "no volume service"),
    ],
)
def test_an_image_that_does_not_fit_is_refused(world: World, image: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        make(world, image_ref=add_image(world, **image))


def test_an_image_larger_than_the_disk_is_refused(world: World) -> None:
    world.images.add(Image(id=OTHER, size=2 * 1024**3), b"")
    with pytest.raises(Invalid, match="disk is too small for requested image"):
        make(world, image_ref=OTHER)


def test_automatic_disks_are_refused_where_the_image_forbids_them(world: World) -> None:
    image = add_image(world, properties={"auto_disk_config": "false"})
    with pytest.raises(Invalid, match="automatic disk resizing disabled"):
        make(world, image_ref=image, disk_config="AUTO")
    assert make(world, image_ref=image, disk_config="MANUAL").auto_disk_config is False


def test_a_flavor_without_a_disk_is_for_those_who_may(world: World) -> None:
    with world.store.api.write() as tx:
        flavor_insert(tx, Flavor(flavorid="0", name="none", vcpus=1, memory_mb=64, root_gb=0))
    with pytest.raises(Forbidden, match="zero disk"):
        make(world, flavor_ref="0")
    order = world.order(flavor_ref="0")
    assert create_servers(MEMBER, world.svc, order, zero_disk_allowed=True).servers
    assert create_servers(ADMIN, world.svc, order).servers


def test_a_zone_that_hosts_are_in_may_be_asked_for_and_is_remembered(world: World) -> None:
    with world.store.api.write() as tx:
        aggregate_insert(
            tx, Aggregate(uuid=OTHER, name="a", metadata={"availability_zone": "east"}, hosts=("h1",))
        )
    assert make(world, availability_zone="east").pinned_availability_zone == "east"
    assert make(world).pinned_availability_zone is None
    world.with_settings("default", default_schedule_zone="east")
    assert make(world).pinned_availability_zone == "east"


def test_hosts_that_are_asked_for_reach_the_scheduler(world: World) -> None:
    make(world, availability_zone="nova:h2:h2")
    make(world, host="h3", hypervisor_hostname="h3")
    world.deliver()
    forced, asked = (one.request for one in world.scheduler.asked)
    assert (forced.force_host, forced.force_node, forced.availability_zone) == ("h2", "h2", "nova")
    assert (asked.requested_host, asked.requested_node) == ("h3", "h3")
    assert [one.alternates for one in world.scheduler.asked] == [0, 2]


def test_servers_join_the_group_they_ask_for_as_long_as_there_is_room(world: World) -> None:
    world.with_settings("quota", server_group_members=2)
    group = create_group(MEMBER, world.svc, "g", "soft-affinity")
    hints = {"group": group.uuid}
    made = create_servers(MEMBER, world.svc, world.order(hints=hints, min_count=2, max_count=2)).servers
    assert {one.group_uuid for one in made} == {group.uuid}
    with pytest.raises(OverQuota, match="too many servers in group"):
        make(world, hints=hints)
    with world.store.api.read() as tx:
        kept = group_get(tx, group.uuid)
    assert kept is not None
    assert set(kept.members) == {one.uuid for one in made}


def test_another_projects_group_is_not_there(world: World) -> None:
    group = create_group(ADMIN, world.svc, "g", "affinity")
    with pytest.raises(Invalid, match="could not be found"):
        make(world, hints={"group": group.uuid})


def test_more_metadata_or_files_than_allowed_are_refused(world: World) -> None:
    world.with_settings("quota", metadata_items=1, injected_files=1, injected_file_content_bytes=2)
    with pytest.raises(OverQuota, match="Maximum number of metadata items exceeds 1"):
        make(world, metadata={"a": "1", "b": "2"})
    with pytest.raises(OverQuota, match="file limit"):
        make(world, injected_files=(("/a", "YQ=="), ("/b", "YQ==")))
    with pytest.raises(OverQuota, match="content exceeds"):
        make(world, injected_files=(("/a", "YWJj"),))
    world.with_settings("quota", injected_file_path_length=1)
    with pytest.raises(OverQuota, match="path exceeds"):
        make(world, injected_files=(("/ab", "YQ=="),))


@pytest.mark.parametrize("scope", ["project", "global"])
def test_a_name_may_have_to_be_the_only_one(world: World, scope: str) -> None:
    make(world, name="a.b")
    world.with_settings("default", osapi_compute_unique_server_name_scope=scope)
    with pytest.raises(Conflict, match=r"Instance a\.b already exists"):
        make(world, name="a.b")
    make(world, name="axb")
    other = ADMIN.replace(project_id="p2")
    if scope == "global":
        with pytest.raises(Conflict):
            create_servers(other, world.svc, world.order(name="a.b"))
    else:
        create_servers(other, world.svc, world.order(name="a.b"))


def test_a_lost_doorbell_costs_no_server(world: World) -> None:
    made = make(world)
    world.messages.clear()
    world.settle()
    assert world.see(made.uuid).database == CELL


def test_a_boot_stays_within_its_statements(world: World) -> None:
    databases = [world.store.database(name) for name in world.store.names()]
    before = sum(one.statements for one in databases)
    make(world)
    accepted = sum(one.statements for one in databases)
    world.deliver()
    done = sum(one.statements for one in databases)
    assert accepted - before <= 8
    assert done - before <= 44


def test_no_more_servers_are_made_at_once_than_fit_in_a_transaction(world: World) -> None:
    world.with_settings("quota", instances=-1, cores=-1, ram=-1)
    with pytest.raises(Forbidden, match="No more than 10000"):
        make(world, min_count=2**31 - 1, max_count=2**31 - 1)
    world.with_settings("quota", instances=4)
    order = world.order(min_count=2, max_count=2**31 - 1, networks=RequestedNetworks(mode="none"))
    made = create_servers(MEMBER, world.svc, order).servers
    assert len(made) == 4
