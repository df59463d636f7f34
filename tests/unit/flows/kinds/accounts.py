"""Whether all that is kept of servers in different places agrees when nothing is going on."""

from __future__ import annotations

from compute_service.domain.flow import FlowState
from compute_service.domain.instance import Instance
from compute_service.domain.states import VmState
from compute_service.store.instances import InstanceQuery, instance_page
from compute_service.store.mappings import instance_mapping_get
from compute_service.store.migrations import MigrationQuery, migration_page
from tests.unit.flows.kinds.world import CELL, World

SHELVED = {VmState.SHELVED, VmState.SHELVED_OFFLOADED}
FINAL = {"finished", "confirmed", "reverted", "error", "done", "completed", "failed", "cancelled"}


def check(world: World, stuck_allowed: bool = False) -> None:
    """Fail when anything is held by nobody, or is not held by who should."""
    states = {flow.state for flow in world.flows()}
    assert states <= {FlowState.DONE, FlowState.FAILED, *([FlowState.STUCK] if stuck_allowed else [])}, states
    servers = _servers(world)
    for server in servers.values():
        if server.deleted:
            _is_gone(world, server.uuid)
        else:
            _is_whole(world, server)
    _images(world, servers)
    known = set(servers) | {m.uuid for m in _migrations(world)}
    assert set(world.placement.allocations_by_consumer) <= known
    # A port without a tag is a user's, who may have it back.
    owners = {port.device_id for port in world.network.ports.values() if port.device_id or port.tags}
    assert owners <= set(servers)
    assert not any(world.network.tables.bindings.values()), "a port is prepared for a host"
    for host in world.hosts:
        assert world.guests(host) <= set(servers)
    _moves(world, servers)


def _images(world: World, servers: dict[str, Instance]) -> None:
    """Each shelved server has its image, and nothing else has one of that sort."""
    wanted = {s.uuid for s in servers.values() if s.vm_state in SHELVED and not s.deleted}
    images = [one for one in world.images.images.values() if one.name.endswith("-shelved")]
    assert {one.properties["instance_uuid"] for one in images} == wanted
    assert len(images) == len(wanted)
    assert {one.status for one in images} <= {"active"}


def _servers(world: World) -> dict[str, Instance]:
    found = {}
    for name in world.store.names():
        with world.store.database(name).read() as tx:
            for one in instance_page(tx, InstanceQuery(deleted=None, soft_deleted=True)):
                assert one.uuid not in found, "a server is in two databases"
                assert name != "api", "a server was never given to a cell"
                found[one.uuid] = one
    return found


def _migrations(world: World):  # type: ignore[no-untyped-def]  # noqa: ANN202
    with world.store.database(CELL).read() as tx:
        return migration_page(tx, MigrationQuery(hidden=None))


def _is_gone(world: World, uuid: str) -> None:
    assert world.held(uuid) == {}
    assert world.ports_of(uuid) == set()
    for host in world.hosts:
        assert host in world.down or uuid not in world.guests(host)
    with world.store.api.read() as tx:
        mapping = instance_mapping_get(tx, uuid)
    assert mapping is not None
    assert mapping.deleted


def _is_whole(world: World, server: Instance) -> None:
    uuid, flavor = server.uuid, server.flavor
    assert server.task_state is None, server.task_state
    placed = set() if server.host is None else {server.host}
    assert world.holds_on(uuid) == placed
    if server.host is not None:
        wanted = {"VCPU": flavor.vcpus, "MEMORY_MB": flavor.memory_mb, "DISK_GB": flavor.disk_gb}
        assert world.held(uuid) == wanted
    assert {h for h in world.hosts if uuid in world.guests(h)} - world.down == placed - world.down
    if server.vifs or server.vm_state is VmState.ERROR:
        assert world.ports_of(uuid) == ({""} if server.host is None and server.vifs else placed)
    if server.vm_state is not VmState.ERROR:
        _interfaces(world, server)
    with world.store.api.read() as tx:
        mapping = instance_mapping_get(tx, uuid)
    assert mapping is not None
    assert mapping.deleted is (server.vm_state is VmState.SOFT_DELETED)
    if server.vm_state is not VmState.RESIZED:
        assert (mapping.vcpus, mapping.memory_mb) == (flavor.vcpus, flavor.memory_mb)
    assert ("shelved_image_id" in server.system_metadata) == (server.vm_state in SHELVED)
    assert "admin_password" not in server.system_metadata


def _interfaces(world: World, server: Instance) -> None:
    """What the row, the network service and the guest know of a server's interfaces is the same."""
    ports = {port.id for port in world.network.ports.values() if port.device_id == server.uuid}
    assert ports == {vif.port_id for vif in server.vifs}
    if server.host is not None and server.host not in world.down:
        nics = world.hosts[server.host].diagnostics(server.uuid).nics
        assert [nic.mac_address for nic in nics] == [vif.mac for vif in server.vifs]


def _moves(world: World, servers: dict[str, Instance]) -> None:
    for move in _migrations(world):
        assert move.status in FINAL, move.status
        server = servers[move.instance_uuid]
        pending = move.status == "finished"
        assert pending == (server.vm_state is VmState.RESIZED and bool(world.held(move.uuid)))
        if pending:
            assert world.holds_on(move.uuid) == {move.source_compute}
