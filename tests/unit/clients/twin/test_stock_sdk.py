"""What a stock openstacksdk does with the services around compute."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openstack
import pytest
from openstack import exceptions
from openstack.connection import Connection

from compute_service.clients.wsgi_transport import WsgiTransport
from compute_service.cmd.allinone_seed import PASSWORD, PEOPLE
from tests.fixtures.around import World, seeded_world

ADDRESS = "http://cloud.invalid"
Connect = Callable[..., Connection]


@pytest.fixture(scope="module")
def world() -> World:
    made = seeded_world()
    other = made.identity.add_user("other", PASSWORD)
    made.identity.grant(other, "member", made.identity.add_project("other"))
    return made


@pytest.fixture(scope="module")
def connect(world: World, tmp_path_factory: pytest.TempPathFactory) -> Connect:
    """Connects as a user to the project of the user's own, or with what is named."""
    application = world.application(ADDRESS)

    def to(user: str, **auth: str) -> Connection:
        known = {"auth_url": f"{ADDRESS}/identity", "username": user, "password": PASSWORD}
        known |= {"user_domain_id": "default", **(auth if "system_scope" in auth else scope(user) | auth)}
        connection = openstack.connect(
            load_yaml_config=False, load_envvars=False, region_name="RegionOne", auth=known
        )
        connection.session.session.mount(ADDRESS, WsgiTransport(application, ADDRESS))
        return connection

    return to


@pytest.fixture
def demo(connect: Connect) -> Connection:
    return connect("demo")


@pytest.fixture
def admin(connect: Connect) -> Connection:
    return connect("admin")


def scope(user: str) -> dict[str, str]:
    """Return the project of a user, as a client asks for it."""
    projects = {person.name: person.project for person in PEOPLE}
    return {"project_name": projects.get(user, user), "project_domain_id": "default"}


def test_every_user_signs_in_and_the_admin_to_the_system_too(connect: Connect) -> None:
    for person in PEOPLE:
        assert connect(person.name).authorize()
    assert connect("admin", system_scope="all").authorize()


def test_wrong_passwords_and_projects_are_refused(connect: Connect) -> None:
    for wrong in ({"password": "wrong"}, {"project_name": "other"}, {"username": "nobody"}):
        with pytest.raises(exceptions.SDKException, match="401"):
            connect("demo", **wrong).authorize()


def test_the_catalog_lists_the_services(demo: Connection) -> None:
    types = {entry["type"] for entry in demo.service_catalog}
    assert types == {"identity", "image", "network"}


def test_projects_and_users_are_for_admins_to_list(admin: Connection, demo: Connection) -> None:
    assert {"admin", "demo", "service"} <= {project.name for project in admin.identity.projects()}
    assert admin.identity.find_user("demo").name == "demo"
    assert {"admin", "manager", "member", "reader", "service"} == {r.name for r in admin.identity.roles()}
    assert demo.identity.get_project(demo.current_project_id).name == "demo"
    with pytest.raises(exceptions.ForbiddenException):
        list(demo.identity.users())


def test_an_images_whole_life(demo: Connection, admin: Connection, tmp_path: Path) -> None:
    source = tmp_path / "disk"
    source.write_bytes(b"bytes" * 1000)
    made = demo.create_image("mine", filename=str(source), disk_format="raw", wait=True, hw_disk_bus="virtio")
    shown = demo.image.find_image("mine")
    assert (shown.id, shown.status, shown.size, shown.hw_disk_bus) == (
        made.id,
        "active",
        5000,
        "virtio",
    )
    assert demo.image.download_image(shown).content == source.read_bytes()
    assert [i.name for i in demo.image.images()] == ["mine", "cirros"]
    changed = demo.image.update_image(shown, min_ram=64, hw_disk_bus="scsi", is_protected=True)
    assert (changed.min_ram, changed.hw_disk_bus) == (64, "scsi")
    with pytest.raises(exceptions.ForbiddenException):
        demo.image.delete_image(shown, ignore_missing=False)
    demo.image.update_image(shown, is_protected=False)
    demo.image.add_tag(shown, "blue")
    assert [i.name for i in demo.image.images(tag="blue")] == ["mine"]
    admin.image.deactivate_image(shown.id)
    assert demo.image.get_image(shown.id).status == "deactivated"
    demo.image.delete_image(shown)
    assert demo.image.find_image("mine") is None


def test_images_come_in_pages(demo: Connection, world: World) -> None:
    for number in range(5):
        demo.image.create_image(f"page-{number}", allow_duplicates=True)
    names = [i.name for i in demo.image.images(limit=2, sort="name:asc", status="queued")]
    assert names == [f"page-{number}" for number in range(5)]
    for found in list(demo.image.images(status="queued")):
        demo.image.delete_image(found)


