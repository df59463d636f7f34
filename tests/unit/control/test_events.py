"""External events, and what projects' servers took."""

from __future__ import annotations

from datetime import timedelta

import pytest

from compute_service.control import power
from compute_service.control.create import create_servers
from compute_service.control.delete import force_delete
from compute_service.control.events import ExternalEvent, external_events
from compute_service.control.interfaces import attach_interface, attached, detach_interface
from compute_service.control.tenant_usage import project_uses
from compute_service.domain.errors import HostRejected, Invalid, Unavailable
from compute_service.domain.vif import NetworkRequest
from compute_service.store.flows import flows_of_instance
from tests.unit.flows.kinds.world import ADMIN, CELL, MEMBER, World, state_of

NOBODY = "99999999-9999-4999-8999-999999999999"


def tell(world: World, uuid: str, name: str, tag: str | None = None) -> tuple[int, str]:
    """Send one event and return its code and status."""
    event = ExternalEvent(name=name, server_uuid=uuid, tag=tag)
    (answer,) = external_events(MEMBER, world.svc, (event,))
    return answer.code, answer.event.status


def test_each_event_is_answered_by_itself(world: World) -> None:
    placed = world.boot().instance.uuid
    waiting = create_servers(MEMBER, world.svc, world.order()).servers[0].uuid
    events = [
        ExternalEvent(name="network-changed", server_uuid=placed),
        ExternalEvent(name="network-changed", server_uuid=NOBODY),
        ExternalEvent(name="network-changed", server_uuid=waiting),
        ExternalEvent(name="volume-extended", server_uuid=placed),
        ExternalEvent(name="volume-extended", server_uuid=placed, tag="v"),
        ExternalEvent(name="power-update", server_uuid=placed, tag="SIDEWAYS"),
    ]
    answers = external_events(ADMIN, world.svc, events)
    assert [(one.code, one.event.status) for one in answers] == [
        (200, "completed"),
        (404, "failed"),
        (422, "failed"),
        (400, "failed"),
        (200, "completed"),
        (400, "failed"),
    ]


def test_changed_ports_are_looked_at_again(world: World) -> None:
    server = world.boot().instance
    port = next(iter(world.network.ports.values()))
    world.network.plane.update_port(port.id, {"status": "DOWN"})
    assert tell(world, server.uuid, "network-changed") == (200, "completed")
    assert not world.see(server.uuid).instance.vifs[0].active


def test_a_deleted_port_is_forgotten(world: World) -> None:
    server = world.boot().instance
    assert tell(world, server.uuid, "network-vif-deleted", "another") == (200, "completed")
    assert len(world.see(server.uuid).instance.vifs) == 1
    for _ in range(2):
        assert tell(world, server.uuid, "network-vif-deleted", server.vifs[0].port_id) == (200, "completed")
    assert [flow.kind for flow in world.unfinished()] == ["detach_interface"]
    world.settle()
    assert world.see(server.uuid).instance.vifs == ()
    assert world.hosts[server.host or ""].diagnostics(server.uuid).num_nics == 0
    with world.store.database(CELL).read() as tx:
        assert [flow.action for flow in flows_of_instance(tx, server.uuid)] == ["create"]


def test_a_port_deleted_while_something_is_done_leaves_the_guest_afterwards(world: World) -> None:
    server = world.boot()
    power.pause(MEMBER, world.svc, server)
    port = server.instance.vifs[0].port_id
    assert tell(world, server.instance.uuid, "network-vif-deleted", port) == (200, "completed")
    world.settle()
    now = world.see(server.instance.uuid)
    assert (state_of(now), now.instance.vifs) == (("paused", None), ())


def test_who_did_not_see_a_detachment_in_line_is_told_to_look_again(world: World) -> None:
    seen = world.boot()
    tell(world, seen.instance.uuid, "network-vif-deleted", seen.instance.vifs[0].port_id)
    assert world.see(seen.instance.uuid).instance.generation > seen.instance.generation
    power.stop(MEMBER, world.svc, seen)
    detach, stop = sorted(world.unfinished(), key=lambda flow: flow.kind)
    assert (detach.kind, stop.kind, stop.after) == ("detach_interface", "stop", detach.id)
    world.settle()
    now = world.see(seen.instance.uuid)
    assert (state_of(now), now.instance.vifs) == (("stopped", None), ())


@pytest.mark.parametrize("host_answers", [True, False])
def test_a_deleted_port_is_forgotten_whatever_the_host_says(world: World, host_answers: bool) -> None:
    server = world.boot().instance
    host = world.hosts[server.host or ""]
    if host_answers:
        host.faults.add("detach_nic", HostRejected("the guest keeps it"))
    else:
        world.lose(host.host)
    tell(world, server.uuid, "network-vif-deleted", server.vifs[0].port_id)
    world.settle()
    assert world.see(server.uuid).instance.vifs == ()


def test_a_port_deleted_where_the_guest_is_not_to_be_touched_is_only_forgotten(world: World) -> None:
    server = world.boot()
    power.suspend(MEMBER, world.svc, server)
    world.settle()
    tell(world, server.instance.uuid, "network-vif-deleted", server.instance.vifs[0].port_id)
    world.settle()
    assert world.see(server.instance.uuid).instance.vifs == ()
    assert world.hosts[server.instance.host or ""].diagnostics(server.instance.uuid).num_nics == 1


