"""Shelving, leaving the host, and coming back."""

from __future__ import annotations

from uuid import uuid4

import pytest

from compute_service.conductor.reconcilers.shelved import ShelvedServers
from compute_service.control import delete, power
from compute_service.control.reset import reset_state
from compute_service.control.shelve import shelve, shelve_offload, unshelve
from compute_service.domain.aggregate import Aggregate
from compute_service.domain.errors import Conflict, HostRejected, Invalid, InvalidState, Locked
from compute_service.domain.order import UnshelveOrder
from compute_service.domain.states import PowerState, VmState
from compute_service.flows.kinds.shelve_offload import SHELVE_OFFLOAD
from compute_service.store.aggregates import aggregate_add_host, aggregate_insert
from compute_service.store.mappings import instance_mapping_get, instance_ordered_get
from compute_service.store.servers import Located
from tests.unit.flows.kinds.accounts import check
from tests.unit.flows.kinds.conftest import MakeWorld
from tests.unit.flows.kinds.trouble import GIVES_UP, GOES_ON, trouble
from tests.unit.flows.kinds.world import ADMIN, MEMBER, World, state_of

ANYWHERE = UnshelveOrder()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


def shelved(world: World, offload: int = 0, **order: object) -> Located:
    """Boot a server and shelve it; `offload` is the time after which it leaves its host."""
    world.with_settings("default", shelved_offload_time=offload)
    server = world.boot(**order)
    shelve(MEMBER, world.svc, server)
    world.settle()
    return world.see(server.instance.uuid)


def back(world: World, server: Located, order: UnshelveOrder = ANYWHERE) -> Located:
    unshelve(ADMIN, world.svc, world.see(server.instance.uuid), order)
    world.settle()
    return world.see(server.instance.uuid)


def counted(world: World, uuid: str) -> tuple[int, bool]:
    with world.store.api.read() as tx:
        mapping = instance_mapping_get(tx, uuid)
    assert mapping is not None
    return mapping.vcpus, mapping.deleted


def test_a_shelved_server_leaves_its_host_and_keeps_its_ports_and_its_quota(world: World) -> None:
    seen = shelved(world).instance
    assert (seen.host, seen.node, seen.availability_zone) == (None, None, None)
    assert seen.vm_state is VmState.SHELVED_OFFLOADED
    assert world.guests("h1") == set()
    assert world.held(seen.uuid) == {}
    assert world.ports_of(seen.uuid) == {""}
    assert seen.vifs[0].vif_type == "unbound"
    assert counted(world, seen.uuid) == (1, False)
    (image,) = (one for one in world.images.images.values() if one.name == "web-shelved")
    assert seen.system_metadata["shelved_image_id"] == image.id
    assert seen.system_metadata["shelved_host"] == "h1"
    assert image.properties["image_type"] == "snapshot"
    check(world)


def test_an_offloaded_server_is_made_of_its_image_again_and_the_image_goes(world: World) -> None:
    server = shelved(world)
    image = server.instance.system_metadata["shelved_image_id"]
    seen = back(world, server)
    assert (seen.instance.host, *state_of(seen)) == ("h1", "active", None)
    assert world.specs[-1].image is not None
    assert world.specs[-1].image.id == image
    assert world.hosts["h1"].state(seen.instance.uuid) is PowerState.RUNNING
    assert image not in world.images.images
    assert seen.instance.image_ref != image
    check(world)


@pytest.mark.parametrize("before", [power.pause, power.suspend, power.stop])
def test_a_server_that_stays_on_its_host_is_started_there(world: World, before: object) -> None:
    world.with_settings("default", shelved_offload_time=-1)
    server = world.boot()
    before(MEMBER, world.svc, server)  # type: ignore[operator]
    world.settle()
    shelve(MEMBER, world.svc, world.see(server.instance.uuid))
    world.settle()
    seen = world.see(server.instance.uuid)
    assert (seen.instance.host, *state_of(seen)) == ("h1", "shelved", None)
    assert world.hosts["h1"].state(seen.instance.uuid) is PowerState.SHUTDOWN
    check(world)
    seen = back(world, seen)
    assert (seen.instance.host, *state_of(seen)) == ("h1", "active", None)
    assert world.hosts["h1"].state(seen.instance.uuid) is PowerState.RUNNING
    check(world)


def test_an_admin_takes_a_shelved_server_from_its_host(world: World) -> None:
    server = shelved(world, offload=-1)
    shelve_offload(ADMIN, world.svc, server)
    world.settle()
    assert state_of(world.see(server.instance.uuid)) == ("shelved_offloaded", None)
    check(world)


