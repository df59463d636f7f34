"""What guests are told of their networks, and whose an address is: for the fake and the real client."""

from __future__ import annotations

import pytest

from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.http import reach_of
from compute_service.clients.neutron import NeutronNetwork
from compute_service.clients.neutron_http import HttpNetworkApi
from compute_service.clients.neutron_rows import NetworkRow, SubnetRow
from compute_service.config.settings import Settings
from compute_service.domain.vif import NetworkRequest, RequestedNetworks, Route, Subnet, Vif
from compute_service.ports.network import Network, NetworkPlan, PortOwner
from tests.contract.clients.conftest import ADDRESS, OTHERS, OURS
from tests.fixtures.around import World


@pytest.fixture
def behind(world: World) -> FakeNetwork:
    return world.network


@pytest.fixture(params=["fake", "twin"])
def network(request: pytest.FixtureRequest, world: World, cloud: Settings) -> Network:
    if request.param == "fake":
        return world.network
    mounts = {ADDRESS: world.application(ADDRESS)}
    return NeutronNetwork(HttpNetworkApi(reach_of(cloud, "neutron", mounts=mounts)))


def allocate(network: Network, server: str, network_id: str, project: str = OURS) -> Vif:
    requested = RequestedNetworks(mode="list", networks=(NetworkRequest(network_id=network_id),))
    [vif] = network.allocate(project, server, "web", None, NetworkPlan(requested=requested), "host-1")
    return vif


def test_an_interface_knows_the_subnets_of_its_addresses(
    network: Network, behind: FakeNetwork, server: str
) -> None:
    dual = behind.plane.create_network(NetworkRow(project_id=OURS, name="dual")).id
    v4 = behind.plane.create_subnet(
        SubnetRow(
            project_id=OURS,
            network_id=dual,
            cidr="10.5.0.0/24",
            enable_dhcp=False,
            dns_nameservers=("9.9.9.9",),
            host_routes=({"destination": "10.9.0.0/16", "nexthop": "10.5.0.9"},),
        )
    )
    v6 = behind.plane.create_subnet(
        SubnetRow(
            project_id=OURS,
            network_id=dual,
            cidr="2001:db8::/64",
            ip_version=6,
            ipv6_address_mode="slaac",
            ipv6_ra_mode="slaac",
        )
    )
    behind.add_subnet(behind.add_network("other", None, OURS), "10.6.0.0/24")
    made = allocate(network, server, dual)
    assert set(made.subnets) == {
        Subnet(
            id=v4.id,
            cidr="10.5.0.0/24",
            gateway="10.5.0.1",
            dns=("9.9.9.9",),
            routes=(Route(destination="10.9.0.0/16", nexthop="10.5.0.9"),),
            dhcp=False,
        ),
        Subnet(id=v6.id, cidr="2001:db8::/64", version=6, gateway="2001:db8::1", address_mode="slaac"),
    }
    assert network.describe(server)[0].subnets == made.subnets


def test_an_address_has_the_owners_of_its_ports(network: Network, behind: FakeNetwork) -> None:
    ours, theirs = (
        behind.add_network(name, "10.7.0.0/24", project) for name, project in (("a", OURS), ("b", OTHERS))
    )
    address = allocate(network, "server-1", ours).fixed_ips[0].address
    assert network.owners(address) == (PortOwner(server="server-1", project_id=OURS),)
    assert allocate(network, "server-2", theirs, OTHERS).fixed_ips[0].address == address
    assert {owner.server for owner in network.owners(address)} == {"server-1", "server-2"}
    assert network.owners("10.7.0.250") == ()


def test_ports_of_others_than_servers_own_no_address(network: Network, behind: FakeNetwork) -> None:
    net = behind.add_network("a", "10.7.0.0/24", OURS)
    made = behind.add_port(net, OURS, device_id="router", device_owner="network:router_interface")
    assert network.owners(behind.ports[made].fixed_ips[0].ip_address) == ()


def test_a_provider_speaks_for_its_networks_alone(network: Network, behind: FakeNetwork) -> None:
    served = behind.plane.create_network(NetworkRow(project_id=OURS, name="served")).id
    behind.plane.create_subnet(
        SubnetRow(
            project_id=OURS, network_id=served, cidr="10.8.0.0/24", advanced_service_providers=("nsx-1",)
        )
    )
    other = behind.add_network("other", "10.8.0.0/24", OURS)
    address = allocate(network, "server-1", served).fixed_ips[0].address
    assert allocate(network, "server-2", other).fixed_ips[0].address == address
    assert [owner.server for owner in network.owners(address, "nsx-1")] == ["server-1"]
    assert network.owners(address, "nsx-2") == ()