def test_ports_of_a_server_that_goes_are_its_deletions_business(world: World) -> None:
    server = world.boot()
    force_delete(MEMBER, world.svc, server)
    tell(world, server.instance.uuid, "network-vif-deleted", server.instance.vifs[0].port_id)
    assert [flow.kind for flow in world.unfinished()] == ["delete"]


def test_news_of_ports_keep_tags_and_order_and_wait_for_an_attachment(world: World) -> None:
    server = world.boot()
    uuid = server.instance.uuid
    flow = attach_interface(MEMBER, world.svc, server, NetworkRequest(tag="two"))
    world.settle()
    before = world.see(uuid).instance.vifs
    assert [vif.tag for vif in before] == [None, "two"]
    assert attached(world.svc, server, flow) == before[1]
    world.network.plane.update_port(before[1].port_id, {"status": "DOWN"})
    tell(world, uuid, "network-changed")
    now = world.see(uuid).instance.vifs
    assert [(vif.tag, vif.active) for vif in now] == [(None, True), ("two", False)]
    world.network.plane.update_port(before[0].port_id, {"status": "DOWN"})
    detach_interface(MEMBER, world.svc, world.see(uuid), before[1].port_id)
    tell(world, uuid, "network-changed")
    assert world.see(uuid).instance.vifs == now


def test_news_of_ports_do_not_wait_for_what_leaves_them_alone(world: World) -> None:
    server = world.boot()
    uuid = server.instance.uuid
    power.stop(MEMBER, world.svc, server)
    world.network.plane.update_port(server.instance.vifs[0].port_id, {"status": "DOWN"})
    tell(world, uuid, "network-changed")
    assert [vif.active for vif in world.see(uuid).instance.vifs] == [False]
    world.settle()
    assert state_of(world.see(uuid)) == ("stopped", None)


def test_an_event_that_comes_to_nothing_is_taken_all_the_same(world: World) -> None:
    server = world.boot().instance
    world.network.fail_next("describe", Unavailable("no"))
    assert tell(world, server.uuid, "network-changed") == (200, "completed")


def test_power_that_was_turned_outside_is_followed(world: World) -> None:
    uuid = world.boot().instance.uuid
    for tag in ("POWER_ON", "POWER_OFF", "POWER_OFF", "POWER_ON"):
        assert tell(world, uuid, "power-update", tag) == (200, "completed")
        world.settle()
        assert state_of(world.see(uuid)) == ("active" if tag == "POWER_ON" else "stopped", None)
    with world.store.database(CELL).read() as tx:
        actions = [flow.action for flow in flows_of_instance(tx, uuid)]
    assert sorted(actions, key=str) == ["create", "start", "stop"]


def test_use_is_counted_from_launch_to_end_within_the_period(world: World) -> None:
    began = world.clock.now()
    first = world.boot(flavor_ref="2").instance
    world.pass_by(3600)
    second = world.boot().instance
    world.pass_by(3600)
    force_delete(MEMBER, world.svc, world.see(second.uuid))
    world.settle()
    world.pass_by(1800)
    assert first.launched_at is not None
    period = (began - timedelta(hours=1), world.clock.now() + timedelta(hours=1))
    (use,) = project_uses(ADMIN, world.svc, period)
    hours = {one.server.uuid: one.hours for one in use.servers}
    assert hours[first.uuid] == pytest.approx(2.5, abs=0.01)
    assert hours[second.uuid] == pytest.approx(1.0, abs=0.01)
    assert [one.state for one in use.servers] == ["active", "terminated"]
    assert use.vcpu_hours == pytest.approx(2 * 2.5 + 1.0, abs=0.02)
    assert use.memory_mb_hours == pytest.approx(1024 * 2.5 + 512, abs=20)
    assert use.disk_gb_hours == pytest.approx(2 * 2.5 + 1, abs=0.02)
    assert use.hours == pytest.approx(3.5, abs=0.02)


def test_use_outside_the_period_or_of_others_is_left_out(world: World) -> None:
    world.boot()
    now = world.clock.now()
    later = (now + timedelta(hours=1), now + timedelta(hours=2))
    assert project_uses(ADMIN, world.svc, later)[0].hours == 0.0
    earlier = (now - timedelta(hours=2), now - timedelta(hours=1))
    assert project_uses(ADMIN, world.svc, earlier) == []
    around = (now - timedelta(hours=1), now + timedelta(hours=1))
    assert project_uses(ADMIN, world.svc, around, project_id="p2") == []
    with pytest.raises(Invalid):
        project_uses(ADMIN, world.svc, (now, now))


def test_use_is_paged_by_servers(world: World) -> None:
    world.with_settings("quota", instances=-1)
    uuids = []
    for _ in range(3):
        uuids.append(world.boot().instance.uuid)
        world.clock.advance(1)
    now = world.clock.now()
    period = (now - timedelta(hours=1), now + timedelta(hours=1))
    (page,) = project_uses(ADMIN, world.svc, period, limit=2)
    assert [one.server.uuid for one in page.servers] == uuids[:2]
    (rest,) = project_uses(ADMIN, world.svc, period, marker=uuids[1])
    assert [one.server.uuid for one in rest.servers] == uuids[2:]
    with pytest.raises(Invalid, match="marker"):
        project_uses(ADMIN, world.svc, period, marker=NOBODY)
