from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compute_service.config.settings import Settings
from compute_service.domain.errors import NotFound
from compute_service.domain.flavor import Flavor
from compute_service.domain.guest import Diagnostics, DiskCounters, NicCounters
from compute_service.domain.image import Image
from compute_service.domain.instance import Instance
from compute_service.domain.keypair import Keypair
from compute_service.domain.states import TaskState, VmState
from compute_service.store.flavors import flavor_insert
from compute_service.store.flows import flows_of_instance
from compute_service.store.instances import instance_get
from compute_service.store.keypairs import keypair_insert
from compute_service.store.mappings import host_mapping_insert
from compute_service.store.migrations import migration_insert
from compute_service.store.services import service_upsert
from tests.fixtures.records import a_migration, a_service, new_uuid
from tests.unit.api.world import CELL, World, make_world
from tests.unit.api.wsgi import OTHER, Caller, Reply

IMAGE = "70a599e0-31e7-49b7-b260-868f441e862b"
OTHER_IMAGE = "155d900f-4e14-4e4c-a73d-069cbf4541e6"


class Agent:
    """A host's agent that knows one console and one set of counters."""

    def console_output(self, uuid: str, length: int | None) -> str:
        if uuid == "00000000-0000-4000-8000-000000000000":
            raise NotFound("none")
        lines = ["one", "two\x07", "three"]
        return "\n".join(lines if length is None else lines[-length:])

    def diagnostics(self, uuid: str) -> Diagnostics:
        return Diagnostics(
            state="running", num_cpus=1, num_disks=1, memory_maximum=512, cpu_times_ns=(7,), uptime=5
        )


class CountingAgent(Agent):
    """A host whose hypervisor counts what goes through disks and interfaces."""

    def diagnostics(self, uuid: str) -> Diagnostics:
        counted = DiskCounters(name="vda", read_bytes=10, read_requests=1, write_bytes=20, write_requests=2)
        nic = NicCounters(
            name="vnet0", mac_address="fa:16:3e:00:00:09", rx_octets=30, tx_octets=40, rx_drop=0
        )
        return super().diagnostics(uuid).replace(cpu_utilisation=(5,), disks=(counted,), nics=(nic,))


def furnish(world: World) -> World:
    for image_id in (IMAGE, OTHER_IMAGE):
        world.images.add(Image(id=image_id, name="cirros", properties={"os_type": "linux"}))
    with world.store.api.write() as tx:
        flavor_insert(tx, Flavor(flavorid="1", name="m1.small", vcpus=1, memory_mb=512, root_gb=1))
        flavor_insert(tx, Flavor(flavorid="2", name="big", vcpus=2, memory_mb=1024, root_gb=2))
        keypair_insert(tx, Keypair(user_id="alice", name="other", public_key="ssh-rsa B", fingerprint="f"))
        for host in ("host1", "host2"):
            host_mapping_insert(tx, host, CELL)
    with world.store.database(CELL).write() as tx:
        service_upsert(tx, a_service("host1", last_seen_up=world.svc.clock.now()))
    return world


@pytest.fixture
def world() -> Any:
    made = furnish(make_world(agent=lambda cell, host: Agent()))
    yield made
    made.store.close()


@pytest.fixture
def member(world: World) -> Caller:
    return world.caller()


@pytest.fixture
def admin(world: World) -> Caller:
    return world.caller("root", role="admin")


def server_in(world: World, vm_state: VmState = VmState.ACTIVE, **fields: Any) -> Instance:
    usual = {
        "vm_state": vm_state,
        "task_state": None,
        "locked_by": None,
        "locked_reason": None,
        "fault": None,
    }
    return world.server(**{**usual, "image_ref": IMAGE, "group_uuid": None, **fields})


def record(world: World, server: Instance) -> Instance:
    with world.store.database(CELL).read() as tx:
        found = instance_get(tx, server.uuid)
    assert found is not None
    return found


