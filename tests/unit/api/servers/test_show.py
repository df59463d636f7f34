from __future__ import annotations

import hashlib
from typing import Any

import pytest
from sqlalchemy import update

from compute_service.domain.block_device import BlockDevice
from compute_service.domain.group import ServerGroup
from compute_service.domain.instance import Fault
from compute_service.domain.states import PowerState, TaskState, VmState
from compute_service.store.groups import group_add_members, group_insert
from compute_service.store.services import service_update, service_upsert
from compute_service.store.tables.mappings import instance_mappings
from tests.fixtures.records import a_service, new_uuid
from tests.unit.api.world import CELL, World, at
from tests.unit.api.wsgi import OTHER, OWN, Caller


@pytest.fixture
def member(world: World) -> Caller:
    return world.caller()


@pytest.fixture
def admin(world: World) -> Caller:
    return world.caller("root", role="admin")


def shown(caller: Caller, uuid: str, version: str = "2.104") -> dict[str, Any]:
    reply = caller.get(f"/servers/{uuid}", version)
    assert reply.status == 200, reply
    return dict(reply.body["server"])


def both(caller: Caller, uuid: str, version: str) -> list[dict[str, Any]]:
    """Return a server as shown and as listed."""
    listed = caller.get(
        "/servers/detail?all_tenants=" + ("1" if ":admin" in str(caller.token) else "0"), version
    )
    return [shown(caller, uuid, version), next(s for s in listed.body["servers"] if s["id"] == uuid)]


ALWAYS = {
    "id", "name", "status", "tenant_id", "user_id", "created", "updated", "hostId", "metadata", "image",
    "flavor", "addresses", "links", "accessIPv4", "accessIPv6", "OS-DCF:diskConfig", "progress", "key_name",
    "config_drive", "security_groups", "OS-EXT-AZ:availability_zone", "OS-EXT-STS:power_state",
    "OS-EXT-STS:task_state", "OS-EXT-STS:vm_state", "OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at",
    "os-extended-volumes:volumes_attached",
}  # fmt: skip
ATTRIBUTE = "OS-EXT-SRV-ATTR:"
GAINED = {
    2: set(),
    3: {f"{ATTRIBUTE}{name}" for name in ("hostname", "reservation_id", "launch_index", "kernel_id",
                                          "ramdisk_id", "root_device_name", "user_data")},
    8: set(),
    9: {"locked"},
    15: set(),
    16: {"host_status"},
    18: set(),
    19: {"description"},
    25: set(),
    26: {"tags"},
    62: set(),
    63: {"trusted_image_certificates"},
    72: set(),
    73: {"locked_reason"},
    95: set(),
    96: {"pinned_availability_zone"},
    99: set(),
    100: {"scheduler_hints"},
    104: set(),
}  # fmt: skip
ADMIN = {f"{ATTRIBUTE}{name}" for name in ("host", "hypervisor_hostname", "instance_name")}


@pytest.mark.parametrize("minor", [1, *GAINED])
def test_an_admin_sees_the_fields_of_the_version(world: World, admin: Caller, minor: int) -> None:
    server = world.server(task_state=None)
    gained = {name for version, names in GAINED.items() if version <= minor for name in names}
    expected = ALWAYS | ADMIN | gained
    one, listed = both(admin, server.uuid, f"2.{minor}")
    assert one.keys() == expected | ({"server_groups"} if minor >= 71 else set())
    assert listed.keys() == expected


@pytest.mark.parametrize("minor", [1, *GAINED])
def test_a_member_sees_no_more_than_is_for_everyone(world: World, member: Caller, minor: int) -> None:
    server = world.server(task_state=None)
    gained = {name for version, names in GAINED.items() if version <= minor for name in names}
    expected = ALWAYS | {name for name in gained if not name.startswith(ATTRIBUTE) and name != "host_status"}
    if minor >= 90:
        expected |= {f"{ATTRIBUTE}hostname"}
    one, listed = both(member, server.uuid, f"2.{minor}")
    assert one.keys() == expected | ({"server_groups"} if minor >= 71 else set())
    assert listed.keys() == expected


@pytest.mark.parametrize(("version", "has"), [("2.89", False), ("2.90", True)])
def test_the_hostname_is_for_everyone_from_2_90_on(
    world: World, member: Caller, version: str, has: bool
) -> None:
    server = world.server()
    assert all((f"{ATTRIBUTE}hostname" in view) is has for view in both(member, server.uuid, version))


