"""Interfaces that come and go: what is refused, what is taken back, and what comes in between."""

from __future__ import annotations

import pytest

from compute_service.control import delete, interfaces, power, rebuild, resize
from compute_service.domain.errors import (
    ComputeError,
    Conflict,
    Forbidden,
    HostRejected,
    Invalid,
    InvalidState,
    Locked,
    NotFound,
    NotSupported,
    OverQuota,
    PortInUse,
    Unavailable,
)
from compute_service.domain.flow import FlowState
from compute_service.domain.order import RebuildOrder
from compute_service.domain.vif import NetworkRequest, Vif
from compute_service.store.instances import instance_get, instance_update
from compute_service.store.servers import Located
from tests.unit.flows.kinds.accounts import check
from tests.unit.flows.kinds.conftest import MakeWorld
from tests.unit.flows.kinds.world import ADMIN, CELL, IMAGE, MEMBER, World, state_of

ANY = NetworkRequest()


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world()


@pytest.fixture
def server(world: World) -> Located:
    return world.boot()


def seen(world: World, server: Located) -> Located:
    return world.see(server.instance.uuid)


def begin(world: World, server: Located, wanted: NetworkRequest = ANY) -> str:
    return interfaces.attach_interface(MEMBER, world.svc, server, wanted)


def attach(world: World, server: Located, wanted: NetworkRequest = ANY) -> Vif:
    """Attach an interface, wait for it, and return it."""
    flow = begin(world, server, wanted)
    world.settle()
    return interfaces.attached(world.svc, server, flow)


def detach(world: World, server: Located, port: str) -> None:
    interfaces.detach_interface(MEMBER, world.svc, seen(world, server), port)
    world.settle()


def users_port(world: World, **fields: str) -> str:
    (network,) = world.network.networks
    return world.network.add_port(network, "p1", **fields)


def nics(world: World, server: Located) -> int:
    return world.hosts[server.instance.host or ""].diagnostics(server.instance.uuid).num_nics


def states(world: World, kind: str) -> list[FlowState]:
    return [flow.state for flow in world.flows() if flow.kind == kind]


def test_an_interface_comes_and_goes(world: World, server: Located) -> None:
    made = attach(world, server, NetworkRequest(tag="two"))
    now = seen(world, server)
    assert now.instance.vifs == (*server.instance.vifs, made)
    assert (made.tag, made.ours, nics(world, server)) == ("two", True, 2)
    assert state_of(now) == ("active", None)
    check(world)
    detach(world, server, made.port_id)
    assert seen(world, server).instance.vifs == server.instance.vifs
    assert nics(world, server) == 1
    assert made.port_id not in world.network.ports
    check(world)


def test_an_attachment_of_an_attached_port_is_refused_even_when_it_waited(
    world: World, server: Located
) -> None:
    wanted = NetworkRequest(port_id=users_port(world))
    flows = [begin(world, each, wanted) for each in (server, seen(world, server))]
    world.settle()
    made = interfaces.attached(world.svc, server, flows[0])
    with pytest.raises(PortInUse):
        interfaces.attached(world.svc, server, flows[1])
    assert seen(world, server).instance.vifs[1:] == (made,)
    check(world)


def test_two_servers_that_want_one_port_do_not_both_get_it(world: World, server: Located) -> None:
    other, wanted = world.boot(), NetworkRequest(port_id=users_port(world))
    flows = [(each, begin(world, each, wanted)) for each in (server, other)]
    world.settle()
    assert interfaces.attached(world.svc, *flows[0]).port_id == wanted.port_id
    with pytest.raises(PortInUse):
        interfaces.attached(world.svc, *flows[1])
    check(world)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("no such network"), 404),
        (PortInUse("taken"), 409),
        (Conflict("address taken"), 409),
        (OverQuota("no more ports"), 403),
        (Forbidden("not yours"), 403),
        (Invalid("no address left"), 400),
        (HostRejected("cannot be bound"), 500),
    ],
)
def test_what_the_network_refuses_late_is_told_with_its_status(
    world: World, server: Located, error: ComputeError, status: int
) -> None:
    flow = begin(world, server)
    world.network.fail_next("attach", error)
    world.settle()
    with pytest.raises(ComputeError) as refused:
        interfaces.attached(world.svc, server, flow)
    assert refused.value.status == status
    assert error.message in refused.value.message
    check(world)