def act(caller: Caller, server: Instance, name: str, value: Any = None, version: str | None = None) -> Reply:
    return caller.post(f"/servers/{server.uuid}/action", {name: value}, version)


PLAIN = {
    "os-start": (VmState.STOPPED, "start", TaskState.POWERING_ON),
    "os-stop": (VmState.ACTIVE, "stop", TaskState.POWERING_OFF),
    "pause": (VmState.ACTIVE, "pause", TaskState.PAUSING),
    "unpause": (VmState.PAUSED, "unpause", TaskState.UNPAUSING),
    "suspend": (VmState.ACTIVE, "suspend", TaskState.SUSPENDING),
    "unrescue": (VmState.RESCUED, "unrescue", TaskState.UNRESCUING),
    "resume": (VmState.SUSPENDED, "resume", TaskState.RESUMING),
    "forceDelete": (VmState.ACTIVE, "delete", TaskState.DELETING),
    "migrate": (VmState.ACTIVE, "migrate", TaskState.RESIZE_PREP),
}


@pytest.mark.parametrize("name", PLAIN)
def test_an_action_is_accepted_and_rung_for(world: World, admin: Caller, name: str) -> None:
    vm_state, action, during = PLAIN[name]
    server = server_in(world, vm_state)
    reply = act(admin, server, name)
    assert (reply.status, reply.raw) == (202, b"")
    assert record(world, server).task_state == during
    with world.store.database(CELL).read() as tx:
        [flow] = flows_of_instance(tx, server.uuid)
    assert (flow.action, flow.request_id) == (action, reply.header("x-openstack-request-id")[0])
    assert world.bell.rung == [flow.id]


@pytest.mark.parametrize("name", [name for name in PLAIN if name != "forceDelete"])
def test_an_action_in_the_wrong_state_is_a_conflict(world: World, admin: Caller, name: str) -> None:
    server = server_in(world, VmState.ERROR if name != "os-stop" else VmState.PAUSED)
    reply = act(admin, server, name)
    action = PLAIN[name][1]
    state = "error" if name != "os-stop" else "paused"
    expected = f"Cannot '{action}' instance {server.uuid} while it is in vm_state {state}"
    assert (reply.status, reply.message) == (409, expected)
    busy = server_in(world, PLAIN[name][0], task_state=TaskState.REBUILDING)
    assert act(admin, busy, name).status == 409


@pytest.mark.parametrize("name", [*PLAIN, "reboot", "resize", "rebuild"])
def test_a_locked_server_refuses_all_but_admins(
    world: World, member: Caller, admin: Caller, name: str
) -> None:
    bodies = {"reboot": {"type": "HARD"}, "resize": {"flavorRef": "2"}, "rebuild": {"imageRef": IMAGE}}
    server = server_in(world, PLAIN.get(name, (VmState.ACTIVE,))[0], locked_by="owner")
    manager = world.caller(role="manager")
    reply = act(manager, server, name, bodies.get(name))
    assert (reply.status, reply.message) == (409, f"Instance {server.uuid} is locked")
    assert act(admin, server, name, bodies.get(name)).status == 202


def test_an_action_on_an_unknown_or_foreign_server_is_not_found(world: World, member: Caller) -> None:
    foreign = server_in(world, project_id=OTHER)
    assert act(member, foreign, "os-stop").status == 404
    assert member.post(f"/servers/{new_uuid()}/action", {"os-stop": None}).status == 404


def test_an_unknown_action_is_told(world: World, member: Caller) -> None:
    reply = act(member, server_in(world), "fly")
    assert (reply.status, reply.message) == (400, "There is no such action: fly")


@pytest.mark.parametrize(
    ("given", "during"), [("soft", TaskState.REBOOTING), ("Hard", TaskState.REBOOTING_HARD)]
)
def test_a_reboot_has_a_type(world: World, member: Caller, given: str, during: TaskState) -> None:
    server = server_in(world)
    assert act(member, server, "reboot", {"type": given}).status == 202
    assert record(world, server).task_state == during


