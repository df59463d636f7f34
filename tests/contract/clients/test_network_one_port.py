"""One more interface for a server that is there: for the fake and for the real client on the twin."""

from __future__ import annotations

import uuid

import pytest

from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.http import reach_of
from compute_service.clients.neutron import NeutronNetwork
from compute_service.clients.neutron_api import BULK_TAGS, DNS, QUOTA_DETAILS, REVISIONS
from compute_service.clients.neutron_http import HttpNetworkApi
from compute_service.clients.neutron_rows import Address, PortRow
from compute_service.config.settings import Settings
from compute_service.domain.context import Context
from compute_service.domain.errors import (
    Conflict,
    Forbidden,
    HostRejected,
    Invalid,
    NetworkAmbiguous,
    NotFound,
    OverQuota,
    PortInUse,
    Unavailable,
)
from compute_service.domain.vif import NetworkRequest, RequestedNetworks
from compute_service.ports.network import Network, NetworkPlan, PortOrder
from tests.contract.clients.conftest import ADDRESS, OTHERS, OURS, context
from tests.fixtures.around import World

ANY = NetworkRequest()


@pytest.fixture(params=["fake", "twin with tokens", "twin without tokens", "bare twin"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def behind(world: World) -> FakeNetwork:
    """The service behind the client under test."""
    return world.network


@pytest.fixture
def network(kind: str, world: World, cloud: Settings) -> Network:
    if kind == "fake":
        return world.network
    if kind == "bare twin":
        world.network.extensions -= {BULK_TAGS, QUOTA_DETAILS, REVISIONS, DNS}
    mounts = {ADDRESS: world.application(ADDRESS)}
    return NeutronNetwork(HttpNetworkApi(reach_of(cloud, "neutron", mounts=mounts)))


@pytest.fixture
def member(kind: str, world: World) -> Context:
    return context(world, "ann", with_token=kind == "twin with tokens")


@pytest.fixture
def admin(kind: str, world: World) -> Context:
    return context(world, "boss", with_token=kind == "twin with tokens")


@pytest.fixture
def private(behind: FakeNetwork) -> str:
    return behind.add_network("private", "10.1.0.0/24", OURS)


@pytest.fixture
def served(network: Network, private: str, server: str) -> str:
    """A server that has an interface since it was made."""
    requested = RequestedNetworks(mode="list", networks=(NetworkRequest(network_id=private),))
    network.allocate(OURS, server, "web-1", "az-1", NetworkPlan(requested=requested), "host-1")
    return server


def order(server: str, key: str = "", **request: str | None) -> PortOrder:
    return PortOrder(
        key=key or str(uuid.uuid5(uuid.NAMESPACE_OID, "first")),
        project_id=OURS,
        server=server,
        hostname="web-1",
        zone="az-1",
        request=NetworkRequest(**request),
    )


def test_a_network_or_a_port_passes_as_it_was_asked_for(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    mine = behind.add_port(private, OURS)
    for asked in (
        NetworkRequest(port_id=mine, tag="nic"),
        NetworkRequest(network_id=private),
        NetworkRequest(network_id=private, fixed_ip="10.1.0.50", tag="nic"),
    ):
        assert network.resolve_one(member, OURS, asked) == asked


def test_without_a_name_it_is_the_only_network(network: Network, member: Context, private: str) -> None:
    asked = NetworkRequest(tag="nic")
    assert network.resolve_one(member, OURS, asked) == asked.replace(network_id=private)


def test_an_admin_without_a_name_means_the_servers_projects_network(
    network: Network, behind: FakeNetwork, admin: Context, private: str
) -> None:
    behind.add_network("theirs", "10.2.0.0/24", OTHERS)
    assert network.resolve_one(admin, OURS, ANY).network_id == private
    assert network.resolve_one(admin, OTHERS, ANY).network_id != private


def test_without_a_name_there_must_be_one_network(
    network: Network, behind: FakeNetwork, member: Context
) -> None:
    with pytest.raises(Invalid, match=OURS):
        network.resolve_one(member, OURS, ANY)
    for name, cidr in (("one", "10.1.0.0/24"), ("two", "10.2.0.0/24")):
        behind.add_network(name, cidr, OURS)
    with pytest.raises(NetworkAmbiguous):
        network.resolve_one(member, OURS, ANY)


def test_what_is_not_there_or_not_to_be_seen_is_not_found(
    network: Network, behind: FakeNetwork, member: Context
) -> None:
    theirs = behind.add_network("theirs", "10.2.0.0/24", OTHERS)
    for port_id in (str(uuid.uuid4()), behind.add_port(theirs, OTHERS)):
        with pytest.raises(NotFound, match=port_id):
            network.resolve_one(member, OURS, NetworkRequest(port_id=port_id))
    for network_id in (str(uuid.uuid4()), theirs):
        with pytest.raises(NotFound, match=network_id):
            network.resolve_one(member, OURS, NetworkRequest(network_id=network_id))


def test_a_port_of_another_project_than_the_servers_is_not_for_it(
    network: Network, behind: FakeNetwork, admin: Context
) -> None:
    theirs = behind.add_port(behind.add_network("theirs", "10.2.0.0/24", OTHERS), OTHERS)
    with pytest.raises(Invalid):
        network.resolve_one(admin, OURS, NetworkRequest(port_id=theirs))
    assert network.resolve_one(admin, OTHERS, NetworkRequest(port_id=theirs)).port_id == theirs


def test_a_port_in_use_is_refused(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    used = behind.add_port(private, OURS, device_id="another server")
    with pytest.raises(PortInUse):
        network.resolve_one(member, OURS, NetworkRequest(port_id=used))


def test_a_port_that_needs_a_device_of_the_hosts_is_refused(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    direct = behind.add_port(private, OURS, vnic_type="direct")
    with pytest.raises(Invalid, match="direct"):
        network.resolve_one(member, OURS, NetworkRequest(port_id=direct))


def test_an_address_in_use_is_a_conflict(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    behind.add_port(private, OURS, device_id="someone", fixed_ips=(Address(ip_address="10.1.0.9"),))
    with pytest.raises(Conflict, match=r"10\.1\.0\.9"):
        network.resolve_one(member, OURS, NetworkRequest(network_id=private, fixed_ip="10.1.0.9"))


def test_a_network_for_servers_has_a_subnet_and_does_not_lead_outside(
    network: Network, behind: FakeNetwork, member: Context, admin: Context
) -> None:
    bare = behind.add_network("bare", None, OURS)
    public = behind.add_network("public", "172.24.4.0/24", OTHERS, external=True)
    with pytest.raises(Invalid, match="subnet"):
        network.resolve_one(member, OURS, NetworkRequest(network_id=bare))
    with pytest.raises(Forbidden):
        network.resolve_one(member, OURS, NetworkRequest(network_id=public))
    assert network.resolve_one(admin, OURS, NetworkRequest(network_id=public)).network_id == public


def test_the_quota_of_ports_holds_for_ports_that_are_made(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    mine = behind.add_port(private, OURS)
    behind.tables.quotas[OURS] = {"port": 1}
    with pytest.raises(OverQuota):
        network.resolve_one(member, OURS, NetworkRequest(network_id=private))
    network.resolve_one(member, OURS, NetworkRequest(port_id=mine))


def test_a_port_is_made_for_the_order_once(
    network: Network, behind: FakeNetwork, private: str, served: str
) -> None:
    wanted = order(served, network_id=private, fixed_ip="10.1.0.77", tag="nic")
    vif = network.attach(wanted, "host-1")
    assert network.attach(wanted, "host-1") == vif
    made = behind.ports[vif.port_id]
    dns = "web-1" if DNS in behind.extensions else ""
    assert (made.project_id, made.device_id, made.device_owner) == (OURS, served, "compute:az-1")
    assert (made.host, made.dns_name, made.security_groups) == (
        "host-1",
        dns,
        (behind.groups.default(OURS).id,),
    )
    assert (vif.fixed_ips[0].address, vif.tag, vif.ours, vif.active) == ("10.1.0.77", "nic", True, True)
    assert vif.subnets
    assert len(behind.ports) == 2


def test_each_order_has_a_port_of_its_own(
    network: Network, behind: FakeNetwork, private: str, served: str
) -> None:
    first, second = (
        network.attach(order(served, str(uuid.uuid4()), network_id=private), "host-1") for _ in range(2)
    )
    assert first.port_id != second.port_id
    assert len(behind.ports) == 3
    assert all(len(tag) <= 60 for port in behind.ports.values() for tag in port.tags)


def test_an_order_whose_answer_was_lost_finds_its_port(
    network: Network, behind: FakeNetwork, private: str, served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if BULK_TAGS not in behind.extensions:
        pytest.skip("this service takes tags after the port only")
    create = behind.plane.create_ports

    def lose(rows: list[PortRow]) -> list[PortRow]:
        create(rows)
        monkeypatch.setattr(behind.plane, "create_ports", create)
        raise Unavailable("The answer was lost.")

    monkeypatch.setattr(behind.plane, "create_ports", lose)
    wanted = order(served, network_id=private)
    with pytest.raises(Unavailable):
        network.attach(wanted, "host-1")
    assert network.attach(wanted, "host-1").ours
    assert len(behind.ports) == 2


def test_a_users_port_is_taken_and_stays_the_users(
    network: Network, behind: FakeNetwork, private: str, served: str
) -> None:
    mine = behind.add_port(private, OURS)
    wanted = order(served, port_id=mine, tag="nic")
    vif = network.attach(wanted, "host-1")
    assert network.attach(wanted, "host-1") == vif
    assert (vif.port_id, vif.ours, vif.tag, vif.active) == (mine, False, "nic", True)
    assert (behind.ports[mine].device_id, behind.ports[mine].host) == (served, "host-1")
    network.detach(served, vif)
    network.detach(served, vif)
    left = behind.ports[mine]
    assert (left.device_id, left.device_owner, left.host, left.dns_name) == ("", "", "", "")
    assert len(behind.ports) == 2


def test_another_servers_port_is_not_taken(
    network: Network, behind: FakeNetwork, private: str, served: str
) -> None:
    used = behind.add_port(private, OURS, device_id="another server")
    with pytest.raises(PortInUse):
        network.attach(order(served, port_id=used), "host-1")
    with pytest.raises(NotFound):
        network.attach(order(served, port_id=str(uuid.uuid4())), "host-1")
    network.withdraw(order(served, port_id=used))
    assert behind.ports[used].device_id == "another server"


def test_what_the_service_refuses_is_told_as_such(
    network: Network, behind: FakeNetwork, private: str, served: str
) -> None:
    behind.add_port(private, OURS, fixed_ips=(Address(ip_address="10.1.0.9"),))
    with pytest.raises(Conflict):
        network.attach(order(served, network_id=private, fixed_ip="10.1.0.9"), "host-1")
    with pytest.raises(Invalid):
        network.attach(order(served, network_id=private, fixed_ip="192.0.2.1"), "host-1")
    with pytest.raises(NotFound):
        network.attach(order(served, network_id=str(uuid.uuid4())), "host-1")
    tiny = behind.add_network("tiny", "10.3.0.0/30", OURS)
    behind.add_port(tiny, OURS)
    with pytest.raises(Invalid):
        network.attach(order(served, network_id=tiny), "host-1")
    behind.tables.quotas[OURS] = {"port": 1}
    with pytest.raises(OverQuota):
        network.attach(order(served, network_id=private), "host-1")
    assert len(behind.ports) == 3


def test_a_port_made_is_withdrawn_and_nothing_else(
    network: Network, behind: FakeNetwork, private: str, served: str
) -> None:
    before = dict(behind.ports)
    wanted = order(served, network_id=private)
    network.withdraw(wanted)
    network.attach(wanted, "host-1")
    other = network.attach(order(served, str(uuid.uuid4()), network_id=private), "host-1")
    for _ in range(2):
        network.withdraw(wanted)
    assert set(behind.ports) == {*before, other.port_id}


def test_a_port_taken_is_let_go_of_when_withdrawn(
    network: Network, behind: FakeNetwork, private: str, served: str
) -> None:
    mine = behind.add_port(private, OURS)
    wanted = order(served, port_id=mine)
    network.attach(wanted, "host-1")
    for _ in range(2):
        network.withdraw(wanted)
    assert (behind.ports[mine].device_id, behind.ports[mine].host) == ("", "")
    assert len(behind.ports) == 2


def test_a_port_that_cannot_be_bound_can_be_withdrawn(
    network: Network, behind: FakeNetwork, private: str, served: str
) -> None:
    before = set(behind.ports)
    behind.plane.rejecting_hosts.add("host-1")
    wanted = order(served, network_id=private)
    with pytest.raises(HostRejected):
        network.attach(wanted, "host-1")
    network.withdraw(wanted)
    assert set(behind.ports) == before


def test_detaching_deletes_what_was_made_for_the_server(
    network: Network, behind: FakeNetwork, private: str, served: str
) -> None:
    [first] = network.describe(served)
    added = network.attach(order(served, network_id=private), "host-1")
    for vif in (first, added):
        network.detach(served, vif)
        network.detach(served, vif)
    assert not behind.ports


def test_detaching_leaves_a_port_that_is_anothers_by_now(
    network: Network, behind: FakeNetwork, private: str, served: str
) -> None:
    [vif] = network.describe(served)
    behind.plane.update_port(vif.port_id, {"device_id": "another server"})
    network.detach(served, vif)
    assert behind.ports[vif.port_id].device_id == "another server"


def test_a_server_that_goes_takes_its_added_ports_with_it(
    network: Network, behind: FakeNetwork, private: str, served: str
) -> None:
    mine = behind.add_port(private, OURS)
    network.attach(order(served, network_id=private), "host-1")
    network.attach(order(served, port_id=mine), "host-1")
    network.release(served, ())
    assert set(behind.ports) == {mine}
    assert behind.ports[mine].device_id == ""