def test_a_networks_whole_life(demo: Connection) -> None:
    net = demo.network.create_network(name="net")
    subnet = demo.network.create_subnet(network_id=net.id, ip_version=4, cidr="192.168.7.0/24", name="sub")
    assert subnet.gateway_ip == "192.168.7.1"
    port = demo.network.create_port(network_id=net.id, name="port")
    assert port.fixed_ips == [{"subnet_id": subnet.id, "ip_address": "192.168.7.2"}]
    assert port.binding_host_id is None
    assert [p.id for p in demo.network.ports(network_id=net.id)] == [port.id]
    assert [p.id for p in demo.network.ports(fixed_ips="ip_address=192.168.7.2")] == [port.id]
    demo.network.update_port(port, name="renamed", description="a port")
    assert demo.network.find_port("renamed").description == "a port"
    demo.network.set_tags(port, ["one", "two"])
    assert demo.network.get_port(port.id).tags == ["one", "two"]
    with pytest.raises(exceptions.ConflictException):
        demo.network.delete_network(net, ignore_missing=False)
    demo.network.delete_port(port)
    demo.network.delete_subnet(subnet)
    demo.network.delete_network(net)
    assert demo.network.find_network("net") is None


def test_a_subnet_may_have_no_gateway(demo: Connection) -> None:
    net = demo.network.create_network(name="flat")
    subnet = demo.network.create_subnet(
        network_id=net.id, ip_version=4, cidr="192.168.8.0/30", gateway_ip=None
    )
    assert (subnet.gateway_ip, subnet.allocation_pools) == (
        None,
        [{"start": "192.168.8.1", "end": "192.168.8.2"}],
    )
    demo.network.delete_network(net)


def test_security_groups_and_their_rules(demo: Connection) -> None:
    assert [g.name for g in demo.network.security_groups()] == ["default"]
    group = demo.network.create_security_group(name="web")
    rule = demo.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", protocol="tcp", port_range_min=80, port_range_max=80
    )
    assert len(demo.network.get_security_group(group.id).security_group_rules) == 3
    assert [r.id for r in demo.network.security_group_rules(protocol="tcp")] == [rule.id]
    demo.network.delete_security_group_rule(rule)
    demo.network.delete_security_group(group)
    assert demo.network.find_security_group("web") is None


def test_a_floating_address_leads_to_a_port(demo: Connection) -> None:
    public, private = demo.network.find_network("public"), demo.network.find_network("private")
    port = demo.network.create_port(network_id=private.id)
    floating = demo.network.create_ip(floating_network_id=public.id, port_id=port.id)
    assert floating.fixed_ip_address == port.fixed_ips[0]["ip_address"]
    assert demo.network.update_ip(floating, port_id=None).status == "DOWN"
    demo.network.delete_ip(floating)
    demo.network.delete_port(port)


def test_what_is_others_stays_theirs(admin: Connection, demo: Connection, connect: Connect) -> None:
    private = demo.network.find_network("private")
    net = demo.network.create_network(name="ours")
    other = connect("other")
    assert other.network.find_network("ours") is None
    assert admin.network.find_network("ours").id == net.id
    with pytest.raises(exceptions.ForbiddenException):
        other.network.update_network(private, name="mine now")
    with pytest.raises(exceptions.ForbiddenException):
        demo.network.create_network(name="x", is_shared=True)
    with pytest.raises(exceptions.ForbiddenException):
        demo.network.create_port(network_id=private.id, project_id=other.current_project_id)
    with pytest.raises(exceptions.NotFoundException):
        other.network.create_port(network_id=net.id)
    demo.network.delete_network(net)


def test_admins_see_bindings_and_set_quotas(admin: Connection, demo: Connection) -> None:
    private = admin.network.find_network("private")
    port = admin.network.create_port(network_id=private.id, binding_host_id="host-1")
    assert (port.binding_host_id, port.binding_vif_type, port.status) == ("host-1", "ovs", "ACTIVE")
    admin.network.delete_port(port)
    project = demo.current_project_id
    admin.network.update_quota(project, ports=0)
    with pytest.raises(exceptions.ConflictException, match="Quota"):
        demo.network.create_port(network_id=private.id)
    admin.network.delete_quota(project)
    assert admin.network.get_quota(project).ports == 500


def test_nonsense_is_refused_with_a_reason(demo: Connection) -> None:
    private = demo.network.find_network("private")
    with pytest.raises(exceptions.BadRequestException, match=r"192\.0\.2\.1"):
        demo.network.create_port(network_id=private.id, fixed_ips=[{"ip_address": "192.0.2.1"}])
    net = demo.network.create_network(name="nonsense")
    with pytest.raises(exceptions.BadRequestException, match="cidr"):
        demo.network.create_subnet(network_id=net.id, ip_version=4, cidr="nonsense")
    demo.network.delete_network(net)
    with pytest.raises(exceptions.BadRequestException, match="is not one of"):
        demo.image.create_image("x", visibility="secret")
