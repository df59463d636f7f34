"""Finding, changing, locking, resetting and asking servers."""

from __future__ import annotations

import pytest

from compute_service.control import console, lock, power, rebuild, reset, resize, snapshot, update
from compute_service.control.create import create_servers
from compute_service.control.delete import delete, force_delete, restore
from compute_service.control.find import find_server
from compute_service.domain.context import Context
from compute_service.domain.errors import (
    Conflict,
    Invalid,
    InvalidState,
    Locked,
    NotFound,
    NotReady,
    OverQuota,
)
from compute_service.domain.order import RebuildOrder
from compute_service.domain.states import VmState
from compute_service.store.flows import flows_of_instance, steps_of_flows
from compute_service.store.quotas import quota_set
from compute_service.store.servers import Located
from tests.unit.flows.kinds.accounts import check
from tests.unit.flows.kinds.world import ADMIN, CELL, IMAGE, MEMBER, World, state_of

STRANGER = Context(request_id="req-9", user_id="eve", project_id="p9")


@pytest.fixture
def server(world: World) -> Located:
    return world.boot()


def test_a_server_is_found_by_its_project_and_by_admins(world: World, server: Located) -> None:
    uuid = server.instance.uuid
    assert find_server(MEMBER, world.svc, uuid).instance == server.instance
    assert find_server(ADMIN, world.svc, uuid).database == CELL
    for who, what in ((STRANGER, uuid), (MEMBER, "no-such-server")):
        with pytest.raises(NotFound, match=f"Instance {what} could not be found"):
            find_server(who, world.svc, what)


def test_fields_of_a_server_are_changed(world: World, server: Located) -> None:
    changes = {"display_name": "new", "hostname": "host", "access_ip_v4": "10.0.0.1", "disk_config": "AUTO"}
    changed = update.update_server(MEMBER, world.svc, server, changes)
    assert (changed.display_name, changed.hostname, changed.access_ip_v4) == ("new", "host", "10.0.0.1")
    assert changed.auto_disk_config
    assert world.see(server.instance.uuid).instance == changed


def test_a_server_is_pinned_only_to_where_it_is(world: World, server: Located) -> None:
    def pin(zone: str | None) -> str | None:
        wanted = {"pinned_availability_zone": zone}
        return update.update_server(MEMBER, world.svc, server, wanted).pinned_availability_zone

    with pytest.raises(Conflict, match="current availability zone"):
        pin("elsewhere")
    assert pin("nova") == "nova"
    with pytest.raises(Conflict, match="Unpin first"):
        pin("elsewhere")
    assert pin(None) is None


def test_metadata_is_replaced_merged_set_and_removed(world: World, server: Located) -> None:
    assert update.metadata_replace(MEMBER, world.svc, server, {"a": "1"}) == {"a": "1"}
    assert update.metadata_merge(MEMBER, world.svc, server, {"b": "2"}) == {"a": "1", "b": "2"}
    assert update.metadata_set(MEMBER, world.svc, server, "a", "3") == {"a": "3", "b": "2"}
    update.metadata_delete(MEMBER, world.svc, server, "a")
    assert world.see(server.instance.uuid).instance.metadata == {"b": "2"}
    with pytest.raises(NotFound, match="Metadata item was not found"):
        update.metadata_delete(MEMBER, world.svc, server, "a")
    world.with_settings("quota", metadata_items=1)
    with pytest.raises(OverQuota):
        update.metadata_merge(MEMBER, world.svc, server, {"c": "4"})


def test_metadata_of_a_locked_server_or_one_in_error_stays(world: World, server: Located) -> None:
    lock.lock(MEMBER, world.svc, server)
    with pytest.raises(Locked):
        update.metadata_set(MEMBER, world.svc, server, "a", "1")
    assert update.metadata_set(ADMIN, world.svc, server, "a", "1") == {"a": "1"}
    reset.reset_state(ADMIN, world.svc, server, VmState.ERROR)
    with pytest.raises(InvalidState):
        update.metadata_set(ADMIN, world.svc, server, "a", "2")


