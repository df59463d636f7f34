"""What the network does for servers, for the fake and for the real client on the twin."""

from __future__ import annotations

import uuid

import pytest

from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.http import reach_of
from compute_service.clients.neutron import NeutronNetwork
from compute_service.clients.neutron_api import (
    AUTO_ALLOCATION,
    BULK_TAGS,
    DNS,
    FLOATING,
    QUOTA_DETAILS,
    REVISIONS,
    NoAddress,
)
from compute_service.clients.neutron_http import HttpNetworkApi
from compute_service.clients.neutron_rows import Address, FloatingIpRow, NetworkRow, PortRow, SecurityGroupRow
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
from compute_service.domain.vif import FixedIp, NetworkRequest, RequestedNetworks, Vif
from compute_service.ports.network import Network, NetworkPlan
from tests.contract.clients.conftest import ADDRESS, OTHERS, OURS, context
from tests.fixtures.around import World

NONE = RequestedNetworks(mode="none")
AUTO = RequestedNetworks(mode="auto")
DEFAULT = RequestedNetworks()


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
        world.network.extensions -= {BULK_TAGS, QUOTA_DETAILS, REVISIONS}
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


def on(*network_ids: str, **fields: str) -> RequestedNetworks:
    return RequestedNetworks(
        mode="list", networks=tuple(NetworkRequest(network_id=n, **fields) for n in network_ids)
    )


def port(*port_ids: str) -> RequestedNetworks:
    return RequestedNetworks(mode="list", networks=tuple(NetworkRequest(port_id=p) for p in port_ids))


def allocate(
    network: Network, server: str, requested: RequestedNetworks, host: str = "host-1", **plan: object
) -> tuple[Vif, ...]:
    return network.allocate(OURS, server, "web-1", "az-1", NetworkPlan(requested=requested, **plan), host)


def test_none_is_none(network: Network, member: Context, private: str, server: str) -> None:
    plan = network.resolve(member, NONE, ("no such group",), 1)
    assert plan == NetworkPlan(requested=NONE)
    assert network.allocate(OURS, server, "web-1", None, plan, "host-1") == ()


@pytest.mark.parametrize("mode", ["auto", "default"])
def test_the_only_network_is_taken(network: Network, member: Context, private: str, mode: str) -> None:
    plan = network.resolve(member, RequestedNetworks(mode=mode), (), 1)
    assert plan.requested == on(private)


@pytest.mark.parametrize("mode", ["auto", "default"])
def test_several_networks_are_ambiguous(
    network: Network, behind: FakeNetwork, member: Context, private: str, mode: str
) -> None:
    behind.add_network("shared", "10.2.0.0/24", OTHERS, shared=True)
    with pytest.raises(NetworkAmbiguous):
        network.resolve(member, RequestedNetworks(mode=mode), (), 1)


