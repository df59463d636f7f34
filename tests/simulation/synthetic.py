"""Flows made for the simulation: each thing the engine can do, over sets that stand for the world.

A server's UUID is the resource: a step that makes something adds it to the set of its name, the undo takes it
out. In the end a flow that is done holds all it made, and one that failed holds nothing.
"""

from __future__ import annotations

import random
import uuid
from typing import Any, cast

from compute_service.agent.answers import Answers
from compute_service.agent.journal import Journal
from compute_service.agent.lanes import Lanes, Stepper
from compute_service.agent.service import AgentService, ServiceParts
from compute_service.config.settings import Settings
from compute_service.control.services import Services
from compute_service.domain.errors import Unavailable
from compute_service.domain.flow import UNFINISHED, Failure, FlowKey, FlowRecord, FlowState, StepKey
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.record import Record
from compute_service.domain.states import PowerState
from compute_service.flows.step import Flow, Remote, Run, Step, Wait
from compute_service.flows.submit import new_flow, submit
from compute_service.store.engine import Store
from compute_service.store.flows import flow_cancel, flow_get
from tests.fakes.clock import ManualClock
from tests.simulation.conductors import Conductors
from tests.simulation.faults import Crash, Faults, Odds
from tests.simulation.wires import Wires

HOSTS = ("h1", "h2", "h3")


class Target(Record):
    """The server and its host."""

    uuid: str
    host: str


class Noted(Record):
    """What steps return."""

    by: str


class Driver:
    """A hypervisor whose only verbs are to hold a guest and to let it go."""

    def __init__(self, guests: set[str], faults: Faults) -> None:
        self._guests, self._faults = guests, faults

    def pause(self, uuid: str) -> PowerState:
        """Make the guest."""
        self._faults.around(lambda: self._guests.add(uuid))
        return PowerState.PAUSED

    def unpause(self, uuid: str) -> PowerState:
        """Remove it."""
        self._faults.around(lambda: self._guests.discard(uuid))
        return PowerState.RUNNING


class SimHost:
    """One host: what is on it outlives the agent, which may die at any time."""

    def __init__(self, name: str, world: World) -> None:
        self.name, self._world = name, world
        self.guests: set[str] = set()
        self.stepper = Stepper()
        self._journal = Journal.in_memory(world.clock.time)
        self.down = False
        self.agent = self._start()

    def _start(self) -> AgentService:
        self._journal = self._journal.restarted()
        self.stepper = Stepper()
        return AgentService(
            self.name,
            ServiceParts(
                driver=cast(Any, Driver(self.guests, self._world.faults)),
                journal=self._journal,
                lanes=Lanes(self.stepper),
                answers=Answers(cast(Any, self._world.conductors), self._world.clock),
                images=cast(Any, None),
                keeper=cast(Any, None),
                registration=cast(Any, None),
                consoles=cast(Any, None),
            ),
        )

    def step(self) -> None:
        """Run one piece of work that is ready."""
        self._survive(lambda: self.stepper.step(self._world.rnd.randrange(self.stepper.ready)))

    def receive(self, verb: str, *args: Any) -> None:
        """Take a message, unless the host is down: then it waits."""
        if self.down:
            self._world.wires.send(lambda: self.receive(verb, *args))
            return
        self._survive(lambda: getattr(self.agent, verb)(*args))

    def _survive(self, work: Any) -> None:
        try:
            work()
        except Crash:
            self.agent = self._start()


class Post:
    """What a flow step is handed as the agent: it sends over the wires."""

    def __init__(self, host: SimHost, wires: Wires) -> None:
        self._host, self._wires = host, wires

    def __getattr__(self, verb: str) -> Any:
        return lambda *args: self._wires.send(lambda: self._host.receive(verb, *args))