def test_tags_come_and_go(world: World, server: Located) -> None:
    assert update.tags_replace(MEMBER, world.svc, server, ("b", "a", "a")) == ("a", "b")
    assert update.tags_add(MEMBER, world.svc, server, "c") is True
    assert update.tags_add(MEMBER, world.svc, server, "c") is False
    update.tags_delete(MEMBER, world.svc, server, "a")
    assert world.see(server.instance.uuid).instance.tags == ("b", "c")
    with pytest.raises(NotFound, match="has no tag 'a'"):
        update.tags_delete(MEMBER, world.svc, server, "a")
    with pytest.raises(Invalid, match="limit 50"):
        update.tags_replace(MEMBER, world.svc, server, tuple(f"t{n}" for n in range(51)))
    update.tags_clear(MEMBER, world.svc, server)
    assert world.see(server.instance.uuid).instance.tags == ()


def test_a_locked_server_refuses_all_but_admins(world: World, server: Located) -> None:
    locked = lock.lock(MEMBER, world.svc, server, "mine")
    assert (locked.locked_by, locked.locked_reason) == ("owner", "mine")
    seen = world.see(server.instance.uuid)
    for refused in (
        lambda: power.stop(MEMBER, world.svc, seen),
        lambda: delete(MEMBER, world.svc, seen),
        lambda: resize.resize(MEMBER, world.svc, seen, "2"),
        lambda: rebuild.rebuild(MEMBER, world.svc, seen, RebuildOrder(image_ref=IMAGE)),
    ):
        with pytest.raises(Locked, match="is locked"):
            refused()
    assert snapshot.create_image(MEMBER, world.svc, seen, "copy")
    world.settle()
    power.stop(ADMIN, world.svc, world.see(server.instance.uuid))
    world.settle()
    assert lock.unlock(MEMBER, world.svc, seen).locked_by is None


def test_an_owner_does_not_take_over_an_admins_lock(world: World, server: Located) -> None:
    assert lock.lock(ADMIN, world.svc, server, "theirs").locked_by == "admin"
    seen = world.see(server.instance.uuid)
    assert lock.lock(MEMBER, world.svc, seen, "mine").locked_reason == "theirs"


def test_what_is_done_at_once_is_recorded_too(world: World, server: Located) -> None:
    lock.lock(MEMBER, world.svc, server)
    reset.reset_state(ADMIN, world.svc, server, VmState.ACTIVE)
    with world.store.database(CELL).read() as tx:
        flows = flows_of_instance(tx, server.instance.uuid)
        steps = steps_of_flows(tx, [flow.id for flow in flows])
    events = {flow.action: [step.event for step in steps.get(flow.id, [])] for flow in flows}
    assert events["lock"] == ["api_lock"]
    assert events["resetState"] == []


def test_a_state_is_reset_whatever_it_was(world: World, server: Located) -> None:
    power.stop(MEMBER, world.svc, server)
    changed = reset.reset_state(ADMIN, world.svc, server, VmState.ERROR)
    assert (changed.vm_state, changed.task_state) == (VmState.ERROR, None)


def test_a_kept_server_whose_state_is_reset_counts_again(world: World, server: Located) -> None:
    world.with_settings("default", reclaim_instance_interval=300)
    delete(MEMBER, world.svc, server)
    world.settle()
    kept = world.see(server.instance.uuid)
    assert state_of(kept) == ("soft-delete", None)
    changed = reset.reset_state(ADMIN, world.svc, kept, VmState.ERROR)
    assert (changed.vm_state, changed.deleted_at) == (VmState.ERROR, None)
    check(world)