@pytest.mark.parametrize("body", [None, {}, {"type": "warm"}, {"type": "SOFT", "more": 1}, "SOFT"])
def test_a_bad_reboot_is_refused(world: World, member: Caller, body: Any) -> None:
    assert act(member, server_in(world), "reboot", body).status == 400


def test_lock_and_unlock(world: World, member: Caller, admin: Caller) -> None:
    server = server_in(world)
    assert act(member, server, "lock").status == 202
    assert record(world, server).locked_by == "owner"
    assert act(member, server, "unlock").status == 202
    assert record(world, server).locked_by is None
    foreign_admin = world.caller("root", OTHER, "admin")
    assert act(foreign_admin, server, "lock").status == 202
    assert record(world, server).locked_by == "admin"
    reply = act(member, server, "unlock")
    assert reply.status == 403
    assert "os-lock-server:unlock:unlock_override" in reply.message
    assert act(foreign_admin, server, "unlock").status == 202


@pytest.mark.parametrize(("version", "reason"), [("2.72", None), ("2.73", "mine")])
def test_a_lock_has_a_reason_from_2_73_on(
    world: World, member: Caller, version: str, reason: str | None
) -> None:
    server = server_in(world)
    assert act(member, server, "lock", {"locked_reason": "mine"}, version).status == 202
    assert record(world, server).locked_reason == reason


@pytest.mark.parametrize("body", [{"locked_reason": ""}, {"locked_reason": "x" * 256}, {"more": 1}, "x"])
def test_a_bad_reason_is_refused(world: World, member: Caller, body: Any) -> None:
    assert act(member, server_in(world), "lock", body).status == 400
    assert act(member, server_in(world), "lock", body, "2.72").status == 202


@pytest.mark.parametrize("state", ["active", "error"])
def test_a_state_is_reset_by_an_admin(world: World, admin: Caller, state: str) -> None:
    server = server_in(world, VmState.PAUSED, task_state=TaskState.SUSPENDING)
    assert act(admin, server, "os-resetState", {"state": state}).status == 202
    found = record(world, server)
    assert (found.vm_state, found.task_state) == (state, None)


@pytest.mark.parametrize("body", [None, {}, {"state": "stopped"}, {"state": "active", "x": 1}])
def test_a_bad_state_is_refused(world: World, admin: Caller, body: Any) -> None:
    assert act(admin, server_in(world), "os-resetState", body).status == 400


def test_delete(world: World, member: Caller) -> None:
    server = server_in(world, VmState.ERROR, task_state=TaskState.SPAWNING)
    reply = member.delete(f"/servers/{server.uuid}")
    assert (reply.status, reply.raw) == (204, b"")
    assert record(world, server).task_state == TaskState.DELETING
    assert member.delete(f"/servers/{server.uuid}").status == 204
    assert member.delete(f"/servers/{new_uuid()}").status == 404
    locked = server_in(world, locked_by="admin")
    assert member.delete(f"/servers/{locked.uuid}").status == 409


def test_a_server_may_be_kept_and_restored() -> None:
    default = dataclasses.replace(Settings().default, reclaim_instance_interval=60)
    world = furnish(make_world(dataclasses.replace(Settings(), default=default)))
    member = world.caller()
    server = server_in(world)
    assert member.delete(f"/servers/{server.uuid}").status == 204
    assert record(world, server).task_state == TaskState.SOFT_DELETING
    kept = server_in(world, VmState.SOFT_DELETED)
    assert act(member, kept, "restore").status == 202
    assert record(world, kept).task_state == TaskState.RESTORING
    assert act(member, server_in(world), "restore").status == 409
    world.store.close()


