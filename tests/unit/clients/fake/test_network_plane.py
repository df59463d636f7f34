from __future__ import annotations

import pytest

from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.neutron_api import AddressInUse, InUse, NoAddress, RevisionLost
from compute_service.clients.neutron_rows import (
    Address,
    FloatingIpRow,
    NetworkRow,
    PortRow,
    RouterRow,
    SecurityGroupRow,
    SecurityGroupRuleRow,
    SubnetRow,
)
from compute_service.domain.errors import Conflict, Invalid, NotFound, OverQuota

US = "us"


@pytest.fixture
def network() -> FakeNetwork:
    return FakeNetwork()


@pytest.fixture
def private(network: FakeNetwork) -> str:
    return network.add_network("private", "10.0.0.0/29", US)


@pytest.fixture
def public(network: FakeNetwork) -> str:
    return network.add_network("public", "172.24.4.0/29", "admin", external=True)


def test_addresses_come_from_the_pool_and_go_back(network: FakeNetwork, private: str) -> None:
    ports = [network.add_port(private, US) for _ in range(5)]
    addresses = [network.ports[port].fixed_ips[0].ip_address for port in ports]
    assert addresses == [f"10.0.0.{n}" for n in range(2, 7)]
    with pytest.raises(NoAddress):
        network.add_port(private, US)
    network.plane.delete_port(ports[1])
    freed = network.add_port(private, US)
    assert network.ports[freed].fixed_ips[0].ip_address == "10.0.0.3"


def test_a_second_subnet_takes_over(network: FakeNetwork, private: str) -> None:
    network.add_subnet(private, "10.9.0.0/24")
    last = [network.add_port(private, US) for _ in range(6)][-1]
    assert network.ports[last].fixed_ips[0].ip_address == "10.9.0.2"


def test_ports_made_together_are_made_all_or_none(network: FakeNetwork, private: str) -> None:
    rows = [PortRow(project_id=US, network_id=private) for _ in range(6)]
    with pytest.raises(NoAddress):
        network.plane.create_ports(rows)
    assert network.ports == {}
    assert len(network.plane.create_ports(rows[:5])) == 5


def test_a_ports_addresses_can_change(network: FakeNetwork, private: str) -> None:
    one, two = network.add_port(private, US), network.add_port(private, US)
    taken = network.ports[two].fixed_ips[0]
    with pytest.raises(AddressInUse):
        network.plane.update_port(one, {"fixed_ips": (taken,)})
    assert network.plane.address_in_use(private, "10.0.0.2")
    network.plane.update_port(one, {"fixed_ips": (Address(ip_address="10.0.0.6"),)})
    assert not network.plane.address_in_use(private, "10.0.0.2")
    assert network.ports[one].fixed_ips[0].ip_address == "10.0.0.6"


@pytest.mark.parametrize("address", ["10.0.1.1", "nonsense"])
def test_an_address_of_no_subnet_is_refused(network: FakeNetwork, private: str, address: str) -> None:
    with pytest.raises(Invalid):
        network.add_port(private, US, fixed_ips=(Address(ip_address=address),))


def test_a_condition_on_the_revision_is_kept(network: FakeNetwork, private: str) -> None:
    port = network.add_port(private, US)
    seen = network.ports[port].revision_number
    network.plane.update_port(port, {"name": "a"}, seen)
    with pytest.raises(RevisionLost):
        network.plane.update_port(port, {"name": "b"}, seen)
    assert network.ports[port].name == "a"


def test_what_is_used_stays(network: FakeNetwork, private: str) -> None:
    port = network.add_port(private, US)
    (subnet,) = network.networks[private].subnets
    with pytest.raises(InUse):
        network.plane.delete_network(private)
    with pytest.raises(InUse):
        network.plane.delete_subnet(subnet)
    network.plane.delete_port(port)
    network.plane.delete_subnet(subnet)
    assert network.networks[private].subnets == ()
    network.plane.delete_network(private)
    with pytest.raises(NotFound):
        network.plane.delete_network(private)


def test_a_project_has_limits(network: FakeNetwork, private: str) -> None:
    network.tables.quotas[US] = {"network": 1, "subnet": 1, "security_group": 1, "port": 0, "router": 0}
    makes = (
        lambda: network.plane.create_network(NetworkRow(project_id=US)),
        lambda: network.plane.create_subnet(SubnetRow(project_id=US, network_id=private, cidr="10.8.0.0/24")),
        lambda: network.groups.create(SecurityGroupRow(project_id=US, name="web")),
        lambda: network.add_port(private, US),
        lambda: network.floating.create_router(RouterRow(project_id=US)),
    )
    for make in makes:
        with pytest.raises(OverQuota):
            make()
    network.plane.create_network(NetworkRow(project_id="others"))


def test_a_floating_address_leads_to_one_port(network: FakeNetwork, private: str, public: str) -> None:
    one, two = network.add_port(private, US), network.add_port(private, US)
    floating = network.floating.create(FloatingIpRow(project_id=US, floating_network_id=public))
    assert (floating.floating_ip_address, floating.status) == ("172.24.4.2", "DOWN")
    led = network.floating.associate(floating.id, one)
    assert (led.port_id, led.fixed_ip_address, led.status) == (one, "10.0.0.2", "ACTIVE")
    again = network.floating.create(FloatingIpRow(project_id=US, floating_network_id=public))
    with pytest.raises(Conflict):
        network.floating.associate(again.id, one)
    with pytest.raises(Invalid):
        network.floating.associate(again.id, two, "10.0.0.2")
    network.plane.delete_port(one)
    assert network.tables.floating_ips[floating.id].port_id is None
    network.floating.delete(floating.id)
    assert not network.plane.address_in_use(public, "172.24.4.2")


def test_a_server_is_told_of_when_its_floating_addresses_change(
    network: FakeNetwork, private: str, public: str
) -> None:
    told: list[str] = []
    network.floating.changed = told.append
    port = network.add_port(private, US, device_id="server")
    order = FloatingIpRow(project_id=US, floating_network_id=public, port_id=port)
    floating = network.floating.create(order)
    network.floating.associate(floating.id, None)
    network.floating.associate(floating.id, port)
    network.floating.delete(floating.id)
    assert told == ["server"] * 4


def test_floating_addresses_are_of_external_networks(network: FakeNetwork, private: str) -> None:
    with pytest.raises(Invalid):
        network.floating.create(FloatingIpRow(project_id=US, floating_network_id=private))


def test_security_groups_have_their_rules(network: FakeNetwork, private: str) -> None:
    default = network.groups.default(US)
    assert network.groups.default(US) == default
    assert [rule.direction for rule in network.groups.rules_of(default.id)] == ["egress"] * 2 + [
        "ingress"
    ] * 2
    web = network.groups.create(SecurityGroupRow(project_id=US, name="web"))
    rule = SecurityGroupRuleRow(
        security_group_id=web.id, direction="ingress", protocol="tcp", port_range_min=80, port_range_max=90
    )
    made = network.groups.add_rule(rule)
    assert made.project_id == US
    with pytest.raises(Conflict):
        network.groups.add_rule(rule)
    with pytest.raises(Invalid):
        network.groups.add_rule(rule.replace(port_range_max=1))
    network.add_port(private, US, security_groups=(web.id,))
    with pytest.raises(InUse):
        network.groups.delete(web.id)
    with pytest.raises(Conflict):
        network.groups.delete(default.id)
    with pytest.raises(Conflict):
        network.groups.create(SecurityGroupRow(project_id=US, name="default"))
    with pytest.raises(NotFound):
        network.add_port(private, US, security_groups=("nothing",))