def test_a_server_without_a_host_cannot_be_acted_on(world: World) -> None:
    made = create_servers(MEMBER, world.svc, world.order()).servers[0]
    waiting = world.see(made.uuid)
    with pytest.raises(NotReady):
        reset.reset_state(ADMIN, world.svc, waiting, VmState.ACTIVE)
    with pytest.raises(InvalidState):
        power.stop(MEMBER, world.svc, waiting)
    with pytest.raises(NotReady, match="is not ready"):
        console.console_output(MEMBER, world.svc, waiting)


def test_a_console_is_read_from_its_end(world: World, server: Located) -> None:
    whole = console.console_output(MEMBER, world.svc, server)
    assert whole.splitlines()[-1] == "login: "
    assert console.console_output(MEMBER, world.svc, server, 1) == "login: "
    assert console.console_output(MEMBER, world.svc, server, -1) == whole
    world.hosts["h1"].destroy(server.instance.uuid, disks=True)
    with pytest.raises(NotFound, match="does not have a console"):
        console.console_output(MEMBER, world.svc, server)


def test_diagnostics_come_from_the_host_while_it_is_up(world: World, server: Located) -> None:
    assert console.diagnostics(ADMIN, world.svc, server).num_cpus == 1
    world.lose("h1")
    with pytest.raises(Conflict, match="Compute service of h1 is unavailable"):
        console.diagnostics(ADMIN, world.svc, server)


@pytest.mark.parametrize("act", [power.stop, lambda c, v, s: resize.resize(c, v, s, "2")])
def test_what_needs_the_host_is_refused_while_it_is_down(world: World, server: Located, act: object) -> None:
    world.lose("h1")
    with pytest.raises(Conflict, match="Compute service of h1 is unavailable"):
        act(MEMBER, world.svc, server)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("flavor", "why"),
    [
        ("1", "must change flavor"),
        ("nothing", "could not be found"),
        ("tiny", "smaller disk"),
        ("diskless", "zero disk"),
    ],
)
def test_a_resize_to_what_cannot_be_is_refused(world: World, server: Located, flavor: str, why: str) -> None:
    from compute_service.domain.flavor import Flavor
    from compute_service.store.flavors import flavor_insert

    with world.store.api.write() as tx:
        for name, ephemeral, root in (("tiny", 0, 1), ("diskless", 0, 0), ("big", 5, 1)):
            flavor_insert(
                tx,
                Flavor(flavorid=name, name=name, vcpus=1, memory_mb=1, root_gb=root, ephemeral_gb=ephemeral),
            )
    if flavor == "tiny":
        server = world.boot(flavor_ref="big")
    with pytest.raises(Invalid, match=why):
        resize.resize(MEMBER, world.svc, server, flavor)
    assert state_of(world.see(server.instance.uuid)) == ("active", None)