def test_a_resize_names_a_flavor(world: World, member: Caller) -> None:
    server = server_in(world)
    assert act(member, server, "resize", {"flavorRef": 2, "OS-DCF:diskConfig": "AUTO"}).status == 202
    assert record(world, server).task_state == TaskState.RESIZE_PREP


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"flavorRef": "9"}, "Flavor 9 could not be found."),
        ({"flavorRef": "1"}, "When resizing, instances must change flavor!"),
        ({"flavorRef": ""}, "flavorRef"),
        ({}, "'flavorRef' is a required property"),
        ({"flavorRef": "2", "OS-DCF:diskConfig": "no"}, "is not one of"),
        (None, "not of type 'object'"),
    ],
)
def test_a_bad_resize_is_refused(world: World, member: Caller, body: Any, words: str) -> None:
    reply = act(member, server_in(world), "resize", body)
    assert (reply.status, words in reply.message) == (400, True), reply


@pytest.mark.parametrize(("name", "status"), [("confirmResize", 204), ("revertResize", 202)])
def test_a_resize_is_settled(world: World, member: Caller, name: str, status: int) -> None:
    server = server_in(world, VmState.RESIZED, system_metadata={})
    reply = act(member, server, name)
    assert (reply.status, reply.message) == (400, "Instance has not been resized.")
    assert act(member, server_in(world), name).status == 409
    if name == "confirmResize":
        with world.store.database(CELL).write() as tx:
            move = a_migration(server.uuid, status="finished", source_compute="host1", dest_compute="host1")
            migration_insert(tx, move)
        assert act(member, server, name).status == status


@pytest.mark.parametrize("version", ["2.55", "2.56"])
def test_a_migration_takes_a_host_from_2_56_on(world: World, admin: Caller, version: str) -> None:
    manager = world.caller(role="manager")
    body = {"host": "host2"}
    assert act(world.caller(), server_in(world), "migrate", None, version).status == 403
    reply = act(manager, server_in(world), "migrate", body, version)
    if version == "2.55":
        assert reply.status == 202
        return
    assert "os-migrate-server:migrate:host" in reply.message
    assert act(manager, server_in(world), "migrate", {"host": None}, version).status == 202
    assert act(admin, server_in(world), "migrate", body, version).status == 202
    assert act(admin, server_in(world), "migrate", {"host": "host1"}, version).status == 400
    assert act(admin, server_in(world), "migrate", {"host": "nowhere"}, version).status == 400
    assert act(admin, server_in(world), "migrate", {"more": 1}, version).status == 400


def test_an_image_is_made_of_a_server(world: World, member: Caller) -> None:
    server = server_in(world)
    reply = act(member, server, "createImage", {"name": "shot", "metadata": {"a": "b"}}, "2.44")
    assert (reply.status, reply.raw) == (202, b"")
    [location] = reply.header("Location")
    image = world.images.images[location.rsplit("/", 1)[1]]
    assert location.startswith("http://127.0.0.1:8774/images/")
    assert (image.name, image.status, image.properties["a"]) == ("shot", "queued", "b")
    reply = act(member, server_in(world), "createImage", {"name": "shot"}, "2.45")
    assert (reply.status, reply.header("Location")) == (202, [])
    assert reply.body["image_id"] in world.images.images


def test_the_image_service_may_have_an_address_of_its_own() -> None:
    api = dataclasses.replace(Settings().api, glance_link_prefix="http://images.example/glance/")
    world = furnish(make_world(dataclasses.replace(Settings(), api=api)))
    [location] = act(world.caller(), server_in(world), "createImage", {"name": "s"}, "2.1").header("Location")
    assert location.startswith("http://images.example/glance/images/")
    world.store.close()


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "a", "metadata": {"k": 1}}, {"name": "a", "x": 1}]
)
def test_a_bad_image_order_is_refused(world: World, member: Caller, body: Any) -> None:
    assert act(member, server_in(world), "createImage", body).status == 400


@pytest.mark.parametrize(("version", "status"), [("2.38", 403), ("2.39", 202)])
def test_metadata_of_an_image_counts_until_2_38(
    world: World, member: Caller, version: str, status: int
) -> None:
    body = {"name": "a", "metadata": {str(n): "x" for n in range(129)}}
    assert act(member, server_in(world), "createImage", body, version).status == status


