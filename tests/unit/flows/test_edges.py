"""What is told of flows: which events, in which order, and what happens when telling fails."""

from __future__ import annotations

from typing import Any

import pytest

from compute_service.clients.notify import MemoryNotifier
from compute_service.control import delete, interfaces, power, rebuild, rescue, resize, snapshot
from compute_service.control.notices import watch_changes
from compute_service.domain.errors import HostRejected
from compute_service.domain.notices.events import EVENTS
from compute_service.domain.notices.notice import Form
from compute_service.domain.order import RebuildOrder
from compute_service.domain.vif import NetworkRequest
from compute_service.flows.edges import BEGINNING, TOLD
from compute_service.flows.kinds import FLOWS
from compute_service.store.flavors import flavor_insert
from compute_service.store.instances import instance_get
from tests.unit.domain.notices.test_objects import SERVER_FIELDS
from tests.unit.flows.kinds.conftest import MakeWorld, ground, make_world
from tests.unit.flows.kinds.world import ADMIN, CELL, IMAGE, LARGE, MEMBER, SMALL, World

__all__ = ["ground", "make_world"]


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    made = make_world()
    made.replace(notify=MemoryNotifier(tuple(Form)))
    return made


def told(world: World, form: Form = Form.VERSIONED) -> list[str]:
    """Return the event types told since the last look, in one form."""
    sent = world.svc.notify.sent  # type: ignore[attr-defined]
    found = [notice.event_type for notice in sent if notice.form is form]
    sent.clear()
    return found


def last(world: World, event_type: str) -> Any:
    """Return the latest notice of a type."""
    sent = world.svc.notify.sent  # type: ignore[attr-defined]
    return next(notice for notice in reversed(sent) if notice.event_type == event_type)


def test_the_table_names_flows_steps_and_events_that_exist() -> None:
    for kind, of in TOLD.items():
        steps = {step.name for step in FLOWS[kind].steps} | {BEGINNING}
        assert set(of.steps) <= steps
        edges = [edge for step in of.steps.values() for edge in step]
        for verb, phase in [*edges, (of.last or of.verb, "end")]:
            assert phase in EVENTS[f"instance.{verb}"].phases


def test_every_action_that_users_are_shown_is_told_of() -> None:
    assert set(FLOWS) - set(TOLD) == {"place"}


def test_a_life_is_told_in_order(world: World) -> None:
    server = world.boot()
    assert told(world) == ["instance.create.start", "instance.create.end"]
    steps = (
        (power.stop, "power_off"),
        (power.start, "power_on"),
        (power.pause, "pause"),
        (power.unpause, "unpause"),
        (power.suspend, "suspend"),
        (power.resume, "resume"),
        (lambda ctx, svc, server: rescue.rescue(ctx, svc, server, None, None), "rescue"),
        (rescue.unrescue, "unrescue"),
    )
    for verb, name in steps:
        verb(ADMIN, world.svc, world.see(server.instance.uuid))
        world.settle()
        assert told(world) == [f"instance.{name}.start", f"instance.{name}.end"]
    power.reboot(ADMIN, world.svc, world.see(server.instance.uuid), hard=True)
    world.settle()
    assert told(world) == ["instance.reboot.start", "instance.reboot.end"]
    snapshot.create_image(ADMIN, world.svc, world.see(server.instance.uuid), "copy", {})
    world.settle()
    assert told(world) == ["instance.snapshot.start", "instance.snapshot.end"]
    rebuild.rebuild(ADMIN, world.svc, world.see(server.instance.uuid), RebuildOrder(image_ref=IMAGE))
    world.settle()
    assert told(world) == ["instance.rebuild.start", "instance.rebuild.end"]
    delete.delete(ADMIN, world.svc, world.see(server.instance.uuid))
    world.settle()
    assert told(world) == ["instance.delete.start", "instance.delete.end"]


def test_a_resize_is_told_in_its_three_parts_and_both_ways_out(world: World) -> None:
    server = world.boot()
    told(world)
    resize.resize(ADMIN, world.svc, server, LARGE.flavorid)
    world.settle()
    assert last(world, "instance.resize_prep.start").payload["nova_object.data"]["new_flavor"][
        "nova_object.data"
    ]["name"] == (LARGE.name)
    assert last(world, "compute.instance.resize.prep.start").payload["new_instance_type"] == LARGE.name
    assert told(world) == [
        "instance.resize_prep.start",
        "instance.resize_prep.end",
        "instance.resize.start",
        "instance.resize.end",
        "instance.resize_finish.start",
        "instance.resize_finish.end",
    ]
    resize.revert_resize(ADMIN, world.svc, world.see(server.instance.uuid))
    world.settle()
    assert told(world) == ["instance.resize_revert.start", "instance.resize_revert.end"]
    resize.migrate(ADMIN, world.svc, world.see(server.instance.uuid))
    world.settle()
    told(world)
    resize.confirm_resize(ADMIN, world.svc, world.see(server.instance.uuid))
    world.settle()
    assert told(world) == ["instance.resize_confirm.start", "instance.resize_confirm.end"]