class World:
    """One run of the simulation."""

    def __init__(self, seed: int, store: Store, clock: ManualClock, odds: Odds) -> None:
        self.rnd = random.Random(seed)
        self.faults = Faults(self.rnd, odds)
        self.store, self.clock = store, clock
        self.wires = Wires(self.faults, clock.time)
        self.sets: dict[str, set[str]] = {
            name: set() for name in ("claim", "ports", "mark", "flag", "sealed")
        }
        self.conductors = Conductors(
            self.flows(), self.faults, self.wires, lambda cell, host: not self.hosts[host].down
        )
        self.hosts = {name: SimHost(name, self) for name in HOSTS}
        self.svc = Services(
            store=store,
            clock=clock,
            notify=cast(Any, None),
            conductor=cast(Any, self.conductors),
            scheduler=cast(Any, None),
            agent=lambda cell, host: cast(Any, Post(self.hosts[host], self.wires)),
            identity=cast(Any, None),
            images=cast(Any, None),
            network=cast(Any, None),
            placement=cast(Any, None),
            settings=Settings(),
        )
        self.conductors.begin(self.svc)
        self.faults.meanwhile = self._a_while
        self.made: dict[str, tuple[str, FlowKey]] = {}
        self.unmade: dict[str, FlowKey] = {}

    # The flows

    def _local(self, name: str, pivot: bool = False) -> Step:
        def do(run: Run[Any]) -> Noted:
            self.faults.around(lambda: self.sets[name].add(run.params.uuid))
            return Noted(by=run.step.flow_id)

        def undo(run: Run[Any]) -> None:
            self.faults.around(lambda: self.sets[name].discard(run.params.uuid))

        return Step(name, do, None if pivot else undo, Noted, pivot=pivot)

    def _guest(self) -> Remote:
        def send(run: Run[Any], agent: ComputeAgent, key: StepKey) -> None:
            agent.pause(key, run.params.uuid)

        def undo(run: Run[Any], agent: ComputeAgent, key: StepKey) -> None:
            agent.unpause(key, run.params.uuid)

        return Remote("guest", self._to, send, undo, deadline=150.0, retries=1, undo_needs_host=True)

    def _unguest(self) -> Remote:
        def send(run: Run[Any], agent: ComputeAgent, key: StepKey) -> None:
            agent.unpause(key, run.params.uuid)

        return Remote("unguest", self._to, send, deadline=150.0)

    @staticmethod
    def _to(run: Run[Any]) -> tuple[str, str]:
        return run.key.database, run.params.host

    def _flag(self) -> Wait:
        def check(run: Run[Any]) -> Noted | None:
            return Noted(by="user") if run.params.uuid in self.sets["flag"] else None

        return Wait("flag", check, Noted, deadline=120.0)

    def _empty(self, *names: str) -> Step:
        def do(run: Run[Any]) -> None:
            self.faults.around(lambda: [self.sets[name].discard(run.params.uuid) for name in names])

        return Step("empty", do)

    def flows(self) -> dict[str, Flow]:
        """Return all kinds."""
        pivot = Step("point", lambda run: None, pivot=True)

        def done(run: Run[Any]) -> None:
            self.faults.point()

        def failed(run: Run[Any], failure: Failure) -> None:
            self.faults.point()

        def flow(kind: str, *steps: Any) -> Flow:
            return Flow(kind, Target, steps, on_done=done, on_failed=failed)

        claim, ports, mark = self._local("claim"), self._local("ports"), self._local("mark")
        seal = self._local("sealed", pivot=True)
        return {
            "make": flow("make", claim, ports, self._guest(), mark),
            "move": flow("move", claim, self._guest(), seal, ports, mark),
            "wait": flow("wait", claim, ports, self._flag(), self._guest(), mark),
            "unmake": flow("unmake", pivot, self._unguest(), self._empty("claim", "ports", "mark", "sealed")),
        }

    # What users do

    def order(self) -> None:
        """Begin one more flow."""
        kind = self.rnd.choice(("make", "move", "wait"))
        target = Target(uuid=str(uuid.UUID(int=self.rnd.getrandbits(128))), host=self.rnd.choice(HOSTS))
        flow = new_flow(kind, target, instance_uuid=target.uuid, flow_id=target.uuid)
        key = self._submit(flow)
        if key is not None:
            self.made[target.uuid] = (target.host, key)

    def take_back(self) -> None:
        """Delete one of what was ordered: cancel its flow and have another clean up behind it."""
        left = [uuid for uuid in self.made if uuid not in self.unmade]
        if not left:
            return
        target = self.rnd.choice(left)
        host, first = self.made[target]
        params = Target(uuid=target, host=host)
        key = self._submit(new_flow("unmake", params, after=first.flow_id, flow_id=f"un{target}"[:36]), first)
        if key is not None:
            self.unmade[target] = key

    def _submit(self, flow: FlowRecord, cancelled: FlowKey | None = None) -> FlowKey | None:
        """Log a flow as the API does, and tell whether it is there, whatever died meanwhile."""
        key = FlowKey(database="api", flow_id=flow.id)
        try:
            with self.store.api.write() as tx:
                if cancelled is not None:
                    flow_cancel(tx, cancelled.flow_id, "deleted")
                submit(tx, flow)
        except (Crash, Unavailable):
            with self.store.api.read() as tx:
                return key if flow_get(tx, flow.id) is not None else None
        self.conductors.wake((key,) if cancelled is None else (cancelled, key))
        return key

    def give_up(self) -> None:
        """Cancel one of what was ordered, and leave it at that."""
        if self.made:
            _, key = self.made[self.rnd.choice(list(self.made))]
            with self.store.api.write() as tx:
                flow_cancel(tx, key.flow_id, "given up")
            self.conductors.wake((key,))

    def flag(self) -> None:
        """Let what waits for its flag have it."""
        if self.made:
            self.sets["flag"].add(self.rnd.choice(list(self.made)))

    def trip(self) -> None:
        """Take a host down, or bring one back."""
        host = self.hosts[self.rnd.choice(HOSTS)]
        host.down = not host.down and not self.faults.calm

    # The run

    def run(self, orders: int = 8, troubled: float = 400.0, limit: float = 20_000.0) -> None:
        """Have `orders` flows under trouble, then calm, until all is at rest or the time is up."""
        start = self.clock.time()
        while self.clock.time() - start < limit:
            passed = self.clock.time() - start
            if passed > troubled and not self.faults.calm:
                self.faults.calm = True
                for host in self.hosts.values():
                    host.down = False
            if not self.faults.calm:
                self._users(orders)
            self._one_event()
            if self.faults.calm and self.at_rest():
                return

    def _users(self, orders: int) -> None:
        try:
            if len(self.made) < orders and self.rnd.random() < 0.1:
                self.order()
            if self.rnd.random() < 0.015:
                self.take_back()
            if self.rnd.random() < 0.03:
                self.give_up()
            if self.rnd.random() < 0.05:
                self.flag()
            if self.rnd.random() < 0.01:
                self.trip()
        except (Crash, Unavailable):
            pass

    def _a_while(self) -> None:
        for _ in range(self.rnd.randrange(1, 12)):
            self._one_event()

    def _one_event(self) -> None:
        self.clock.advance(self.rnd.random() * 2)
        ready = [host for host in self.hosts.values() if host.stepper.ready and not host.down]
        dice = self.rnd.random()
        if self.wires.waiting and dice < 0.5:
            self.wires.take()()
        elif ready and dice < 0.85:
            self.rnd.choice(ready).step()
        else:
            if self.faults.calm and not self.wires.waiting and not ready:
                self.clock.advance(self.rnd.random() * 20)
            self.conductors.sweep()

    def at_rest(self) -> bool:
        """Tell whether nothing is under way."""
        if self.wires.waiting or any(host.stepper.ready for host in self.hosts.values()):
            return False
        return all(self.state(key) not in UNFINISHED for key in self.every())

    def every(self) -> list[FlowKey]:
        """Return every flow there was."""
        return [key for _, key in self.made.values()] + list(self.unmade.values())

    def state(self, key: FlowKey) -> FlowState:
        """Return a flow's state."""
        with self.store.api.read() as tx:
            found = flow_get(tx, key.flow_id)
        assert found is not None
        return found.state

    def problems(self) -> list[str]:
        """Return what is not as it should be."""
        found: list[str] = []
        for uuid_, (host, key) in self.made.items():
            state = self.state(key)
            if state not in (FlowState.DONE, FlowState.FAILED):
                found.append(f"{key.flow_id} ended {state}")
            kept = state is FlowState.DONE and uuid_ not in self.unmade
            for name in ("claim", "ports", "mark"):
                if (uuid_ in self.sets[name]) != kept:
                    found.append(
                        f"{key.flow_id} ended {state}, unmade {uuid_ in self.unmade}: {name} is not {kept}"
                    )
            on = [h.name for h in self.hosts.values() if uuid_ in h.guests]
            if on != ([host] if kept else []):
                found.append(f"{key.flow_id} ended {state}, unmade {uuid_ in self.unmade}: guests on {on}")
        for key in self.unmade.values():
            if self.state(key) is not FlowState.DONE:
                found.append(f"the deletion {key.flow_id} ended {self.state(key)}")
        return found