def test_values_are_what_the_record_says(world: World, admin: Caller) -> None:
    server = world.server(
        project_id=OWN,
        flavor=world.server().flavor.replace(ephemeral_gb=3, swap_mb=5),
        block_devices=(
            BlockDevice(uuid=new_uuid(), source_type="volume", destination_type="volume", volume_id="vol-1"),
            BlockDevice(uuid=new_uuid(), source_type="image", destination_type="local"),
        ),
    )
    view = shown(admin, server.uuid)
    assert view["hostId"] == hashlib.sha224(f"{OWN}host1".encode()).hexdigest()
    assert view["flavor"] == {
        "vcpus": 1, "ram": 512, "disk": 1, "ephemeral": 3, "swap": 5, "original_name": "m1.small",
        "extra_specs": {"hw:cpu_policy": "dedicated"},
    }  # fmt: skip
    mac = {"OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01"}
    assert view["addresses"] == {
        "private": [
            {"version": 4, "addr": "10.0.0.5", "OS-EXT-IPS:type": "fixed", **mac},
            {"version": 4, "addr": "203.0.113.7", "OS-EXT-IPS:type": "floating", **mac},
            {"version": 6, "addr": "fd00::5", "OS-EXT-IPS:type": "fixed", **mac},
        ]
    }
    assert view["image"] == {
        "id": server.image_ref,
        "links": [{"rel": "bookmark", "href": f"http://127.0.0.1:8774/images/{server.image_ref}"}],
        "properties": {"os_type": "linux"},
    }
    assert (view["created"], view["updated"]) == ("2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z")
    assert view["OS-SRV-USG:launched_at"] == "2026-01-01T12:00:00.123456"
    assert view["OS-SRV-USG:terminated_at"] is None
    assert view["os-extended-volumes:volumes_attached"] == [{"id": "vol-1", "delete_on_termination": True}]
    assert view["status"] == "REBOOT"
    assert (view["config_drive"], view["OS-DCF:diskConfig"]) == ("True", "AUTO")
    assert view["server_groups"] == [server.group_uuid]
    assert view[f"{ATTRIBUTE}instance_name"] == f"instance-{server.id:08x}"
    assert view["scheduler_hints"] == {"same_host": ["a"], "query": [">=", "$free_ram_mb", 1024]}


def test_a_server_that_waits_shows_what_there_is(world: World, admin: Caller) -> None:
    server = world.server(
        None, vm_state=VmState.BUILDING, task_state=TaskState.SCHEDULING, power_state=PowerState.NOSTATE,
        host=None, node=None, image_ref="", availability_zone=None, pinned_availability_zone=None, vifs=(),
        security_groups=(), access_ip_v4=None, access_ip_v6=None, launched_at=None, group_uuid=None,
        config_drive=False, auto_disk_config=False, key_name=None,
    )  # fmt: skip
    view = shown(admin, server.uuid)
    expected = {
        "status": "BUILD", "hostId": "", "image": "", "OS-EXT-AZ:availability_zone": "", "addresses": {},
        "accessIPv4": "", "accessIPv6": "", "server_groups": [], "config_drive": "", "key_name": None,
        "OS-DCF:diskConfig": "MANUAL", "host_status": "", f"{ATTRIBUTE}host": None,
    }  # fmt: skip
    assert {name: view[name] for name in expected} == expected
    assert "security_groups" not in view


def test_progress_is_shown_while_something_goes_on(world: World, member: Caller) -> None:
    for vm_state, has in ((VmState.ACTIVE, True), (VmState.STOPPED, False), (VmState.RESIZED, True)):
        server = world.server(vm_state=vm_state, task_state=None)
        assert ("progress" in shown(member, server.uuid)) is has


def test_a_fault_is_shown_of_servers_in_error(world: World, member: Caller, admin: Caller) -> None:
    fault = Fault(code=500, message="no host", created=at(2026, 1, 2), details="trace")
    server = world.server(vm_state=VmState.ERROR, task_state=None, fault=fault)
    assert shown(member, server.uuid)["fault"] == {
        "code": 500,
        "created": "2026-01-02T00:00:00Z",
        "message": "no host",
    }
    assert shown(admin, server.uuid)["fault"]["details"] == "trace"
    told = world.server(vm_state=VmState.ERROR, task_state=None, fault=fault.replace(code=400))
    assert shown(member, told.uuid)["fault"]["details"] == "trace"
    well = world.server(vm_state=VmState.ACTIVE, task_state=None, fault=fault)
    assert "fault" not in shown(admin, well.uuid)


@pytest.mark.parametrize(("version", "inline"), [("2.46", False), ("2.47", True)])
def test_the_flavor_is_inline_from_2_47_on(world: World, member: Caller, version: str, inline: bool) -> None:
    server = world.server()
    for view in both(member, server.uuid, version):
        assert view["flavor"].keys() == (
            {"vcpus", "ram", "disk", "ephemeral", "swap", "original_name", "extra_specs"}
            if inline
            else {"id", "links"}
        )