@pytest.mark.parametrize(
    ("host", "why"), [("h1", "where the server exists"), ("nowhere", "could not be found")]
)
def test_a_migration_to_where_it_cannot_go_is_refused(
    world: World, server: Located, host: str, why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        resize.migrate(ADMIN, world.svc, server, host)


def test_a_server_that_was_not_moved_cannot_be_settled(world: World, server: Located) -> None:
    reset.reset_state(ADMIN, world.svc, server, VmState.ACTIVE)
    with world.store.database(CELL).write() as tx:
        from compute_service.store.instances import instance_get, instance_update

        seen = instance_get(tx, server.instance.uuid)
        assert seen is not None
        instance_update(tx, seen, vm_state=VmState.RESIZED)
    for settle in (resize.confirm_resize, resize.revert_resize):
        with pytest.raises(Invalid, match="has not been resized"):
            settle(MEMBER, world.svc, world.see(server.instance.uuid))


def test_a_confirmation_needs_the_source(world: World, server: Located) -> None:
    resize.migrate(ADMIN, world.svc, server)
    world.settle()
    world.lose("h1")
    with pytest.raises(Conflict, match="h1 is unavailable"):
        resize.confirm_resize(MEMBER, world.svc, world.see(server.instance.uuid))


def test_a_move_is_settled_once(world: World, server: Located) -> None:
    resize.migrate(ADMIN, world.svc, server)
    world.settle()
    moved = world.see(server.instance.uuid)
    resize.confirm_resize(MEMBER, world.svc, moved)
    with pytest.raises(Invalid, match="has not been resized"):
        resize.revert_resize(MEMBER, world.svc, moved)


def test_a_restore_over_a_limit_is_refused(world: World, server: Located) -> None:
    world.with_settings("default", reclaim_instance_interval=60)
    delete(MEMBER, world.svc, server)
    world.settle()
    with world.store.api.write() as tx:
        quota_set(tx, "p1", {"instances": 0})
    with pytest.raises(OverQuota, match="Requested 1, but already used 0 of 0 instances"):
        restore(MEMBER, world.svc, world.see(server.instance.uuid))
    assert state_of(world.see(server.instance.uuid)) == ("soft-delete", None)


def test_a_server_that_never_ran_is_not_kept(world: World) -> None:
    world.with_settings("default", reclaim_instance_interval=60)
    made = create_servers(MEMBER, world.svc, world.order()).servers[0]
    delete(MEMBER, world.svc, world.see(made.uuid))
    world.settle()
    assert world.see(made.uuid, deleted=True).instance.deleted


def test_a_delete_that_comes_twice_is_one(world: World, server: Located) -> None:
    force_delete(MEMBER, world.svc, server)
    force_delete(MEMBER, world.svc, world.see(server.instance.uuid))
    with world.store.database(CELL).read() as tx:
        flows = flows_of_instance(tx, server.instance.uuid)
    assert [flow.kind for flow in flows].count("delete") == 1


def test_a_delete_left_without_its_flow_can_be_asked_for_again(world: World, server: Located) -> None:
    world.hosts["h1"].faults.add("destroy", Conflict("no"), times=3)
    force_delete(MEMBER, world.svc, server)
    world.settle()
    assert state_of(world.see(server.instance.uuid)) == ("error", None)
    force_delete(MEMBER, world.svc, world.see(server.instance.uuid))
    world.settle()
    assert world.see(server.instance.uuid, deleted=True).instance.deleted


def test_an_image_of_a_server_inherits_what_it_should(world: World) -> None:
    from compute_service.domain.image import Image

    properties = {"hw_disk_bus": "virtio", "cache_in_nova": "1", "img_signature": "x", "secret": "y"}
    world.images.add(Image(id="33333333-3333-4333-8333-333333333333", properties=properties), b"bits")
    world.with_settings("default", non_inheritable_image_properties=("secret",))
    server = world.boot(image_ref="33333333-3333-4333-8333-333333333333")
    made = world.images.show(snapshot.create_image(MEMBER, world.svc, server, "copy"))
    assert made.properties["hw_disk_bus"] == "virtio"
    assert made.properties["base_image_ref"] == "33333333-3333-4333-8333-333333333333"
    assert made.properties["boot_roles"] == "member"
    assert not {"cache_in_nova", "img_signature", "secret"} & set(made.properties)
    assert (made.min_disk_gb, made.visibility) == (1, "private")


def test_more_image_metadata_than_allowed_is_refused_where_it_counts(world: World, server: Located) -> None:
    world.with_settings("quota", metadata_items=1)
    metadata = {"a": "1", "b": "2"}
    with pytest.raises(OverQuota):
        snapshot.create_image(MEMBER, world.svc, server, "copy", metadata, count_metadata=True)
    assert snapshot.create_image(MEMBER, world.svc, server, "copy", metadata)


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (RebuildOrder(image_ref="44444444-4444-4444-8444-444444444444"), "Can not find requested image"),
        (RebuildOrder(image_ref=IMAGE, changes={"key_name": "nothing"}), "Invalid key_name"),
    ],
)
def test_a_rebuild_from_what_is_not_there_is_refused(
    world: World, server: Located, order: RebuildOrder, why: str
) -> None:
    with pytest.raises(Invalid, match=why):
        rebuild.rebuild(MEMBER, world.svc, server, order)
