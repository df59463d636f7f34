"""Each flow, each step, each kind of trouble: in the end all accounts agree and nothing is between states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from compute_service.control import (
    delete,
    evacuate,
    interfaces,
    live_migrate,
    power,
    rebuild,
    rescue,
    resize,
    shelve,
    snapshot,
)
from compute_service.domain.order import (
    BackupOrder,
    EvacuationOrder,
    LiveMigrationOrder,
    RebuildOrder,
    UnshelveOrder,
)
from compute_service.domain.vif import NetworkRequest
from compute_service.flows.kinds import FLOWS
from compute_service.flows.step import Remote
from compute_service.store.servers import Located
from tests.unit.flows.kinds.accounts import check
from tests.unit.flows.kinds.conftest import MakeWorld
from tests.unit.flows.kinds.trouble import GIVES_UP, GOES_ON, trouble
from tests.unit.flows.kinds.world import ADMIN, IMAGE, MEMBER, World, state_of

Act = Callable[[World, Located], object]


def _nothing(world: World, server: Located) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Scenario:
    """What is done to a server, from which state, and what it is afterwards when all goes well."""

    kind: str
    ends: str
    act: Act
    before: Act = _nothing
    passes: tuple[str, ...] = ()
    """Steps that there is no host for."""


def _resized(world: World, server: Located) -> None:
    resize.resize(MEMBER, world.svc, server, "2")


def _rescued(world: World, server: Located) -> None:
    rescue.rescue(MEMBER, world.svc, server, None, None)


def _lose_its_host(world: World, server: Located) -> None:
    """Bring back whatever host was lost before, and lose this server's."""
    world.down.clear()
    world.beat()
    world.look_around()
    world.lose(server.instance.host or "")


def _evacuate(world: World, server: Located) -> object:
    return evacuate.evacuate(ADMIN, world.svc, server, EvacuationOrder())


def _attach(world: World, server: Located) -> object:
    return interfaces.attach_interface(MEMBER, world.svc, server, NetworkRequest(tag="more"))


def _attach_port(world: World, server: Located) -> object:
    (network,) = world.network.networks
    port = world.network.add_port(network, server.instance.project_id)
    return interfaces.attach_interface(MEMBER, world.svc, server, NetworkRequest(port_id=port))


def _detach_last(world: World, server: Located) -> object:
    return interfaces.detach_interface(MEMBER, world.svc, server, server.instance.vifs[-1].port_id)


def _backup(world: World, server: Located) -> object:
    return snapshot.create_backup(
        MEMBER, world.svc, server, BackupOrder(name="copy", backup_type="daily", rotation=1)
    )


def _shelve(world: World, server: Located) -> object:
    return shelve.shelve(MEMBER, world.svc, world.see(server.instance.uuid))


def _offload(world: World, server: Located) -> object:
    return shelve.shelve_offload(ADMIN, world.svc, server)


def _unshelve(world: World, server: Located) -> object:
    return shelve.unshelve(MEMBER, world.svc, server, UnshelveOrder())


def _delete(world: World, server: Located) -> object:
    return delete.force_delete(MEMBER, world.svc, server)


def _soft_delete(world: World, server: Located) -> object:
    return delete.delete(MEMBER, world.svc, server)


def _shelved_stay(world: World, server: Located) -> None:
    world.with_settings("default", shelved_offload_time=-1)


def _shelved_leave(world: World, server: Located) -> None:
    world.with_settings("default", shelved_offload_time=0)


def _shelve_and_stay(world: World, server: Located) -> None:
    _shelved_stay(world, server)
    _shelve(world, server)


def _shelve_and_leave(world: World, server: Located) -> None:
    _shelved_leave(world, server)
    _shelve(world, server)


def _pause_and_stay(world: World, server: Located) -> None:
    _shelved_stay(world, server)
    power.pause(MEMBER, world.svc, server)


def _live_migrate(world: World, server: Located) -> object:
    return live_migrate.live_migrate(ADMIN, world.svc, server, LiveMigrationOrder())