@pytest.mark.parametrize(("version", "has"), [("2.97", False), ("2.98", True)])
def test_image_properties_are_shown_from_2_98_on(
    world: World, member: Caller, version: str, has: bool
) -> None:
    server = world.server()
    assert all(("properties" in view["image"]) is has for view in both(member, server.uuid, version))


@pytest.mark.parametrize(("version", "has"), [("2.2", False), ("2.3", True)])
def test_volumes_say_whether_they_go_along_from_2_3_on(
    world: World, member: Caller, version: str, has: bool
) -> None:
    disk = BlockDevice(uuid=new_uuid(), source_type="volume", destination_type="volume", volume_id="v")
    server = world.server(block_devices=(disk,))
    for view in both(member, server.uuid, version):
        volume = view["os-extended-volumes:volumes_attached"][0]
        assert ("delete_on_termination" in volume) is has


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, "UP"),
        ({"disabled": True}, "MAINTENANCE"),
        ({"forced_down": True}, "DOWN"),
        ({"last_seen_up": at(2020, 1, 1)}, "UNKNOWN"),
    ],
)
def test_the_status_of_the_host(world: World, admin: Caller, fields: dict[str, Any], status: str) -> None:
    server = world.server()
    seen = fields.get("last_seen_up", world.svc.clock.now())
    with world.store.database(CELL).write() as tx:
        service = service_upsert(tx, a_service("host1", last_seen_up=seen))
        changes = {name: value for name, value in fields.items() if name != "last_seen_up"}
        if changes:
            service_update(tx, service.uuid, **changes)
    assert shown(admin, server.uuid)["host_status"] == status


def test_a_host_without_a_service_has_no_status(world: World, admin: Caller) -> None:
    assert shown(admin, world.server().uuid)["host_status"] == ""


def test_another_projects_server_is_not_found(world: World, member: Caller, admin: Caller) -> None:
    server = world.server(project_id=OTHER)
    reply = member.get(f"/servers/{server.uuid}")
    assert (reply.status, reply.message) == (404, f"Instance {server.uuid} could not be found.")
    assert admin.get(f"/servers/{server.uuid}").status == 200
    assert member.get(f"/servers/{new_uuid()}").status == 404


def test_a_role_is_needed(world: World) -> None:
    server = world.server()
    assert world.caller(role="reader").get(f"/servers/{server.uuid}").status == 200
    assert world.caller(role="nobody").get(f"/servers/{server.uuid}").status == 403


def test_a_server_is_shown_in_three_statements(world: World, admin: Caller) -> None:
    server = world.server()
    shown(admin, server.uuid)
    before = world.statements()
    shown(admin, server.uuid)
    assert world.statements() - before <= 3


def test_what_is_known_of_a_server_in_a_cell_that_is_down(world: World, member: Caller) -> None:
    server = world.server()
    group = world_group(world, server.uuid)
    known = shown(member, server.uuid, "2.70")
    world.cell_is_down()
    assert member.get(f"/servers/{server.uuid}", "2.68").status == 503
    view = shown(member, server.uuid, "2.70")
    assert view.keys() == {
        "id", "status", "tenant_id", "user_id", "created", "links", "OS-EXT-STS:power_state",
        "OS-EXT-AZ:availability_zone", "flavor", "image",
    }  # fmt: skip
    assert (view["status"], view["OS-EXT-AZ:availability_zone"]) == ("UNKNOWN", "az1")
    assert view["flavor"] == known["flavor"]
    assert view["image"] == known["image"]
    assert shown(member, server.uuid, "2.71")["server_groups"] == [group]
    assert world.caller("bob", OTHER).get(f"/servers/{server.uuid}").status == 404


def test_a_server_mapped_by_an_older_release_shows_less(world: World, member: Caller) -> None:
    server = world.server()
    with world.store.api.write() as tx:
        tx.execute(
            update(instance_mappings).values(flavor=None, image_ref=None, pinned_availability_zone=None)
        )
    world.cell_is_down()
    view = shown(member, server.uuid, "2.70")
    assert (view["status"], view["OS-EXT-AZ:availability_zone"]) == ("UNKNOWN", "UNKNOWN")
    assert not {"flavor", "image"} & view.keys()


def world_group(world: World, uuid: str) -> str:
    group = ServerGroup(uuid=new_uuid(), project_id=OWN, user_id="alice", name="g", policy="affinity")
    with world.store.api.write() as tx:
        group_insert(tx, group)
        group_add_members(tx, group.uuid, [uuid])
    return group.uuid


@pytest.mark.parametrize(("version", "status"), [("2.101", 200), ("2.102", 400)])
def test_unknown_parameters(world: World, member: Caller, version: str, status: int) -> None:
    assert member.get(f"/servers/{world.server().uuid}?x=1", version).status == status
