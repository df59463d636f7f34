"""What is known of a server when its cell does not answer follows what becomes of the server."""

from __future__ import annotations

from compute_service.control import rebuild, resize, update
from compute_service.control.rebuild import RebuildOrder
from compute_service.domain.image import Image
from compute_service.domain.instance import Instance
from compute_service.store.mappings import Ordered, instance_ordered_get
from tests.unit.flows.kinds.world import ADMIN, MEMBER, World


def known(world: World, server: Instance) -> Ordered:
    with world.store.api.read() as tx:
        found = instance_ordered_get(tx, server.uuid)
    assert found is not None
    return found


def as_it_is(world: World, server: Instance) -> Ordered:
    return Ordered.like(world.see(server.uuid).instance)


def test_a_new_server_is_known_as_it_was_ordered(world: World) -> None:
    server = world.boot(availability_zone="nova").instance
    assert known(world, server) == as_it_is(world, server)
    assert known(world, server).pinned_availability_zone == "nova"


def test_a_resize_changes_the_flavor_and_a_revert_changes_it_back(world: World) -> None:
    server = world.boot().instance
    before = known(world, server).flavor
    resize.resize(MEMBER, world.svc, world.see(server.uuid), "2")
    world.settle()
    assert known(world, server).flavor == as_it_is(world, server).flavor != before
    resize.revert_resize(MEMBER, world.svc, world.see(server.uuid))
    world.settle()
    assert known(world, server).flavor == before


def test_a_rebuild_changes_the_image(world: World) -> None:
    server = world.boot().instance
    other = "c1110500-0000-4000-8000-000000000002"
    world.images.add(Image(id=other, name="other", disk_format="raw"), b"bits")
    rebuild.rebuild(MEMBER, world.svc, world.see(server.uuid), RebuildOrder(image_ref=other))
    world.settle()
    assert known(world, server).image_ref == as_it_is(world, server).image_ref == other


def test_a_pin_is_known_and_taken_away(world: World) -> None:
    server = world.boot().instance
    for zone in ("nova", None):
        update.update_server(ADMIN, world.svc, world.see(server.uuid), {"pinned_availability_zone": zone})
        assert known(world, server).pinned_availability_zone == zone