def test_shelved_servers_leave_their_hosts_in_time(world: World) -> None:
    server = shelved(world, offload=600)
    old, known = ShelvedServers(world.svc), server.instance.uuid
    assert old.interval == world.svc.settings.default.shelved_poll_interval
    assert old.run() == 0
    world.clock.advance(601)
    world.beat()
    assert old.run() == 1
    assert old.run() == 0, "it is on its way"
    world.settle()
    assert state_of(world.see(known)) == ("shelved_offloaded", None)
    check(world)


def test_shelved_servers_that_are_to_stay_do(world: World) -> None:
    world.with_settings("default", shelved_offload_time=-1)
    assert ShelvedServers(world.svc).interval == 0


def test_a_host_that_is_down_is_left_without_it(world: World) -> None:
    server = shelved(world, offload=-1)
    world.lose("h1")
    shelve_offload(ADMIN, world.svc, server)
    world.settle()
    assert state_of(world.see(server.instance.uuid)) == ("shelved_offloaded", None)
    world.down.clear()
    world.beat()
    world.look_around()
    assert world.guests("h1") == set()
    check(world)


def test_disks_stay_where_they_are_while_the_image_is_not_whole(world: World) -> None:
    server = shelved(world, offload=-1)
    image = server.instance.system_metadata["shelved_image_id"]
    world.images.update(image, status="deactivated")
    shelve_offload(ADMIN, world.svc, server)
    world.settle()
    seen = world.see(server.instance.uuid)
    assert (seen.instance.host, *state_of(seen)) == ("h1", "shelved", None)
    assert seen.instance.fault is not None
    assert seen.instance.uuid in world.guests("h1")


def test_an_offload_that_began_goes_on_until_it_is_done(world: World) -> None:
    server = shelved(world, offload=-1)
    world.hosts["h1"].faults.add("destroy", Conflict("not now"), times=4, half=True)
    shelve_offload(ADMIN, world.svc, server)
    world.settle()
    assert state_of(world.see(server.instance.uuid)) == ("shelved_offloaded", None)
    check(world)


def test_nothing_is_left_of_a_shelving_that_failed_and_the_server_runs_again(world: World) -> None:
    server = world.boot()
    world.hosts["h1"].faults.add("snapshot", Conflict("no"), half=True)
    shelve(MEMBER, world.svc, server)
    world.settle()
    seen = world.see(server.instance.uuid)
    assert state_of(seen) == ("active", None)
    assert world.hosts["h1"].state(seen.instance.uuid) is PowerState.RUNNING
    check(world)


def test_a_host_is_named_by_an_admin(world: World) -> None:
    seen = back(world, shelved(world), UnshelveOrder(host="h3"))
    assert seen.instance.host == "h3"
    check(world)


def a_zone(world: World, name: str, host: str) -> None:
    with world.store.api.write() as tx:
        zone = Aggregate(
            uuid=str(uuid4()),
            name=f"{name}-hosts",
            metadata={"availability_zone": name},
            created_at=world.clock.now(),
        )
        aggregate_add_host(tx, aggregate_insert(tx, zone).id, host)


def test_a_zone_pins_the_server_and_null_unpins_it(world: World) -> None:
    a_zone(world, "east", "h2")
    server = shelved(world)
    seen = back(world, server, UnshelveOrder(zone="east"))
    assert world.scheduler.asked[-1].request.availability_zone == "east"
    assert seen.instance.pinned_availability_zone == "east"
    with world.store.api.read() as tx:
        ordered = instance_ordered_get(tx, seen.instance.uuid)
    assert ordered is not None
    assert ordered.pinned_availability_zone == "east"
    shelve(MEMBER, world.svc, seen)
    world.settle()
    with pytest.raises(Conflict, match="not in the availability zone"):
        back(world, seen, UnshelveOrder(host="h1"))
    seen = back(world, seen, UnshelveOrder(zone=None, host="h1"))
    assert (seen.instance.host, seen.instance.pinned_availability_zone) == ("h1", None)
    check(world)


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (UnshelveOrder(zone="nowhere"), Invalid),
        (UnshelveOrder(host="h9"), Invalid),
        (UnshelveOrder(zone="east", host="h1"), Conflict),
    ],
)
def test_a_place_that_cannot_be_is_refused(
    world: World, order: UnshelveOrder, error: type[Exception]
) -> None:
    a_zone(world, "east", "h2")
    server = shelved(world)
    with pytest.raises(error):
        unshelve(ADMIN, world.svc, server, order)
    assert state_of(world.see(server.instance.uuid)) == ("shelved_offloaded", None)


@pytest.mark.parametrize("order", [UnshelveOrder(zone=None), UnshelveOrder(host="h2")])
def test_a_server_that_is_still_on_its_host_cannot_go_elsewhere(world: World, order: UnshelveOrder) -> None:
    with pytest.raises(Conflict, match="must be SHELVED_OFFLOADED"):
        unshelve(ADMIN, world.svc, shelved(world, offload=-1), order)