@pytest.mark.parametrize(
    ("error", "status"),
    [(HostRejected("no slot"), 500), (NotFound("no such guest"), 500), (NotSupported("never"), 400)],
)
def test_what_the_host_refuses_is_not_the_requests_fault(
    world: World, server: Located, error: ComputeError, status: int
) -> None:
    flow = begin(world, server)
    world.hosts[server.instance.host or ""].faults.add("attach_nic", error, None)
    world.settle()
    with pytest.raises(ComputeError) as refused:
        interfaces.attached(world.svc, server, flow)
    assert refused.value.status == status
    assert seen(world, server).instance.vifs == server.instance.vifs
    check(world)


def test_a_network_that_is_away_for_a_moment_is_waited_for(world: World, server: Located) -> None:
    world.network.fail_next("attach", Unavailable("away"), times=2, after=True)
    attach(world, server)
    assert len(seen(world, server).instance.vifs) == 2
    check(world)


def test_a_withdrawal_waits_for_the_network(world: World, server: Located) -> None:
    flow = begin(world, server)
    world.hosts[server.instance.host or ""].faults.add("attach_nic", HostRejected("no"), None)
    world.network.fail_next("withdraw", Unavailable("away"), times=10)
    world.settle()
    with pytest.raises(ComputeError):
        interfaces.attached(world.svc, server, flow)
    check(world)


def test_a_detached_port_goes_when_the_network_is_back(world: World, server: Located) -> None:
    made = attach(world, server)
    world.network.fail_next("detach", Unavailable("away"), times=10)
    detach(world, server, made.port_id)
    assert made.port_id not in world.network.ports
    check(world)


def test_a_host_that_is_down_attaches_nothing_and_nothing_is_left(world: World, server: Located) -> None:
    before = set(world.network.ports)
    world.lose(server.instance.host or "")
    flow = begin(world, server)
    world.settle()
    with pytest.raises(ComputeError) as refused:
        interfaces.attached(world.svc, server, flow)
    assert refused.value.status == 500
    assert set(world.network.ports) == before
    assert seen(world, server).instance.vifs == server.instance.vifs


def test_a_host_that_is_down_keeps_the_interface(world: World, server: Located) -> None:
    (own,) = server.instance.vifs
    world.lose(server.instance.host or "")
    detach(world, server, own.port_id)
    assert states(world, "detach_interface") == [FlowState.FAILED]
    assert seen(world, server).instance.vifs == (own,)
    assert world.network.ports[own.port_id].device_id == server.instance.uuid


def test_a_guest_that_keeps_an_interface_has_it_whole_again(world: World, server: Located) -> None:
    (own,) = server.instance.vifs
    world.hosts[server.instance.host or ""].faults.add("detach_nic", Conflict("it holds on"), half=True)
    detach(world, server, own.port_id)
    now = seen(world, server).instance
    assert (now.vifs, nics(world, server)) == ((own,), 1)
    assert now.fault is not None
    assert now.fault.message == "it holds on"
    check(world)


def test_a_second_detachment_finds_nothing_to_do(world: World, server: Located) -> None:
    (own,) = server.instance.vifs
    for _ in range(2):
        interfaces.detach_interface(MEMBER, world.svc, seen(world, server), own.port_id)
    world.settle()
    assert states(world, "detach_interface") == [FlowState.DONE] * 2
    assert seen(world, server).instance.vifs == ()
    with pytest.raises(NotFound):
        interfaces.detach_interface(MEMBER, world.svc, seen(world, server), own.port_id)


