"""Ports of a guest that moves while it runs: for the fake and for the real client on the twin."""

from __future__ import annotations

import pytest

from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.http import reach_of
from compute_service.clients.neutron import NeutronNetwork
from compute_service.clients.neutron_api import SEVERAL_BINDINGS
from compute_service.clients.neutron_bindings import MIGRATING_TO
from compute_service.clients.neutron_http import HttpNetworkApi
from compute_service.config.settings import Settings
from compute_service.domain.errors import HostRejected, NotFound
from compute_service.domain.vif import NetworkRequest, RequestedNetworks, Vif
from compute_service.ports.network import Network, NetworkPlan
from tests.contract.clients.conftest import ADDRESS, OURS
from tests.fixtures.around import World

HERE, THERE = "host-1", "host-2"


@pytest.fixture(params=["fake", "twin", "old fake", "old twin"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def behind(world: World, kind: str) -> FakeNetwork:
    if kind.startswith("old"):
        world.network.extensions.discard(SEVERAL_BINDINGS)
    return world.network


@pytest.fixture
def network(kind: str, behind: FakeNetwork, world: World, cloud: Settings) -> Network:
    if "fake" in kind:
        return behind
    mounts = {ADDRESS: world.application(ADDRESS)}
    return NeutronNetwork(HttpNetworkApi(reach_of(cloud, "neutron", mounts=mounts)))


@pytest.fixture
def vifs(network: Network, behind: FakeNetwork, server: str) -> tuple[Vif, ...]:
    """The interfaces of a server on the first host: one made for it, one brought along."""
    private = behind.add_network("private", "10.1.0.0/24", OURS)
    brought = behind.add_port(private, OURS, profile={"card": "7"})
    requested = RequestedNetworks(
        mode="list",
        networks=(
            NetworkRequest(network_id=private, tag="first"),
            NetworkRequest(port_id=brought, tag="second"),
        ),
    )
    return network.allocate(OURS, server, "web-1", "az-1", NetworkPlan(requested=requested), HERE)


def hosts(behind: FakeNetwork, vifs: tuple[Vif, ...]) -> set[str]:
    """Where the ports are active."""
    return {behind.ports[vif.port_id].host for vif in vifs}


def prepared(behind: FakeNetwork, vifs: tuple[Vif, ...]) -> set[str]:
    """What else the ports are prepared for, in whichever way the service knows."""
    found = {row.host for vif in vifs for row in behind.bindings.all(vif.port_id) if row.status != "ACTIVE"}
    return found | {
        behind.ports[vif.port_id].profile[MIGRATING_TO]
        for vif in vifs
        if MIGRATING_TO in behind.ports[vif.port_id].profile
    }


def test_ports_are_prepared_for_a_host_and_stay_where_they_are(
    network: Network, behind: FakeNetwork, server: str, vifs: tuple[Vif, ...]
) -> None:
    there = network.bind_ahead(server, vifs, THERE)
    assert [(vif.port_id, vif.tag, vif.ours, vif.mac) for vif in there] == [
        (vif.port_id, vif.tag, vif.ours, vif.mac) for vif in vifs
    ]
    assert [vif.vif_type for vif in there] == ["ovs", "ovs"]
    assert hosts(behind, vifs) == {HERE}
    assert prepared(behind, vifs) == {THERE}
    assert network.bind_ahead(server, vifs, THERE) == there


def test_the_host_to_come_is_told_of_its_own_way_to_plug(
    network: Network, behind: FakeNetwork, server: str, vifs: tuple[Vif, ...], kind: str
) -> None:
    behind.plane.vif_type = "bridge"
    there = network.bind_ahead(server, vifs, THERE)
    told = "ovs" if kind.startswith("old") else "bridge"
    assert [vif.vif_type for vif in there] == [told, told]
    assert [vif.vif_type for vif in network.describe(server)] == ["ovs", "ovs"]
    assert [vif.vif_type for vif in network.activate(server, vifs, THERE)] == ["bridge", "bridge"]


def test_activated_ports_belong_to_that_host_alone(
    network: Network, behind: FakeNetwork, server: str, vifs: tuple[Vif, ...]
) -> None:
    network.bind_ahead(server, vifs, THERE)
    now = network.activate(server, vifs, THERE)
    assert [(vif.port_id, vif.tag, vif.ours) for vif in now] == [
        (vif.port_id, vif.tag, vif.ours) for vif in vifs
    ]
    assert [dict(vif.profile) for vif in now] == [{}, {"card": "7"}]
    assert hosts(behind, vifs) == {THERE}
    assert prepared(behind, vifs) == set()
    assert network.activate(server, vifs, THERE) == now


def test_what_was_prepared_is_taken_back_and_nothing_else(
    network: Network, behind: FakeNetwork, server: str, vifs: tuple[Vif, ...]
) -> None:
    before = dict(behind.ports)
    network.bind_ahead(server, vifs, THERE)
    for _ in range(2):
        network.unbind_ahead(server, THERE)
        assert hosts(behind, vifs) == {HERE}
        assert prepared(behind, vifs) == set()
    assert [row.profile for row in behind.ports.values()] == [row.profile for row in before.values()]


def test_what_is_active_on_a_host_is_not_taken_back(
    network: Network, behind: FakeNetwork, server: str, vifs: tuple[Vif, ...]
) -> None:
    network.bind_ahead(server, vifs, THERE)
    network.activate(server, vifs, THERE)
    network.unbind_ahead(server, THERE)
    assert hosts(behind, vifs) == {THERE}


def test_ports_are_activated_though_what_was_prepared_has_gone(
    network: Network, behind: FakeNetwork, server: str, vifs: tuple[Vif, ...]
) -> None:
    network.bind_ahead(server, vifs, THERE)
    network.unbind_ahead(server, THERE)
    network.activate(server, vifs, THERE)
    assert hosts(behind, vifs) == {THERE}


def test_a_port_that_was_deleted_meanwhile_is_left_out(
    network: Network, behind: FakeNetwork, server: str, vifs: tuple[Vif, ...]
) -> None:
    network.bind_ahead(server, vifs, THERE)
    behind.plane.delete_port(vifs[1].port_id)
    assert [vif.port_id for vif in network.activate(server, vifs, THERE)] == [vifs[0].port_id]
    with pytest.raises(NotFound):
        network.bind_ahead(server, vifs, HERE)


@pytest.mark.parametrize("kind", ["fake", "twin"], indirect=True)
def test_a_host_that_cannot_have_a_port_is_told_beforehand(
    network: Network, behind: FakeNetwork, server: str, vifs: tuple[Vif, ...]
) -> None:
    behind.plane.rejecting_hosts.add(THERE)
    with pytest.raises(HostRejected):
        network.bind_ahead(server, vifs, THERE)
    network.unbind_ahead(server, THERE)
    assert hosts(behind, vifs) == {HERE}
    assert prepared(behind, vifs) == set()
