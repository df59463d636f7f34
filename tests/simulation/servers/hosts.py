"""Compute hosts: the real agent on the fake hypervisor, dying and coming back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any, cast

from compute_service.agent.identity import NodeIdentity
from compute_service.agent.journal import Begun, Journal
from compute_service.agent.lanes import Stepper
from compute_service.agent.start import AgentParts, Host, assemble
from compute_service.config.settings import Settings
from compute_service.domain.errors import ComputeError, HostRejected, Timeout
from compute_service.domain.flow import StepKey, StepResult
from compute_service.domain.protocol import Conductor
from compute_service.domain.states import PowerState
from compute_service.ports.images import Images
from compute_service.ports.placement import Placement
from compute_service.virt.fake import Exchange, FakeHypervisor, HostSize, Shape
from compute_service.virt.fake import Faults as Strikes
from tests.fakes.clock import ManualClock
from tests.simulation.faults import Crash, Faults
from tests.simulation.wires import Wires

CALLS = ("live_abort", "live_force")
"""Verbs that answer at once, perhaps by an error."""
SIZE = HostSize(vcpus=2, memory_mb=4096, local_gb=40)


class Trouble(Strikes):
    """What goes wrong within a verb of the hypervisor: nothing, a failure or the end of the process."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._sim = faults

    def strike(self, verb: str, uuid: str | None, half: bool) -> None:
        """Fail or die here, perhaps."""
        super().strike(verb, uuid, half)
        self._sim.point()
        if self._sim.happens("failures", self._sim.odds.fails):
            raise HostRejected(f"{verb} failed{' half done' if half else ''}")


class TroubledJournal(Journal):
    """A journal before and after each entry of which the process may die."""

    faults: Faults
    dies = False
    """Whether the process dies the next time that an answer is to be kept."""

    def begin(self, key: StepKey) -> Begun:
        """Decide about a message."""
        self.faults.point()
        begun = super().begin(key)
        self.faults.point()
        return begun

    def finish(self, key: StepKey, result: StepResult) -> None:
        """Keep an answer."""
        self.faults.point()
        if self.dies:
            self.dies = False
            raise Crash
        super().finish(key, result)
        self.faults.point()


@dataclass(frozen=True)
class Surroundings:
    """What a host stands on."""

    conductor: Conductor
    images: Images
    placement: Placement
    settings: Settings
    exchange: Exchange
    clock: ManualClock
    faults: Faults
    wires: Wires