SCENARIOS = {
    "start": Scenario(
        "start",
        "active",
        lambda w, s: power.start(MEMBER, w.svc, s),
        lambda w, s: power.stop(MEMBER, w.svc, s),
    ),
    "stop": Scenario("stop", "stopped", lambda w, s: power.stop(MEMBER, w.svc, s)),
    "reboot": Scenario("reboot", "active", lambda w, s: power.reboot(MEMBER, w.svc, s, hard=False)),
    "pause": Scenario("pause", "paused", lambda w, s: power.pause(MEMBER, w.svc, s)),
    "unpause": Scenario(
        "unpause",
        "active",
        lambda w, s: power.unpause(MEMBER, w.svc, s),
        lambda w, s: power.pause(MEMBER, w.svc, s),
    ),
    "suspend": Scenario("suspend", "suspended", lambda w, s: power.suspend(MEMBER, w.svc, s)),
    "resume": Scenario(
        "resume",
        "active",
        lambda w, s: power.resume(MEMBER, w.svc, s),
        lambda w, s: power.suspend(MEMBER, w.svc, s),
    ),
    "rebuild": Scenario(
        "rebuild",
        "active",
        lambda w, s: rebuild.rebuild(MEMBER, w.svc, s, RebuildOrder(image_ref=IMAGE)),
    ),
    "snapshot": Scenario("snapshot", "active", lambda w, s: snapshot.create_image(MEMBER, w.svc, s, "copy")),
    "resize": Scenario("resize", "resized", _resized),
    "migrate": Scenario("resize", "resized", lambda w, s: resize.migrate(ADMIN, w.svc, s)),
    "live migrate": Scenario("live_migrate", "active", _live_migrate),
    "live migrate a paused one": Scenario(
        "live_migrate", "paused", _live_migrate, lambda w, s: power.pause(MEMBER, w.svc, s)
    ),
    "confirm": Scenario(
        "confirm_resize", "active", lambda w, s: resize.confirm_resize(MEMBER, w.svc, s), _resized
    ),
    "revert": Scenario(
        "revert_resize", "active", lambda w, s: resize.revert_resize(MEMBER, w.svc, s), _resized
    ),
    "backup": Scenario("backup", "active", _backup),
    "shelve": Scenario("shelve", "shelved", _shelve, _shelved_stay),
    "shelve paused": Scenario("shelve", "shelved", _shelve, _pause_and_stay),
    "offload": Scenario("shelve_offload", "shelved_offloaded", _offload, _shelve_and_stay),
    "shelve and leave": Scenario("shelve_offload", "shelved_offloaded", _shelve, _shelved_leave),
    "unshelve": Scenario("unshelve", "active", _unshelve, _shelve_and_stay),
    "unshelve offloaded": Scenario("unshelve_offloaded", "active", _unshelve, _shelve_and_leave),
    "delete shelved": Scenario("delete", "deleted", _delete, _shelve_and_stay),
    "delete offloaded": Scenario("delete", "deleted", _delete, _shelve_and_leave, ("destroy",)),
    "soft delete shelved": Scenario("soft_delete", "soft-delete", _soft_delete, _shelve_and_stay),
    "evacuate": Scenario("evacuate", "active", _evacuate, _lose_its_host),
    "delete": Scenario("delete", "deleted", lambda w, s: delete.force_delete(MEMBER, w.svc, s)),
    "delete resized": Scenario(
        "delete", "deleted", lambda w, s: delete.force_delete(MEMBER, w.svc, s), _resized
    ),
    "soft delete": Scenario("soft_delete", "soft-delete", lambda w, s: delete.delete(MEMBER, w.svc, s)),
    "soft delete resized": Scenario(
        "soft_delete", "soft-delete", lambda w, s: delete.delete(MEMBER, w.svc, s), _resized
    ),
    "rescue": Scenario("rescue", "rescued", _rescued),
    "unrescue": Scenario("unrescue", "active", lambda w, s: rescue.unrescue(MEMBER, w.svc, s), _rescued),
    "attach": Scenario("attach_interface", "active", _attach),
    "attach a port": Scenario("attach_interface", "active", _attach_port),
    "attach to a stopped one": Scenario(
        "attach_interface", "stopped", _attach, lambda w, s: power.stop(MEMBER, w.svc, s)
    ),
    "detach": Scenario("detach_interface", "active", _detach_last),
    "detach what was attached": Scenario("detach_interface", "active", _detach_last, _attach),
    "detach a port": Scenario("detach_interface", "active", _detach_last, _attach_port),
    "restore": Scenario(
        "restore",
        "active",
        lambda w, s: delete.restore(MEMBER, w.svc, s),
        lambda w, s: delete.delete(MEMBER, w.svc, s),
    ),
}


PASSED_OVER = {("delete", "clear"), ("delete", "forget"), ("soft_delete", "forget")}
"""Steps that only some servers need."""


def _steps(kind: str) -> list[str]:
    return [step.name for step in FLOWS[kind].steps]


def _run(world: World, scenario: Scenario, kind: str, step: str, mode: str, undo: bool = False) -> Located:
    """Play a scenario on a new server with one trouble, and return the server as it ends."""
    server = world.boot()
    scenario.before(world, server)
    world.settle()
    server = world.see(server.instance.uuid)
    with trouble(world, kind, step, mode, undo) as times:
        scenario.act(world, server)
        world.settle()
        passed = step in scenario.passes or (scenario.kind, step) in PASSED_OVER
        assert times.struck == 1 or passed, "the trouble never came"
    check(world)
    server = world.see(server.instance.uuid, deleted=True)
    if not server.instance.deleted:
        delete.force_delete(ADMIN, world.svc, server)
        world.settle()
        check(world)
    return server


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    made = make_world()
    made.with_settings("default", reclaim_instance_interval=300)
    return made


@pytest.mark.parametrize(
    ("name", "step"),
    [(name, step) for name, one in SCENARIOS.items() for step in [*_steps(one.kind), "on_done"]],
)
def test_a_crash_or_a_repetition_changes_nothing_in_the_end(world: World, name: str, step: str) -> None:
    scenario = SCENARIOS[name]
    for mode in GOES_ON:
        if step == "on_done" and FLOWS[scenario.kind].on_done is None:
            continue
        server = _run(world, scenario, scenario.kind, step, mode)
        assert state_of(server) == (scenario.ends, None), mode


@pytest.mark.parametrize(
    ("name", "step"),
    [
        (name, step.name)
        for name, one in SCENARIOS.items()
        for step in FLOWS[one.kind].steps
        if not isinstance(step, Remote)
    ],
)
def test_a_failing_step_leaves_all_accounts_in_order(world: World, name: str, step: str) -> None:
    scenario = SCENARIOS[name]
    for mode in GIVES_UP:
        _run(world, scenario, scenario.kind, step, mode)