def test_the_console_log(world: World, member: Caller) -> None:
    server = server_in(world)
    name = "os-getConsoleOutput"
    assert act(member, server, name, {}).body == {"output": "one\ntwo\nthree"}
    assert act(member, server, name, {"length": "1"}).body == {"output": "three"}
    for everything in (None, -1):
        assert act(member, server, name, {"length": everything}).body == {"output": "one\ntwo\nthree"}
    for bad in ({"length": -2}, {"length": "x"}, {"length": True}, {"more": 1}, None):
        assert act(member, server, name, bad).status == 400
    assert act(member, server_in(world, host=None), name, {}).status == 409
    silent = server_in(world, uuid="00000000-0000-4000-8000-000000000000")
    assert act(member, silent, name, {}).status == 404


def test_diagnostics_before_2_48(world: World, admin: Caller) -> None:
    server = server_in(world)
    reply = admin.get(f"/servers/{server.uuid}/diagnostics", "2.47")
    assert reply.body == {"cpu0_time": 7, "memory": 512 * 1024}


def test_diagnostics_from_2_48_on(world: World, admin: Caller, member: Caller) -> None:
    server = server_in(world)
    body = admin.get(f"/servers/{server.uuid}/diagnostics", "2.48").body
    assert body["memory_details"] == {"maximum": 512, "used": None}
    assert body["cpu_details"] == [{"id": 0, "time": 7, "utilisation": None}]
    assert body["nic_details"][0]["mac_address"] == "fa:16:3e:00:00:01"
    assert len(body["disk_details"]) == body["num_disks"] == 1
    assert member.get(f"/servers/{server.uuid}/diagnostics").status == 403


def test_diagnostics_show_what_the_hypervisor_counts() -> None:
    world = furnish(make_world(agent=lambda cell, host: CountingAgent()))
    path = f"/servers/{server_in(world).uuid}/diagnostics"
    admin = world.caller("root", role="admin")
    body = admin.get(path, "2.48").body
    assert body["disk_details"] == [
        {"read_bytes": 10, "read_requests": 1, "write_bytes": 20, "write_requests": 2, "errors_count": None}
    ]
    (nic,) = body["nic_details"]
    assert (nic["mac_address"], nic["rx_octets"], nic["tx_octets"]) == ("fa:16:3e:00:00:09", 30, 40)
    assert body["cpu_details"][0]["utilisation"] == 5
    old = {"vda_read": 10, "vda_read_req": 1, "vda_write": 20, "vda_write_req": 2}
    old |= {"vnet0_rx": 30, "vnet0_tx": 40, "vnet0_rx_drop": 0, "cpu0_time": 7, "memory": 512 * 1024}
    assert admin.get(path, "2.47").body == old
    world.store.close()


def test_a_rebuild_answers_with_the_server(world: World, member: Caller) -> None:
    server = server_in(world)
    body = {
        "imageRef": OTHER_IMAGE,
        "name": "new",
        "adminPass": "hush",
        "metadata": {"a": "b"},
        "description": None,
        "key_name": "other",
        "user_data": None,
        "hostname": "new.example.org",
        "accessIPv4": "10.1.1.1",
        "trusted_image_certificates": ["c9"],
        "preserve_ephemeral": "no",
        "OS-DCF:diskConfig": "MANUAL",
    }
    reply = act(member, server, "rebuild", body)
    assert reply.status == 202, reply
    assert reply.header("Location") == [f"http://127.0.0.1:8774/v2.1/servers/{server.uuid}"]
    view = reply.body["server"]
    shown = {
        "name": "new", "adminPass": "hush", "metadata": {"a": "b"}, "description": None, "key_name": "other",
        "user_data": None, "OS-EXT-SRV-ATTR:hostname": "new.example.org", "accessIPv4": "10.1.1.1",
        "trusted_image_certificates": ["c9"], "status": "REBUILD", "OS-DCF:diskConfig": "MANUAL",
    }  # fmt: skip
    assert {name: view[name] for name in shown} == shown
    assert view["image"]["id"] == OTHER_IMAGE
    assert record(world, server).task_state == TaskState.REBUILDING