def test_a_deletion_takes_an_attachment_back_first(world: World, server: Located) -> None:
    mine = users_port(world)
    begin(world, server, NetworkRequest(port_id=mine))
    world.messages.popleft()()
    assert len(seen(world, server).instance.vifs) == 2
    delete.force_delete(MEMBER, world.svc, seen(world, server))
    world.settle()
    assert set(world.network.ports) == {mine}
    assert world.network.ports[mine].device_id == ""
    check(world)


def test_what_is_asked_for_meanwhile_waits_and_has_the_interface(world: World, server: Located) -> None:
    begin(world, server)
    rebuild.rebuild(MEMBER, world.svc, seen(world, server), RebuildOrder(image_ref=IMAGE))
    world.settle()
    assert state_of(seen(world, server)) == ("active", None)
    assert len(seen(world, server).instance.vifs) == nics(world, server) == 2
    resize.resize(MEMBER, world.svc, seen(world, server), "2")
    world.settle()
    check(world)


def test_a_server_that_was_moved_meanwhile_is_not_given_an_interface(world: World, server: Located) -> None:
    flow = begin(world, server)
    with world.store.database(CELL).write() as tx:
        now = instance_get(tx, server.instance.uuid)
        assert now is not None
        instance_update(tx, now, host="elsewhere")
    world.settle()
    with pytest.raises(Conflict):
        interfaces.attached(world.svc, server, flow)
    assert len(world.network.ports) == 1


def test_an_attachment_that_takes_too_long_is_stopped(world: World, server: Located) -> None:
    flow = begin(world, server)
    with pytest.raises(ComputeError, match="60 seconds") as refused:
        interfaces.attached(world.svc, server, flow)
    assert refused.value.status == 500
    world.beat()
    world.settle()
    assert states(world, "attach_interface") == [FlowState.FAILED]
    assert seen(world, server).instance.vifs == server.instance.vifs
    check(world)


def test_an_attachment_nobody_knows_of_any_more_is_an_error(world: World, server: Located) -> None:
    with pytest.raises(ComputeError, match="not known"):
        interfaces.attached(world.svc, server, "no such flow")


def test_the_answer_does_not_need_the_network_again(world: World, server: Located) -> None:
    flow = begin(world, server, NetworkRequest(tag="two"))
    world.settle()
    world.network.fail_next("describe", Unavailable("away"))
    assert interfaces.attached(world.svc, server, flow).tag == "two"
    world.network.plane.delete_port(seen(world, server).instance.vifs[1].port_id)
    assert interfaces.attached(world.svc, server, flow).tag == "two"


def test_a_server_without_networks_to_choose_from_says_so(world: World, server: Located) -> None:
    world.network.add_network("second", "10.2.0.0/24", "p1")
    with pytest.raises(Invalid, match="Several networks"):
        begin(world, server)


def test_locked_and_busy_servers_are_refused(world: World, server: Located) -> None:
    (own,) = server.instance.vifs
    power.suspend(MEMBER, world.svc, server)
    for work in (
        lambda: begin(world, seen(world, server)),
        lambda: interfaces.detach_interface(MEMBER, world.svc, seen(world, server), own.port_id),
    ):
        with pytest.raises(InvalidState, match="suspending"):
            work()
    world.settle()
    power.resume(MEMBER, world.svc, seen(world, server))
    world.settle()
    with world.store.database(CELL).write() as tx:
        now = instance_get(tx, server.instance.uuid)
        assert now is not None
        instance_update(tx, now, locked_by="owner")
    with pytest.raises(Locked):
        begin(world, seen(world, server))
    interfaces.attach_interface(ADMIN, world.svc, seen(world, server), ANY)
    world.settle()
    assert len(seen(world, server).instance.vifs) == 2