def test_interfaces_that_come_and_go_are_told_with_versions_only(world: World) -> None:
    server = world.boot()
    told(world)
    interfaces.attach_interface(ADMIN, world.svc, server, NetworkRequest())
    world.settle()
    assert len(last(world, "instance.interface_attach.end").payload["nova_object.data"]["ip_addresses"]) == 2
    assert told(world) == ["instance.interface_attach.start", "instance.interface_attach.end"]
    port = server.instance.vifs[0].port_id
    interfaces.detach_interface(ADMIN, world.svc, world.see(server.instance.uuid), port)
    world.settle()
    assert told(world, Form.UNVERSIONED) == []
    world.hosts[server.instance.host or ""].faults.add("attach_nic", HostRejected("no"), None)
    interfaces.attach_interface(ADMIN, world.svc, world.see(server.instance.uuid), NetworkRequest())
    world.settle()
    error = last(world, "instance.interface_attach.error").payload["nova_object.data"]["fault"]
    assert error["nova_object.data"]["exception_message"] == "no"
    assert told(world) == ["instance.interface_attach.start", "instance.interface_attach.error"]


def test_a_soft_delete_and_a_restore_are_told(world: World) -> None:
    world.with_settings("default", reclaim_instance_interval=300)
    server = world.boot()
    told(world)
    delete.delete(ADMIN, world.svc, server)
    world.settle()
    delete.restore(ADMIN, world.svc, world.see(server.instance.uuid))
    world.settle()
    assert told(world) == [
        "instance.soft_delete.start",
        "instance.soft_delete.end",
        "instance.restore.start",
        "instance.restore.end",
    ]


def test_the_flat_form_has_its_own_names(world: World) -> None:
    server = world.boot()
    assert told(world, Form.UNVERSIONED) == ["compute.instance.create.start", "compute.instance.create.end"]
    resize.resize(ADMIN, world.svc, server, LARGE.flavorid)
    world.settle()
    assert told(world, Form.UNVERSIONED) == [
        "compute.instance.resize.prep.start",
        "compute.instance.resize.prep.end",
        "compute.instance.resize.start",
        "compute.instance.resize.end",
        "compute.instance.finish_resize.start",
        "compute.instance.finish_resize.end",
    ]


def test_the_end_of_a_build_tells_the_server_as_it_is_then(world: World) -> None:
    server = world.boot(tags=("blue",)).instance
    notice = last(world, "instance.create.end")
    assert notice.publisher == f"nova-compute:{server.host}"
    assert notice.payload["nova_object.name"] == "InstanceCreatePayload"
    data = notice.payload["nova_object.data"]
    assert (data["state"], data["power_state"], data["host"]) == ("active", "running", server.host)
    assert data["ip_addresses"]
    assert data["tags"] == ["blue"]
    assert data["instance_name"] == f"instance-{server.id:08x}"
    assert data["fault"] is None
    assert data["request_id"] == MEMBER.request_id
    assert data["action_initiator_user"] == MEMBER.user_id
    start = last(world, "instance.create.start").payload["nova_object.data"]
    assert (start["state"], start["ip_addresses"]) == ("building", [])
    plain = last(world, "compute.instance.create.end")
    assert plain.publisher == f"compute.{server.host}"
    assert plain.payload["fixed_ips"]


def test_a_build_that_fails_is_told_as_an_error_with_its_fault(world: World) -> None:
    for driver in world.hosts.values():
        driver.faults.add("spawn", HostRejected("no room"), None)
    world.boot()
    error = last(world, "instance.create.error")
    assert error.priority == "ERROR"
    fault = error.payload["nova_object.data"]["fault"]["nova_object.data"]
    assert fault["exception"] == "HostRejected"
    assert "no room" in fault["exception_message"]
    assert last(world, "compute.instance.create.error").payload["message"] == fault["exception_message"]
    assert "instance.create.end" not in told(world)