@pytest.mark.parametrize(
    ("minor", "gained"),
    [
        (9, {"locked"}),
        (19, {"description"}),
        (26, {"tags"}),
        (54, {"key_name"}),
        (57, {"user_data"}),
        (63, {"trusted_image_certificates"}),
        (71, {"server_groups"}),
        (73, {"locked_reason"}),
        (75, {"OS-EXT-STS:vm_state", "config_drive", "security_groups", "OS-EXT-AZ:availability_zone"}),
        (90, {"OS-EXT-SRV-ATTR:hostname"}),
        (96, {"pinned_availability_zone"}),
        (100, {"scheduler_hints"}),
    ],
)
def test_the_answer_to_a_rebuild_grows(world: World, member: Caller, minor: int, gained: set[str]) -> None:
    def keys(version: int) -> set[str]:
        reply = act(member, server_in(world), "rebuild", {"imageRef": IMAGE}, f"2.{version}")
        assert reply.status == 202, reply
        return set(reply.body["server"])

    assert gained <= keys(minor)
    assert not gained & keys(minor - 1)


def test_an_admins_rebuild_shows_where(world: World, admin: Caller) -> None:
    view = act(admin, server_in(world), "rebuild", {"imageRef": IMAGE}).body["server"]
    assert {"OS-EXT-SRV-ATTR:host", "host_status"} <= view.keys()
    assert "OS-EXT-SRV-ATTR:user_data" not in view


@pytest.mark.parametrize(
    ("fields", "first", "last"),
    [
        ({"description": "d"}, 19, None),
        ({"key_name": None}, 54, None),
        ({"user_data": "aGk="}, 57, None),
        ({"personality": [{"path": "/a", "contents": "aGk="}]}, 1, 56),
        ({"trusted_image_certificates": None}, 63, None),
        ({"hostname": "web"}, 90, None),
        ({"hostname": "web.example.org"}, 94, None),
    ],
)
def test_a_rebuild_takes_a_field_in_its_versions(
    world: World, member: Caller, fields: dict[str, Any], first: int, last: int | None
) -> None:
    def status(minor: int) -> int:
        body = {"imageRef": IMAGE, **fields}
        return act(member, server_in(world), "rebuild", body, f"2.{minor}").status

    assert status(first) == 202
    if first > 1:
        assert status(first - 1) == 400
    if last is not None:
        assert (status(last), status(last + 1)) == (202, 400)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "'imageRef' is a required property"),
        ({"imageRef": "x"}, "is not a 'uuid'"),
        ({"imageRef": new_uuid()}, "Can not find requested image"),
        ({"imageRef": IMAGE, "key_name": "none"}, "Invalid key_name provided."),
        ({"imageRef": IMAGE, "name": ""}, "too short"),
        ({"imageRef": IMAGE, "more": 1}, "Additional properties"),
    ],
)
def test_a_bad_rebuild_is_refused(world: World, member: Caller, body: Any, words: str) -> None:
    reply = act(member, server_in(world), "rebuild", body)
    assert (reply.status, words in reply.message) == (400, True), reply


@pytest.mark.parametrize(("version", "status"), [("2.102", 202), ("2.103", 404)])
def test_the_alias_of_servers_ends(world: World, member: Caller, version: str, status: int) -> None:
    server = server_in(world)
    reply = member.post(f"/os-volumes_boot/{server.uuid}/action", {"os-stop": None}, version)
    assert reply.status == status
    assert member.get("/os-volumes_boot/detail", version).status == (200 if status == 202 else 404)
    paused = member.post(f"/os-volumes_boot/{server.uuid}/action", {"pause": None}, "2.102")
    assert paused.message == "There is no such action: pause"
