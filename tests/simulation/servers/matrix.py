"""One trouble at one step of one flow: every such case, one after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from compute_service.control.find import find_server
from compute_service.domain.errors import HostRejected
from compute_service.domain.flow import StepKey, StepPhase
from compute_service.flows.kinds import FLOWS
from compute_service.flows.step import AnyStep, Remote, Step, Wait
from compute_service.store.flows import flow_get
from tests.simulation.faults import Crash
from tests.simulation.servers.audit import Audit
from tests.simulation.servers.hosts import SimHost
from tests.simulation.servers.runs import settle
from tests.simulation.servers.users import ACTS, USER, Users, attach_port, migrate_live
from tests.simulation.servers.world import World

MODES = ("fail", "fail half done", "crash before", "crash after", "repeat", "undo twice")
LOST = ("lost before", "lost after")
"""Of steps that others can tell of when their host is lost for good."""
HOST_FAILS = "(its host fails)"
ATTACH_PORT = "(a user's port is attached)"
LIVE_MIGRATE = "(it moves while it runs)"
OTHER_ACTS = {ATTACH_PORT: attach_port, LIVE_MIGRATE: migrate_live}
"""What is done to servers here beside what users do at random."""
CREATE = "create"
LAST_WORD = -1

SCENARIOS: dict[str, tuple[str, tuple[str, ...]]] = {
    "place": ("place", ()),
    "build": ("build", ()),
    "stop": ("stop", ("stop",)),
    "start": ("start", ("stop", "start")),
    "reboot": ("reboot", ("reboot_hard",)),
    "pause": ("pause", ("pause",)),
    "unpause": ("unpause", ("pause", "unpause")),
    "suspend": ("suspend", ("suspend",)),
    "resume": ("resume", ("suspend", "resume")),
    "rebuild": ("rebuild", ("rebuild",)),
    "snapshot": ("snapshot", ("create_image",)),
    "resize": ("resize", ("resize",)),
    "migrate": ("resize", ("migrate",)),
    "live migrate": ("live_migrate", (LIVE_MIGRATE,)),
    "live migrate a paused one": ("live_migrate", ("pause", LIVE_MIGRATE)),
    "confirm": ("confirm_resize", ("resize", "confirm_resize")),
    "revert": ("revert_resize", ("resize", "revert_resize")),
    "rescue": ("rescue", ("rescue",)),
    "unrescue": ("unrescue", ("rescue", "unrescue")),
    "backup": ("backup", ("create_backup", "create_backup")),
    "shelve": ("shelve", ("shelve",)),
    "shelve paused": ("shelve", ("pause", "shelve")),
    "offload": ("shelve_offload", ("shelve", "shelve_offload")),
    "unshelve": ("unshelve", ("shelve", "unshelve")),
    "unshelve an offloaded one": ("unshelve_offloaded", ("shelve", "shelve_offload", "unshelve")),
    "delete of an offloaded one": ("delete", ("shelve", "shelve_offload", "force_delete")),
    "evacuate": ("evacuate", (HOST_FAILS, "evacuate")),
    "soft delete": ("soft_delete", ("delete",)),
    "soft delete of a moved one": ("soft_delete", ("migrate", "delete")),
    "attach": ("attach_interface", ("attach_interface",)),
    "attach to a stopped one": ("attach_interface", ("stop", "attach_interface")),
    "attach a port": ("attach_interface", (ATTACH_PORT,)),
    "detach": ("detach_interface", ("attach_interface", "detach_interface")),
    "detach a port": ("detach_interface", (ATTACH_PORT, "detach_interface")),
    "restore": ("restore", ("delete", "restore")),
    "delete": ("delete", ("force_delete",)),
    "delete of a moved one": ("delete", ("migrate", "force_delete")),
}
"""Name → the kind of flow that has the trouble, and what is done to a new server until it comes."""


@dataclass(frozen=True)
class Case:
    """Where trouble comes. `seq` is LAST_WORD for `on_done`."""

    scenario: str
    seq: int
    mode: str

    @property
    def kind(self) -> str:
        """The kind of the flow."""
        return SCENARIOS[self.scenario][0]

    @property
    def name(self) -> str:
        """What the step is called."""
        return "last word" if self.seq == LAST_WORD else FLOWS[self.kind].steps[self.seq].name


def cases(scenario: str) -> Iterator[Case]:
    """Return every case of a scenario."""
    flow = FLOWS[SCENARIOS[scenario][0]]
    for seq, step in enumerate(flow.steps):
        for mode in MODES:
            if mode != "undo twice" or (step.undo is not None and not step.pivot):
                yield Case(scenario, seq, mode)
        if isinstance(step, Remote) and step.done_without is not None:
            yield from (Case(scenario, seq, mode) for mode in LOST)
    if flow.on_done is not None:
        yield from (Case(scenario, LAST_WORD, mode) for mode in MODES[:-1])


class Trouble:
    """What goes wrong in one case; `struck` counts how often it did."""

    def __init__(self, world: World, case: Case) -> None:
        self._world, self._case = world, case
        self.struck = 0

    def lay(self) -> None:
        """Put it where it is to come."""
        flow = FLOWS[self._case.kind]
        if self._case.seq == LAST_WORD:
            assert flow.on_done is not None
            changed = dataclasses.replace(flow, on_done=self._local(flow.on_done, self._case.mode))
        else:
            steps = [
                self._step(step) if seq == self._case.seq else step for seq, step in enumerate(flow.steps)
            ]
            changed = dataclasses.replace(flow, steps=tuple(steps))
        self._world.conductors.flows[flow.kind] = changed
        for host in self._world.hosts.values():
            host.ambush = lambda verb, args, host=host: self._meet(host, verb, args)  # type: ignore[misc]

    def lift(self) -> None:
        """Take it away."""
        self._world.conductors.flows[self._case.kind] = FLOWS[self._case.kind]
        for host in self._world.hosts.values():
            host.ambush = lambda verb, args: False

    # Where the conductor runs

    def _step(self, step: AnyStep) -> AnyStep:
        if isinstance(step, Remote):
            return step
        undo, mode = step.undo, self._case.mode
        if mode == "undo twice" and undo is not None:
            undo, mode = self._local(undo, "repeat"), "fail half done"
        if isinstance(step, Wait):
            return dataclasses.replace(step, check=self._local(step.check, mode), undo=undo)
        assert isinstance(step, Step)
        return dataclasses.replace(step, do=self._local(step.do, mode), undo=undo)

    def _local(self, work: Callable[..., Any], mode: str) -> Callable[..., Any]:
        left = [1]

        def do(*args: Any) -> Any:
            if not left:
                return work(*args)
            left.pop()
            self.struck += 1
            if mode == "fail":
                raise HostRejected("told to fail")
            if mode == "crash before":
                raise Crash
            work(*args)
            if mode == "fail half done":
                raise HostRejected("told to fail half done")
            if mode == "crash after":
                raise Crash
            return work(*args)

        return do

    # On hosts

    def _meet(self, host: SimHost, verb: str, args: tuple[Any, ...]) -> bool:
        key = args[0] if args else None
        if not isinstance(key, StepKey) or key.seq != self._case.seq or self._kind_of(key) != self._case.kind:
            return False
        undo = key.phase is StepPhase.UNDO
        if self._case.mode == "undo twice":
            mode = "repeat" if undo else "fail half done"
        elif undo or self.struck:
            return False
        else:
            mode = self._case.mode
        self.struck += 1
        self._strike(host, verb, args, mode)
        return mode in LOST

    def _strike(self, host: SimHost, verb: str, args: tuple[Any, ...], mode: str) -> None:
        strikes = host.driver.faults
        if mode == "fail":
            strikes.add(verb, HostRejected("told to fail"))
        elif mode == "fail half done":
            strikes.add(verb, HostRejected("told to fail half done"), half=True)
        elif mode == "crash before":
            strikes.add(verb, Crash())
        elif mode == "crash after":
            host.journal.dies = True
        elif mode in LOST:
            if mode == "lost after":
                host.journal.dies = True
                host.survive(lambda: host.do(verb, args))
            host.down = True
        else:
            host.do(verb, args)
            host.lose_journal()

    def _kind_of(self, key: StepKey) -> str | None:
        with self._world.store.database(key.database).read() as tx:
            flow = flow_get(tx, key.flow_id)
        return None if flow is None else flow.kind


def play(world: World, case: Case) -> tuple[int, list[str]]:
    """Play a case on a new server, delete it, and return how often trouble came and what is wrong."""
    acts = SCENARIOS[case.scenario][1]
    users = Users(world, 0)
    trouble = Trouble(world, case)
    if not acts:
        trouble.lay()
    users.order(host="e1")
    problems = settle(world)
    for number, key in enumerate(acts, 1):
        if number == len(acts):
            trouble.lay()
        _act(world, users.servers[0], key)
        problems += settle(world)
    trouble.lift()
    _bring_hosts_back(world)
    problems += settle(world) + Audit(world, users.servers).problems()
    for uuid in users.servers:
        if not find_server(USER, world.users, uuid, deleted=True).instance.deleted:
            _act(world, uuid, "force_delete")
    problems += settle(world) + Audit(world, users.servers).problems()
    return trouble.struck, problems


def _act(world: World, uuid: str, key: str) -> None:
    if key == HOST_FAILS:
        _fail_host_of(world, uuid)
        return
    act = OTHER_ACTS.get(key) or ACTS[key][1]
    act(USER, world.users, find_server(USER, world.users, uuid))


def _fail_host_of(world: World, uuid: str) -> None:
    host = find_server(USER, world.users, uuid).instance.host
    world.hosts[host or ""].down = True
    world.clock.advance(world.settings.default.service_down_time + 1)
    for other in world.hosts.values():
        other.beat()
    world.drain()


def _bring_hosts_back(world: World) -> None:
    for host in world.hosts.values():
        host.down = False
        host.beat()
    world.drain()