def test_a_server_that_found_no_host_is_told_of(world: World) -> None:
    with world.store.api.write() as tx:
        flavor_insert(tx, SMALL.replace(flavorid="huge", name="huge", vcpus=8))
    server = world.boot(flavor_ref="huge").instance
    assert server.vm_state == "error"
    assert told(world, Form.UNVERSIONED) == ["compute_task.build_instances.error"]
    world.boot(flavor_ref="huge")
    notice = last(world, "compute_task.build_instances.error")
    assert notice.form is Form.VERSIONED
    assert (notice.priority, notice.publisher) == (
        "ERROR",
        f"nova-conductor:{world.svc.settings.default.host}",
    )
    data = notice.payload["nova_object.data"]
    assert data["state"] == "error"
    assert data["reason"]["nova_object.data"]["exception"] == "NoValidHost"
    assert told(world) == ["compute_task.build_instances.error"]


def test_a_failure_without_an_error_of_its_own_is_told_as_an_exception(world: World) -> None:
    server = world.boot()
    told(world)
    for driver in world.hosts.values():
        driver.faults.add("pause", HostRejected("no"), None)
    power.pause(ADMIN, world.svc, server)
    world.settle()
    assert last(world, "compute.exception").priority == "ERROR"
    assert told(world) == ["instance.pause.start", "compute.exception"]


def test_the_end_of_a_deletion_tells_the_server_as_deleted(world: World) -> None:
    server = world.boot()
    delete.delete(ADMIN, world.svc, server)
    world.settle()
    data = last(world, "instance.delete.end").payload["nova_object.data"]
    assert data["state"] == "deleted"
    assert data["deleted_at"] is not None


def test_a_notifier_that_breaks_does_not_harm_the_work(world: World) -> None:
    class Broken(MemoryNotifier):
        def notify(self, notice: object) -> None:
            raise RuntimeError("broken")

    broken = Broken(tuple(Form))
    world.replace(notify=broken)
    server = world.boot()
    assert server.instance.vm_state == "active"
    assert [kind for kind, _ in broken.given_up] == [
        "compute.instance.create.start",
        "instance.create.start",
        "compute.instance.create.end",
        "instance.create.end",
    ]


def test_a_row_that_cannot_be_read_for_it_does_not_harm_the_work(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object, **named: object) -> None:
        raise RuntimeError("no database")

    monkeypatch.setattr("compute_service.flows.edges.instance_get", broken)
    assert world.boot().instance.vm_state == "active"
    assert len(world.svc.notify.given_up) == 2  # type: ignore[attr-defined]


def test_where_nobody_listens_nothing_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.replace(notify=MemoryNotifier())
    reads: list[object] = []
    monkeypatch.setattr("compute_service.flows.edges._server", lambda *args: reads.append(args))
    server = world.boot()
    assert not reads
    with world.store.database(CELL).read() as tx:
        assert instance_get(tx, server.instance.uuid) is not None


EXTRA = {
    "InstanceActionPayload": {"fault"},
    "InstanceActionRebuildPayload": {"fault", "trusted_image_certificates"},
    "InstanceActionRescuePayload": {"fault", "rescue_image_ref"},
    "InstanceActionResizePrepPayload": {"fault", "new_flavor"},
    "InstanceActionSnapshotPayload": {"fault", "snapshot_image_id"},
    "InstanceCreatePayload": {
        "fault",
        "instance_name",
        "keypairs",
        "tags",
        "trusted_image_certificates",
    },
    "InstanceUpdatePayload": {"audit_period", "bandwidth", "old_display_name", "state_update", "tags"},
}
"""What each payload has beside the fields of every server."""


def test_each_payload_has_all_fields_of_its_shape_and_no_other(world: World) -> None:
    world.with_settings("notifications", notify_on_state_change="vm_state")
    world.store.listen(watch_changes(world.svc))
    try:
        server = world.boot()
        snapshot.create_image(ADMIN, world.svc, server, "copy", {})
        world.settle()
        rebuild.rebuild(ADMIN, world.svc, world.see(server.instance.uuid), RebuildOrder(image_ref=IMAGE))
        world.settle()
        for verb in (lambda *given: rescue.rescue(*given, None, None), rescue.unrescue):
            verb(ADMIN, world.svc, world.see(server.instance.uuid))
            world.settle()
        resize.resize(ADMIN, world.svc, world.see(server.instance.uuid), LARGE.flavorid)
        world.settle()
    finally:
        world.store.listen(None)
    seen = set()
    for notice in world.svc.notify.sent:  # type: ignore[attr-defined]
        if notice.form is Form.VERSIONED:
            name = notice.payload["nova_object.name"]
            assert set(notice.payload["nova_object.data"]) == SERVER_FIELDS | EXTRA[name], name
            seen.add(name)
    assert seen == set(EXTRA)
    assert not world.svc.notify.given_up  # type: ignore[attr-defined]