class SimHost:
    """One host: guests, journal and messages outlive the agent, which may die at any time."""

    def __init__(self, name: str, cell: str, around: Surroundings) -> None:
        self.name, self.cell, self._around = name, cell, around
        self.clock, self._faults, self._wires = around.clock, around.faults, around.wires
        self._conductor = around.conductor
        self.node = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        self.driver = FakeHypervisor(name, around.images, self.clock, Shape(size=SIZE), around.exchange)
        self.driver.faults = Trouble(self._faults)
        self._journals = type("SeededJournal", (TroubledJournal,), {"faults": self._faults})
        self.journal: TroubledJournal = self._journals.in_memory(self.clock.time)
        self.stepper = Stepper()
        self.down = False
        self.host: Host | None = None
        """None until the agent has come up."""
        self.life = 0
        """How often its journal was lost."""
        self._depth = 0
        """How many things it does at the same time."""
        self._queue: list[tuple[str, tuple[Any, ...]]] = []
        """What came while it was not up."""
        self.ambush: Callable[[str, tuple[Any, ...]], bool] = lambda verb, args: False
        """Called with each message before it is taken; True keeps it away."""

    def _assemble(self) -> Host:
        parts = AgentParts(
            settings=self._around.settings,
            clock=self.clock,
            bus=cast(Any, None),
            images=self._around.images,
            placement=self._around.placement,
            drivers={self.name: self.driver},
            journal=self.journal,
            pool=self.stepper,
        )
        service = str(uuid.uuid5(uuid.UUID(self.node), "service"))
        return assemble(
            parts, self._conductor, NodeIdentity(host=self.name, node_uuid=self.node, service_uuid=service)
        )

    def boot(self) -> None:
        """Start the agent anew, as after a crash; it comes up unless it dies again on the way."""
        self.host = None
        self.stepper = Stepper()
        self.journal = self.journal.restarted()
        host = self._assemble()
        try:
            host.registration.renew()
            host.registration.update()
            host.power.scan()
        except (Crash, ComputeError):
            return
        self.host = host

    def lose_journal(self) -> None:
        """Restart with an empty journal, as on a new disk. What was under way to the old one is lost with it:
        a host cannot know a message that is older than its memory."""
        self.life += 1
        self.journal = self._journals.in_memory(self.clock.time)
        self._queue.clear()
        self.boot()

    def receive(self, verb: str, args: tuple[Any, ...]) -> None:
        """Take a message; while the agent is not up it waits in the queue. The answer of a call gets lost."""
        if self.down or self.host is None:
            self._queue.append((verb, args))
            return
        if self.ambush(verb, args):
            return
        service = self.host.service
        with suppress(ComputeError) if verb in CALLS else nullcontext():
            self.survive(lambda: getattr(service, verb)(*args))

    def asked(self, verb: str, *args: Any) -> Any:
        """Answer a call. Raises Timeout when the agent is not up or dies over it, else as the verb does."""
        answers: list[Any] = []
        if not self.down and self.host is not None:
            service = self.host.service
            self.survive(lambda: answers.append(getattr(service, verb)(*args)))
        if not answers:
            raise Timeout(f"no answer to '{verb}' from {self.name}")
        return answers[0]

    def do(self, verb: str, args: tuple[Any, ...]) -> None:
        """Do what a message asks for, at once."""
        assert self.host is not None
        getattr(self.host.service, verb)(*args)
        while self.stepper.ready:
            self.step()

    @property
    def has_mail(self) -> bool:
        """Whether something came while it was not up and can be taken now."""
        return bool(self._queue) and not self.down and self.host is not None

    def take_mail(self) -> None:
        """Take the oldest message that waited."""
        self.receive(*self._queue.pop(0))

    def step(self) -> None:
        """Run one piece of work that is ready, any."""
        self.survive(lambda: self.stepper.step(self._faults.rnd.randrange(self.stepper.ready)))

    def beat(self) -> None:
        """Give a sign of life."""
        if self.down:
            return
        if self.host is None:
            self.boot()
        if self.host is not None:
            beating = self.host.beating
            self.survive(lambda: self._conductor.report((beating.report(self.clock.time()),)))

    def look_around(self) -> None:
        """Look at all guests' power and for guests that should not be here."""
        if self.down or self.host is None:
            return
        host = self.host
        host.power.scan()
        self.survive(lambda: self._sweep(host))

    @staticmethod
    def _sweep(host: Host) -> None:
        try:
            host.orphans.sweep()
        except ComputeError:
            return

    def disturb(self) -> None:
        """Let a guest change its power by itself."""
        guests = [guest for guest in self.driver.guests() if guest.power_state is PowerState.RUNNING]
        if guests and not self.down:
            self.driver.disturb(self._faults.rnd.choice(guests).uuid, PowerState.SHUTDOWN)

    def survive(self, work: Callable[[], object]) -> None:
        """Do something of the agent's; a crash in it is the end of this agent and of all else it does."""
        self._depth += 1
        try:
            work()
        except Crash:
            if self._depth > 1:
                raise
            self.boot()
        finally:
            self._depth -= 1


class Post:
    """What a flow step is handed as an agent: it sends over the wires."""

    def __init__(self, host: SimHost, wires: Wires) -> None:
        self._host, self._wires = host, wires

    def __getattr__(self, verb: str) -> Any:
        life = self._host.life
        return lambda *args: self._wires.send(lambda: self._arrive(life, verb, args))

    def live_settle(self, uuid: str) -> Any:
        """Ask, and wait for the answer."""
        return self._host.asked("live_settle", uuid)

    def _arrive(self, life: int, verb: str, args: tuple[Any, ...]) -> None:
        if life == self._host.life:
            self._host.receive(verb, args)