def test_other_projects_networks_are_not_in_the_way(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    behind.add_network("theirs", "10.2.0.0/24", OTHERS)
    behind.add_network("public", "172.24.4.0/24", OURS, external=True)
    assert network.resolve(member, AUTO, (), 1).requested == on(private)


def test_no_network_by_default_is_none(network: Network, member: Context) -> None:
    assert network.resolve(member, DEFAULT, (), 1).requested == NONE


def test_auto_makes_a_network_once(
    network: Network, behind: FakeNetwork, member: Context, server: str
) -> None:
    plan = network.resolve(member, AUTO, (), 1)
    assert plan.requested == AUTO
    assert not behind.networks
    first = network.allocate(OURS, server, "web-1", None, plan, "host-1")
    again = network.allocate(OURS, server, "web-1", None, plan, "host-1")
    assert again == first
    assert [n.project_id for n in behind.networks.values()] == [OURS]


def test_auto_needs_a_cloud_that_allows_it(network: Network, behind: FakeNetwork, member: Context) -> None:
    behind.plane.auto_allocation = False
    with pytest.raises(Invalid):
        network.resolve(member, AUTO, (), 1)


def test_auto_needs_a_service_that_can_do_it(
    network: Network, behind: FakeNetwork, member: Context, server: str
) -> None:
    behind.extensions.discard(AUTO_ALLOCATION)
    with pytest.raises(Invalid):
        network.resolve(member, AUTO, (), 1)
    with pytest.raises(Invalid):
        allocate(network, server, AUTO)


def test_without_routers_there_are_no_floating_addresses(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    behind.extensions -= {FLOATING, DNS}
    allocate(network, server, on(private))
    (vif,) = network.describe(server)
    assert vif.fixed_ips[0].floating == ()
    assert behind.ports[vif.port_id].dns_name == ""


def test_a_named_network_is_checked(network: Network, behind: FakeNetwork, member: Context) -> None:
    theirs = behind.add_network("theirs", "10.2.0.0/24", OTHERS)
    for unknown in (str(uuid.uuid4()), theirs):
        with pytest.raises(Invalid, match=unknown):
            network.resolve(member, on(unknown), (), 1)


def test_networks_and_their_order_stay_as_asked(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    second = behind.add_network("second", "10.2.0.0/24", OURS)
    asked = on(second, private, second)
    assert network.resolve(member, asked, (), 2).requested == asked


def test_a_network_without_a_subnet_is_no_use(network: Network, behind: FakeNetwork, member: Context) -> None:
    bare = behind.add_network("bare", None, OURS)
    with pytest.raises(Invalid, match="subnet"):
        network.resolve(member, on(bare), (), 1)


def test_an_external_network_is_for_admins(
    network: Network, behind: FakeNetwork, member: Context, admin: Context
) -> None:
    public = behind.add_network("public", "172.24.4.0/24", OTHERS, external=True)
    with pytest.raises(Forbidden):
        network.resolve(member, on(public), (), 1)
    assert network.resolve(admin, on(public), (), 1).requested == on(public)


def test_a_fixed_address_must_be_free(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    behind.add_port(private, OURS, device_id="someone", fixed_ips=(Address(ip_address="10.1.0.9"),))
    with pytest.raises(Invalid, match=r"10\.1\.0\.9"):
        network.resolve(member, on(private, fixed_ip="10.1.0.9"), (), 1)
    network.resolve(member, on(private, fixed_ip="10.1.0.10"), (), 1)


def test_a_fixed_address_or_a_port_is_for_one_server(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    mine = behind.add_port(private, OURS)
    for asked in (on(private, fixed_ip="10.1.0.10"), port(mine)):
        with pytest.raises(Invalid):
            network.resolve(member, asked, (), 2)


def test_a_named_port_is_checked(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    bare = behind.add_network("bare", None, OURS)
    used = behind.add_port(private, OURS, device_id="another server")
    with pytest.raises(PortInUse):
        network.resolve(member, port(used), (), 1)
    theirs = behind.add_port(behind.add_network("theirs", "10.2.0.0/24", OTHERS), OTHERS)
    twice = behind.add_port(private, OURS)
    bad = [port(str(uuid.uuid4())), port(theirs), port(behind.add_port(bare, OURS)), port(twice, twice)]
    for asked in bad:
        with pytest.raises(Invalid):
            network.resolve(member, asked, (), 1)
    assert network.resolve(member, port(twice), (), 1).requested == port(twice)


def test_an_entry_names_something(network: Network, member: Context) -> None:
    with pytest.raises(Invalid):
        network.resolve(member, RequestedNetworks(mode="list", networks=(NetworkRequest(),)), (), 1)


def test_security_groups_go_by_name_or_identifier(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    web = behind.groups.create(SecurityGroupRow(project_id=OURS, name="web"))
    db = behind.groups.create(SecurityGroupRow(project_id=OURS, name="db"))
    default = behind.groups.default(OURS)
    plan = network.resolve(member, on(private), ("db", web.id, "default", "web"), 1)
    assert plan.security_groups == (db.id, web.id, default.id)
    assert plan.group_names == ("db", "web", "default")
    assert network.resolve(member, on(private), ("default",), 1).security_groups == ()


def test_security_groups_are_the_projects(
    network: Network, behind: FakeNetwork, member: Context, admin: Context, private: str
) -> None:
    theirs = behind.groups.create(SecurityGroupRow(project_id=OTHERS, name="web"))
    for ctx in (member, admin):
        for name in ("web", theirs.id, "nothing"):
            with pytest.raises(Invalid, match=name):
                network.resolve(ctx, on(private), (name,), 1)


def test_a_name_of_two_security_groups_is_no_name(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    for _ in range(2):
        behind.groups.create(SecurityGroupRow(project_id=OURS, name="web"))
    with pytest.raises(Conflict):
        network.resolve(member, on(private), ("web",), 1)


def test_the_quota_of_ports_counts_servers_and_interfaces(
    network: Network, behind: FakeNetwork, member: Context, private: str
) -> None:
    mine = behind.add_port(private, OURS)
    behind.tables.quotas[OURS] = {"port": 5}
    network.resolve(member, on(private, private), (), 2)
    with pytest.raises(OverQuota):
        network.resolve(member, on(private, private, private), (), 2)
    behind.tables.quotas[OURS] = {"port": 1}
    network.resolve(member, port(mine), (), 1)
    behind.tables.quotas[OURS] = {"port": -1}
    network.resolve(member, on(private), (), 1000)


def test_ports_are_made_and_bound(network: Network, behind: FakeNetwork, private: str, server: str) -> None:
    group = behind.groups.create(SecurityGroupRow(project_id=OURS, name="web"))
    asked = RequestedNetworks(
        mode="list", networks=(NetworkRequest(network_id=private, tag="nic", fixed_ip="10.1.0.77"),)
    )
    (vif,) = allocate(network, server, asked, security_groups=(group.id,))
    made = behind.ports[vif.port_id]
    assert (made.project_id, made.device_id, made.device_owner) == (OURS, server, "compute:az-1")
    assert (made.host, made.dns_name, made.security_groups) == ("host-1", "web-1", (group.id,))
    (subnet,) = behind.tables.subnets
    assert vif.fixed_ips == (FixedIp(address="10.1.0.77", version=4, subnet_id=subnet),)
    assert (vif.network_id, vif.network_label, vif.mac) == (private, "private", made.mac_address)
    assert (vif.vif_type, vif.vnic_type, vif.details) == ("ovs", "normal", {"port_filter": True})
    assert (vif.active, vif.ours, vif.tag, vif.mtu) == (True, True, "nic", 1450)


def test_without_groups_the_default_one_is_used(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    (vif,) = allocate(network, server, on(private))
    assert behind.ports[vif.port_id].security_groups == (behind.groups.default(OURS).id,)


def test_interfaces_keep_their_order(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    second = behind.add_network("second", "10.2.0.0/24", OURS)
    mine = behind.add_port(private, OURS)
    asked = RequestedNetworks(
        mode="list",
        networks=(
            NetworkRequest(network_id=second),
            NetworkRequest(port_id=mine),
            NetworkRequest(network_id=second),
        ),
    )
    vifs = allocate(network, server, asked)
    assert [vif.network_label for vif in vifs] == ["second", "private", "second"]
    assert [vif.ours for vif in vifs] == [True, False, True]
    assert vifs[1].port_id == mine
    assert allocate(network, server, asked) == vifs


def test_allocating_again_finds_and_completes(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    first = allocate(network, server, on(private, private))
    behind.plane.delete_port(first[0].port_id)
    again = allocate(network, server, on(private, private))
    assert again[1] == first[1]
    assert again[0].port_id != first[0].port_id
    assert len(behind.ports) == 2


def test_an_allocation_whose_answer_was_lost_is_found_again(
    network: Network, behind: FakeNetwork, private: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = behind.plane.create_ports

    def lose(rows: list[PortRow]) -> list[PortRow]:
        create(rows)
        monkeypatch.setattr(behind.plane, "create_ports", create)
        raise Unavailable("The answer was lost.")

    monkeypatch.setattr(behind.plane, "create_ports", lose)
    with pytest.raises(Unavailable):
        allocate(network, server, on(private, private))
    if BULK_TAGS not in behind.extensions:
        return
    assert {vif.port_id for vif in allocate(network, server, on(private, private))} == set(behind.ports)
    assert len(behind.ports) == 2
    network.release(server, ())
    assert behind.ports == {}


def test_allocating_again_on_another_host_binds_there(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    (first,) = allocate(network, server, on(private))
    (second,) = allocate(network, server, on(private), "host-2")
    assert second.port_id == first.port_id
    assert behind.ports[first.port_id].host == "host-2"


def test_another_servers_port_is_not_taken(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    used = behind.add_port(private, OURS, device_id="another server")
    with pytest.raises(PortInUse):
        allocate(network, server, port(used))
    with pytest.raises(NotFound):
        allocate(network, server, port(str(uuid.uuid4())))


def test_a_port_that_changes_while_it_is_taken_is_read_again(
    network: Network, behind: FakeNetwork, private: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = behind.add_port(private, OURS)
    update = behind.plane.update_port
    meddled = False

    def meddle(port_id: str, changes: dict[str, object], seen: int | None = None) -> PortRow:
        nonlocal meddled
        if not meddled:
            meddled = True
            update(port_id, {"device_id": "another server"} if REVISIONS in behind.extensions else {})
        return update(port_id, changes, seen)

    monkeypatch.setattr(behind.plane, "update_port", meddle)
    if REVISIONS in behind.extensions:
        with pytest.raises(PortInUse):
            allocate(network, server, port(mine))
        assert behind.ports[mine].device_id == "another server"
    else:
        assert allocate(network, server, port(mine))[0].port_id == mine


def test_ports_are_made_all_or_none(network: Network, behind: FakeNetwork, private: str, server: str) -> None:
    behind.tables.quotas[OURS] = {"port": 1}
    with pytest.raises(OverQuota):
        allocate(network, server, on(private, private))
    assert not behind.ports


def test_addresses_run_out(network: Network, behind: FakeNetwork, server: str) -> None:
    tiny = behind.add_network("tiny", "10.3.0.0/30", OURS)
    allocate(network, server, on(tiny))
    with pytest.raises(NoAddress):
        allocate(network, str(uuid.uuid4()), on(tiny))
    network.release(server, ())
    allocate(network, str(uuid.uuid4()), on(tiny))


def test_an_address_taken_meanwhile_conflicts(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    behind.add_port(private, OURS, fixed_ips=(Address(ip_address="10.1.0.9"),))
    with pytest.raises(Conflict):
        allocate(network, server, on(private, fixed_ip="10.1.0.9"))


def test_an_address_of_another_subnet_is_invalid(network: Network, private: str, server: str) -> None:
    with pytest.raises(Invalid):
        allocate(network, server, on(private, fixed_ip="192.0.2.1"))


def test_a_network_that_went_away_is_not_found(network: Network, server: str) -> None:
    with pytest.raises(NotFound):
        allocate(network, server, on(str(uuid.uuid4())))


def test_a_port_that_cannot_be_bound_rejects_the_host(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    behind.plane.rejecting_hosts.add("host-1")
    with pytest.raises(HostRejected):
        allocate(network, server, on(private))
    (vif,) = allocate(network, server, on(private), "host-2")
    assert vif.active
    with pytest.raises(HostRejected):
        network.bind(server, (vif,), "host-1")


def test_release_deletes_ours_and_lets_go_of_theirs(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    mine = behind.add_port(private, OURS)
    asked = RequestedNetworks(
        mode="list", networks=(NetworkRequest(network_id=private), NetworkRequest(port_id=mine))
    )
    vifs = allocate(network, server, asked)
    network.release(server, vifs)
    network.release(server, vifs)
    assert set(behind.ports) == {mine}
    left = behind.ports[mine]
    assert (left.device_id, left.device_owner, left.host, left.status, left.dns_name) == (
        "",
        "",
        "",
        "DOWN",
        "",
    )


def test_release_finds_ports_nobody_names(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    mine = behind.add_port(private, OURS)
    allocate(network, server, on(private, private))
    allocate(network, server, RequestedNetworks(mode="list", networks=(NetworkRequest(port_id=mine),)))
    network.release(server, ())
    assert set(behind.ports) == {mine}


def test_release_leaves_a_port_that_is_anothers_by_now(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    vifs = allocate(network, server, on(private))
    behind.plane.update_port(vifs[0].port_id, {"device_id": "another server"})
    network.release(server, vifs)
    assert behind.ports[vifs[0].port_id].device_id == "another server"


def test_a_port_passed_on_is_not_the_next_servers_own(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    (vif,) = allocate(network, server, on(private))
    heir = str(uuid.uuid4())
    behind.plane.update_port(vif.port_id, {"device_id": ""})
    allocate(network, heir, port(vif.port_id))
    network.release(heir, ())
    assert behind.ports[vif.port_id].device_id == ""


def test_bind_moves_ports(network: Network, behind: FakeNetwork, private: str, server: str) -> None:
    mine = behind.add_port(private, OURS)
    asked = RequestedNetworks(
        mode="list",
        networks=(NetworkRequest(network_id=private, tag="nic"), NetworkRequest(port_id=mine)),
    )
    vifs = allocate(network, server, asked)
    assert network.bind(server, vifs, "host-2") == vifs
    assert {behind.ports[vif.port_id].host for vif in vifs} == {"host-2"}


def test_bind_tells_of_a_port_that_went_away(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    vifs = allocate(network, server, on(private))
    behind.plane.delete_port(vifs[0].port_id)
    with pytest.raises(NotFound):
        network.bind(server, vifs, "host-2")


def test_unbind_keeps_the_ports(network: Network, private: str, server: str) -> None:
    vifs = allocate(network, server, on(private))
    network.unbind(server, vifs)
    network.unbind(server, vifs)
    (now,) = network.describe(server)
    assert (now.port_id, now.vif_type, now.active) == (vifs[0].port_id, "unbound", False)
    assert network.bind(server, vifs, "host-2")[0].active


def test_describe_tells_floating_addresses(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    public = behind.add_network("public", "172.24.4.0/24", OTHERS, external=True)
    (vif,) = allocate(network, server, on(private))
    row = FloatingIpRow(project_id=OURS, floating_network_id=public, port_id=vif.port_id)
    made = behind.floating.create(row)
    (now,) = network.describe(server)
    assert now.fixed_ips[0].floating == (made.floating_ip_address,)
    assert now.fixed_ips[0].address == vif.fixed_ips[0].address
    network.release(server, (now,))
    assert behind.tables.floating_ips[made.id].port_id is None


def test_describe_knows_both_versions(
    network: Network, behind: FakeNetwork, private: str, server: str
) -> None:
    wide = NetworkRow(project_id=OURS, name="dual")
    dual = behind.plane.create_network(wide).id
    for cidr in ("10.5.0.0/24", "2001:db8::/64"):
        behind.add_subnet(dual, cidr)
    allocate(network, server, on(dual))
    (vif,) = network.describe(server)
    assert [(ip.version, ip.address[:4]) for ip in vif.fixed_ips] == [(4, "10.5"), (6, "2001")]


def test_a_server_without_ports_is_described_as_such(network: Network, server: str) -> None:
    assert network.describe(server) == ()
    network.release(server, ())
    network.unbind(server, ())
    assert network.bind(server, (), "host-1") == ()
