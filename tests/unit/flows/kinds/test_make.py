"""Placing and building servers, and what becomes of them when that goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from compute_service.clients.fake.network import FakeNetwork
from compute_service.control import delete, lock, update
from compute_service.control.create import create_servers
from compute_service.control.events import ExternalEvent, external_events
from compute_service.control.groups import create_group
from compute_service.domain.errors import BuildAborted, ComputeError, HostRejected, Unavailable
from compute_service.domain.flow import FlowState
from compute_service.domain.host import CELL0
from compute_service.domain.vif import NetworkRequest, RequestedNetworks, Vif
from compute_service.store.flows import flows_of_instance, steps_of_flows
from tests.fixtures.stores import assert_queries
from tests.unit.flows.kinds.accounts import check
from tests.unit.flows.kinds.trouble import GOES_ON, trouble
from tests.unit.flows.kinds.world import ADMIN, CELL, MEMBER, World, state_of


def test_a_server_boots_and_holds_what_it_should(world: World) -> None:
    server = world.boot().instance
    assert server.host == "h1"
    assert server.launched_at is not None
    assert server.availability_zone == "nova"
    assert server.root_device_name == "/dev/vda"
    assert [vif.network_label for vif in server.vifs] == ["private"]
    check(world)


def test_a_boot_asks_placement_twice_and_the_network_once(world: World) -> None:
    create_servers(MEMBER, world.svc, world.order())
    world.deliver()
    assert world.network.calls == {"resolve": 1, "allocate": 1}
    assert world.placement.calls == {"candidates": 1, "allocations": 1, "claim_many": 1}


def test_the_password_reaches_the_guest_and_is_forgotten(world: World) -> None:
    made = create_servers(MEMBER, world.svc, world.order())
    world.settle()
    assert world.specs[0].admin_password == made.admin_password
    check(world)


def test_several_servers_of_one_order_are_numbered(world: World) -> None:
    made = create_servers(MEMBER, world.svc, world.order(min_count=3, max_count=3))
    world.settle()
    servers = [world.see(one.uuid) for one in made.servers]
    assert [state_of(one) for one in servers] == [("active", None)] * 3
    assert [one.instance.display_name for one in servers] == ["web-1", "web-2", "web-3"]
    assert [one.instance.launch_index for one in servers] == [0, 1, 2]
    assert len(world.scheduler.asked) == 1
    check(world)


def test_what_was_done_shows_as_one_action_with_its_events(world: World) -> None:
    uuid = world.boot().instance.uuid
    with world.store.database(CELL).read() as tx:
        flows = flows_of_instance(tx, uuid)
        events = {step.event for step in steps_of_flows(tx, [flow.id for flow in flows])[flows[0].id]}
    assert [(flow.action, flow.request_id) for flow in flows] == [("create", "req-1")]
    assert events >= {"compute__do_build_and_run_instance"}


def test_a_server_without_a_host_goes_to_cell0_with_the_reason(world: World) -> None:
    made = create_servers(MEMBER, world.svc, world.order(min_count=2, max_count=13, flavor_ref="1"))
    world.settle()
    check(world)
    too_many = [world.see(one.uuid) for one in made.servers]
    assert len(too_many) == 10, "quota lets ten in"
    world.with_settings("quota", instances=-1, cores=-1, ram=-1)
    made = create_servers(MEMBER, world.svc, world.order(min_count=3, max_count=3))
    world.settle()
    for one in made.servers:
        server = world.see(one.uuid)
        assert server.database == CELL0
        assert state_of(server) == ("error", None)
        assert server.instance.fault is not None
        assert server.instance.fault.message.startswith("No valid host was found.")
    check(world)


def test_a_server_that_found_no_host_can_be_deleted(world: World) -> None:
    world.placement.fail_next("candidates", ComputeError("broken"))
    server = world.boot()
    assert (server.database, *state_of(server)) == (CELL0, "error", None)
    delete.delete(MEMBER, world.svc, server)
    world.settle()
    assert world.see(server.instance.uuid, deleted=True).instance.deleted
    check(world)


@pytest.mark.parametrize("half", [False, True])
def test_a_host_that_rejects_a_server_is_followed_by_the_next(world: World, half: bool) -> None:
    world.hosts["h1"].faults.add("spawn", HostRejected("not here"), half=half)
    server = world.boot()
    assert (server.instance.host, *state_of(server)) == ("h2", "active", None)
    assert server.instance.fault is None
    with world.store.database(CELL).read() as tx:
        flows = flows_of_instance(tx, server.instance.uuid)
    assert {flow.action for flow in flows} == {"create"}
    assert {flow.state for flow in flows} == {FlowState.DONE, FlowState.FAILED}
    check(world)


def test_no_more_hosts_are_tried_than_configured(world: World) -> None:
    for host in world.hosts.values():
        host.faults.add("spawn", HostRejected("not here"))
    world.with_settings("scheduler", max_attempts=2)
    server = world.boot()
    assert state_of(server) == ("error", None)
    assert server.instance.fault is not None
    assert server.instance.fault.message == "not here"
    assert world.hosts["h3"].faults._faults, "the third host was not asked"
    check(world)


def test_an_alternate_without_room_is_passed_over(world: World) -> None:
    world.hosts["h1"].faults.add("spawn", HostRejected("not here"))
    (made,) = create_servers(MEMBER, world.svc, world.order()).servers
    with trouble(world, "build", "ports", "twice"):
        world.messages.popleft()()  # placed, with h2 and h3 as alternates
        full = next(node for node, host in world.host_of_node.items() if host == "h2")
        _fill(world, full)
        world.settle()
    assert world.see(made.uuid).instance.host == "h3"
    world.placement.release("filler")
    check(world)


def _fill(world: World, node: str) -> None:
    from compute_service.ports.placement import ConsumerAllocations

    filler = ConsumerAllocations(
        consumer="filler", project_id="p", user_id="u", allocations={node: {"VCPU": 4}}
    )
    world.placement.claim_many((filler,))


def test_a_build_that_cannot_succeed_anywhere_is_not_tried_again(world: World) -> None:
    world.hosts["h1"].faults.add("spawn", BuildAborted("bad image"))
    server = world.boot()
    assert (server.instance.host, *state_of(server)) == (None, "error", None)
    check(world)


def test_a_network_that_refuses_ends_the_build(world: World) -> None:
    world.network.fail_next("allocate", ComputeError("broken"), after=True)
    server = world.boot()
    assert state_of(server) == ("active", None), "an unknown failure is tried on the next host"
    check(world)


def test_a_host_that_is_down_is_left_for_the_next(world: World) -> None:
    world.lose("h1")
    server = world.boot()
    assert (server.instance.host, *state_of(server)) == ("h2", "active", None)
    check(world)


@pytest.mark.parametrize("kind_step", [("place", "place"), ("build", "ports"), ("build", "spawn")])
@pytest.mark.parametrize("mode", GOES_ON)
def test_a_crash_or_repetition_does_not_stop_a_boot(
    world: World, kind_step: tuple[str, str], mode: str
) -> None:
    with trouble(world, *kind_step, mode) as times:
        server = world.boot(min_count=1)
        assert times.struck == 1
    assert state_of(server) == ("active", None)
    check(world)


@pytest.mark.parametrize("last", ["on_done", "on_failed"])
@pytest.mark.parametrize("mode", [*GOES_ON, "fail", "fail half done"])
def test_the_last_word_of_a_build_may_be_said_again(world: World, last: str, mode: str) -> None:
    if last == "on_failed":
        world.hosts["h1"].faults.add("spawn", HostRejected("not here"))
    with trouble(world, "build", last, mode) as times:
        server = world.boot()
        assert times.struck == 1
    assert state_of(server) == ("active", None)
    check(world)


@pytest.mark.parametrize("step", ["ports", "spawn"])
@pytest.mark.parametrize("mode", [*GOES_ON, "fail", "fail half done"])
def test_a_build_is_taken_back_whatever_happens_meanwhile(world: World, step: str, mode: str) -> None:
    for host in world.hosts.values():
        host.faults.add("spawn", HostRejected("not here"), half=True)
    with trouble(world, "build", step, mode, undo=True) as times:
        server = world.boot()
        assert times.struck == 1
    assert state_of(server) == ("error", None)
    check(world)


@pytest.mark.parametrize("mode", ["fail", "fail half done", "crash after", "twice"])
@pytest.mark.parametrize("servers", [1, 3])
def test_placing_may_fail_at_any_point(world: World, mode: str, servers: int) -> None:
    with trouble(world, "place", "place", mode):
        create_servers(MEMBER, world.svc, world.order(min_count=servers, max_count=servers))
        world.settle()
    check(world)


@pytest.mark.parametrize("mode", GOES_ON)
@pytest.mark.parametrize("undo", [False, True])
def test_a_failed_placing_buries_its_servers_once(world: World, mode: str, undo: bool) -> None:
    world.placement.fail_next("candidates", ComputeError("broken"))
    with trouble(world, "place", "place" if undo else "on_failed", mode, undo=undo) as times:
        server = world.boot()
        assert times.struck == 1
    assert (server.database, *state_of(server)) == (CELL0, "error", None)
    check(world)


def test_a_cell_that_is_lost_between_the_two_transactions_keeps_the_server(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compute_service.flows.kinds import handing

    (made,) = create_servers(MEMBER, world.svc, world.order()).servers
    real, lost = handing._let_all_go, [True]

    def let_go(*args: object) -> bool:
        if lost.pop() if lost else False:
            raise Unavailable("the API database does not answer")
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(handing, "_let_all_go", let_go)
    world.settle()
    server = world.see(made.uuid)
    assert (server.database, *state_of(server)) == (CELL, "active", None)
    check(world)


def test_a_server_deleted_before_it_is_placed_never_gets_a_host(world: World) -> None:
    (made,) = create_servers(MEMBER, world.svc, world.order()).servers
    delete.delete(MEMBER, world.svc, world.see(made.uuid))
    world.settle()
    assert world.see(made.uuid, deleted=True).instance.deleted
    assert not world.specs
    check(world)


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_server_deleted_at_any_point_of_its_build_leaves_nothing(world: World, steps: int) -> None:
    (made,) = create_servers(MEMBER, world.svc, world.order()).servers
    for _ in range(steps):
        if world.messages:
            world.messages.popleft()()
    delete.delete(MEMBER, world.svc, world.see(made.uuid))
    delete.delete(MEMBER, world.svc, world.see(made.uuid))
    world.settle()
    assert world.see(made.uuid, deleted=True).instance.deleted
    check(world)


def test_a_delete_that_comes_while_a_server_is_handed_over_follows_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compute_service.flows.kinds import handing

    (made,) = create_servers(MEMBER, world.svc, world.order()).servers
    real = handing._let_all_go

    def let_go(*args: object) -> bool:
        monkeypatch.setattr(handing, "_let_all_go", real)
        delete.delete(MEMBER, world.svc, world.see(made.uuid))
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(handing, "_let_all_go", let_go)
    world.settle()
    assert world.see(made.uuid, deleted=True).instance.deleted
    check(world)


def test_changes_that_come_while_a_server_is_handed_over_follow_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compute_service.flows.kinds import handing

    (made,) = create_servers(MEMBER, world.svc, world.order()).servers
    real = handing._let_all_go

    def let_go(*args: object) -> bool:
        monkeypatch.setattr(handing, "_let_all_go", real)
        update.update_server(MEMBER, world.svc, world.see(made.uuid), {"display_name": "other"})
        lock.lock(MEMBER, world.svc, world.see(made.uuid), "mine")
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(handing, "_let_all_go", let_go)
    world.settle()
    server = world.see(made.uuid).instance
    assert (server.display_name, server.locked_by, server.locked_reason) == ("other", "owner", "mine")
    check(world)


def test_a_change_during_the_build_is_kept(world: World) -> None:
    (made,) = create_servers(MEMBER, world.svc, world.order()).servers
    world.messages.popleft()()
    update.update_server(MEMBER, world.svc, world.see(made.uuid), {"display_name": "other"})
    world.settle()
    server = world.see(made.uuid)
    assert (server.instance.display_name, *state_of(server)) == ("other", "active", None)


class SlowPorts:
    """The network service, but ports come up only when they are told to."""

    def __init__(self, network: FakeNetwork) -> None:
        self._network = network
        self.up = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def allocate(self, *args: Any) -> tuple[Vif, ...]:
        return tuple(vif.replace(active=False) for vif in self._network.allocate(*args))

    def describe(self, server: str) -> tuple[Vif, ...]:
        return tuple(vif.replace(active=self.up) for vif in self._network.describe(server))


@pytest.fixture
def slow_ports(world: World) -> SlowPorts:
    ports = SlowPorts(world.network)
    world.replace(network=ports)
    return ports


def test_a_build_waits_for_ports_that_are_not_up(world: World, slow_ports: SlowPorts) -> None:
    (made,) = create_servers(MEMBER, world.svc, world.order()).servers
    world.deliver()
    assert state_of(world.see(made.uuid)) == ("building", "spawning")
    slow_ports.up = True
    event = ExternalEvent(name="network-vif-plugged", server_uuid=made.uuid, tag="any")
    assert [answer.code for answer in external_events(ADMIN, world.svc, (event,))] == [200]
    world.deliver()
    server = world.see(made.uuid)
    assert state_of(server) == ("active", None)
    assert all(vif.active for vif in server.instance.vifs)


@pytest.mark.parametrize(("fatal", "ends"), [(True, "error"), (False, "active")])
def test_ports_that_never_come_up_are_waited_for_so_long(
    world: World, slow_ports: SlowPorts, fatal: bool, ends: str
) -> None:
    world.with_settings("default", vif_plugging_timeout=100, vif_plugging_is_fatal=fatal)
    (made,) = create_servers(MEMBER, world.svc, world.order()).servers
    world.settle(seconds=150)
    assert state_of(world.see(made.uuid)) == (ends, None)
    check(world)


def test_ports_are_not_waited_for_when_so_configured(world: World, slow_ports: SlowPorts) -> None:
    world.with_settings("default", vif_plugging_timeout=0)
    (made,) = create_servers(MEMBER, world.svc, world.order()).servers
    world.deliver()
    assert state_of(world.see(made.uuid)) == ("active", None)


def test_a_server_without_networks_boots(world: World) -> None:
    server = world.boot(networks=RequestedNetworks(mode="none"))
    assert (server.instance.vifs, *state_of(server)) == ((), "active", None)


def test_a_users_own_port_is_taken_and_given_back(world: World) -> None:
    network = next(iter(world.network.networks))
    port = world.network.add_port(network, "p1")
    asked = RequestedNetworks(mode="list", networks=(NetworkRequest(port_id=port),))
    server = world.boot(networks=asked)
    assert [vif.port_id for vif in server.instance.vifs] == [port]
    delete.delete(MEMBER, world.svc, server)
    world.settle()
    assert world.network.ports[port].device_id == ""


def test_servers_of_an_anti_affinity_group_that_meet_on_a_host_part_again(world: World) -> None:
    group = create_group(MEMBER, world.svc, "apart", "anti-affinity")
    hints = {"group": group.uuid}
    first = create_servers(MEMBER, world.svc, world.order(hints=hints)).servers[0]
    second = create_servers(MEMBER, world.svc, world.order(hints=hints)).servers[0]
    world.settle()
    hosts = {world.see(one.uuid).instance.host for one in (first, second)}
    assert hosts == {"h1", "h2"}
    check(world)


def test_a_boot_takes_few_statements(world: World) -> None:
    world.boot()
    databases = [world.store.database(name) for name in world.store.names()]
    with assert_queries(*databases, at_most=26):
        (made,) = create_servers(MEMBER, world.svc, world.order()).servers
        world.deliver()
    assert state_of(world.see(made.uuid)) == ("active", None)