def test_without_room_a_server_stays_shelved(make_world: MakeWorld) -> None:
    world = make_world(hosts=("only",))
    server = shelved(world)
    for _ in range(4):
        world.boot()
    seen = back(world, server)
    assert state_of(seen) == ("shelved_offloaded", None)
    assert seen.instance.fault is not None
    check(world)


def test_without_its_image_a_server_stays_shelved(world: World) -> None:
    server = shelved(world)
    world.images.delete(server.instance.system_metadata["shelved_image_id"])
    seen = back(world, server)
    assert state_of(seen) == ("shelved_offloaded", None)
    assert seen.instance.fault is not None
    delete.force_delete(MEMBER, world.svc, seen)
    world.settle()
    check(world)


def test_an_image_that_its_owner_protects_outlives_the_shelving(world: World) -> None:
    server = shelved(world)
    image = server.instance.system_metadata["shelved_image_id"]
    world.images.update(image, protected=True)
    assert state_of(back(world, server)) == ("active", None)
    assert image in world.images.images


def test_an_offloaded_server_is_deleted_at_once_even_where_servers_are_kept(world: World) -> None:
    world.with_settings("default", reclaim_instance_interval=300)
    server = shelved(world)
    delete.delete(MEMBER, world.svc, server)
    world.settle()
    assert world.see(server.instance.uuid, deleted=True).instance.deleted
    check(world)


def test_a_soft_deleted_shelved_server_comes_back_from_its_own_disks(world: World) -> None:
    world.with_settings("default", reclaim_instance_interval=300)
    server = shelved(world, offload=-1)
    delete.delete(MEMBER, world.svc, server)
    world.settle()
    check(world)
    delete.restore(MEMBER, world.svc, world.see(server.instance.uuid))
    world.settle()
    assert state_of(world.see(server.instance.uuid)) == ("active", None)
    check(world)


def test_the_image_of_an_older_shelving_goes_with_the_next(world: World) -> None:
    server = shelved(world, offload=-1)
    reset_state(ADMIN, world.svc, server, VmState.ACTIVE)
    shelve(MEMBER, world.svc, world.see(server.instance.uuid))
    world.settle()
    check(world)


def test_an_offload_is_not_begun_for_a_server_that_is_shelved_no_more(world: World) -> None:
    server = shelved(world, offload=-1)
    shelve_offload(ADMIN, world.svc, server)
    reset_state(ADMIN, world.svc, world.see(server.instance.uuid), VmState.ERROR)
    world.settle()
    assert server.instance.uuid in world.guests("h1")
    assert SHELVE_OFFLOAD.steps[1].pivot


@pytest.mark.parametrize("action", [shelve, shelve_offload])
def test_a_locked_server_is_left_alone(world: World, action: object) -> None:
    server = world.boot()
    locked = Located(database=server.database, instance=server.instance.replace(locked_by="owner"))
    with pytest.raises(Locked):
        action(MEMBER, world.svc, locked)  # type: ignore[operator]


def test_only_a_shelved_server_can_be_unshelved(world: World) -> None:
    with pytest.raises(InvalidState, match="Cannot 'unshelve'"):
        unshelve(MEMBER, world.svc, world.boot(), ANYWHERE)


@pytest.mark.parametrize("step", ["choose", "bind", "spawn"])
@pytest.mark.parametrize("mode", [*GOES_ON, *GIVES_UP])
def test_an_unshelving_is_taken_back_whatever_happens_meanwhile(world: World, step: str, mode: str) -> None:
    server = shelved(world)
    for host in world.hosts.values():
        host.faults.add("spawn", HostRejected("not here"), half=True)
    with trouble(world, "unshelve_offloaded", step, mode, undo=True) as times:
        seen = back(world, server)
        assert times.struck == 1
    assert state_of(seen) == ("shelved_offloaded", None)
    check(world)
    for host in world.hosts.values():
        host.faults.clear()
    assert state_of(back(world, seen)) == ("active", None)
    check(world)


@pytest.mark.parametrize("mode", [*GOES_ON, *GIVES_UP])
@pytest.mark.parametrize(("kind", "last"), [("shelve", "on_failed"), ("unshelve_offloaded", "on_failed")])
def test_the_last_word_may_be_said_again(world: World, kind: str, last: str, mode: str) -> None:
    server = shelved(world) if kind == "unshelve_offloaded" else world.boot()
    with trouble(world, kind, last, mode) as times:
        if kind == "shelve":
            world.hosts["h1"].faults.add("snapshot", HostRejected("no"))
            shelve(MEMBER, world.svc, server)
        else:
            world.hosts["h1"].faults.add("spawn", HostRejected("no"))
            unshelve(MEMBER, world.svc, server, ANYWHERE)
        world.settle()
        assert times.struck == 1
    ends = "active" if kind == "shelve" else "shelved_offloaded"
    assert state_of(world.see(server.instance.uuid)) == (ends, None)
    check(world)
