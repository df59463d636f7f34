"""Conductors with all they do: flows, hosts' words, and what is set right without a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

from compute_service.conductor.hosts import Hosts
from compute_service.conductor.power import PowerSync
from compute_service.conductor.reconcilers.abandoned import AbandonedMoves
from compute_service.conductor.reconcilers.allocations import LostAllocations
from compute_service.conductor.reconcilers.counts import QuotaCounts
from compute_service.conductor.reconcilers.stranded import Stranded
from compute_service.conductor.service import ConductorService
from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError, Unavailable
from compute_service.domain.flow import FlowKey, StepKey, StepResult
from compute_service.domain.host import HostRegistration, HostReport, ServerOnHost
from compute_service.domain.protocol import Conductor, Registered
from compute_service.flows.engine import Engine
from compute_service.flows.kinds import FLOWS
from tests.simulation.faults import Crash, Faults
from tests.simulation.wires import Wires

T = TypeVar("T")


class AtOnce:
    """A pool that does what it is given before it returns."""

    def submit(self, work: Callable[[], None]) -> None:
        """Do it."""
        work()


class Conductors:
    """Several conductors over one log. Messages reach any of them; each may die and is started again."""

    def __init__(self, faults: Faults, count: int = 2) -> None:
        self._faults, self._count = faults, count
        self.flows = dict(FLOWS)
        """What they run; a test may put its own in."""
        self._started = 0
        self._engines: list[Engine] = []
        self._svc: Services | None = None
        self._host_up: Callable[[str, str], bool] = lambda cell, host: True

    def begin(self, svc: Services, host_up: Callable[[str, str], bool]) -> None:
        """Start them all."""
        self._svc, self._host_up = svc, host_up
        self._allocations, self._counts = LostAllocations(svc), QuotaCounts(svc)
        self._engines = [self._start() for _ in range(self._count)]

    def _start(self) -> Engine:
        assert self._svc is not None
        self._started += 1
        return Engine(self._svc, self.flows, f"conductor {self._started}", host_up=self._host_up)

    def with_any(self, work: Callable[[Engine], T]) -> T:
        """Have one of them do something. Raises Unavailable when it dies over it."""
        number = self._faults.rnd.randrange(len(self._engines))
        try:
            return work(self._engines[number])
        except Crash:
            self._engines[number] = self._start()
            raise Unavailable("The conductor died.") from None

    def cast(self, work: Callable[[Engine], object]) -> None:
        """Have one of them do something, for nobody who waits. An error is logged there, and that is all."""
        try:
            self.with_any(work)
        except ComputeError:
            return

    def sweep(self) -> None:
        """Have one of them look for what is due."""
        self.cast(self._sweep)

    def _sweep(self, engine: Engine) -> None:
        engine.renew()
        for key in engine.due():
            try:
                engine.advance(key)
            except ComputeError:
                continue

    def set_right(self) -> None:
        """Have one of them set right what is lost, and look for servers that nobody works on."""
        self.cast(lambda engine: self._note(self._allocations.name, self._allocations.run()))
        self.cast(lambda engine: self._note(Stranded.name, Stranded(engine.svc).run()))
        self.mend()

    def mend(self) -> None:
        """Have one of them mend what requests that died and admins who said otherwise left behind."""
        self.cast(lambda engine: self._note(self._counts.name, self._counts.run()))
        self.cast(lambda engine: self._note(AbandonedMoves.name, AbandonedMoves(engine.svc).run()))

    def _note(self, name: str, count: int) -> None:
        self._faults.seen[f"set right: {name}"] += count

    def endpoint(self, engine: Engine, cell: str | None) -> ConductorService:
        """Return one of them as messages of a bus reach it."""
        hosts = None if cell is None else Hosts(engine.svc, cell, PowerSync(engine.svc))
        return ConductorService(engine, AtOnce(), lambda: hosts)


class Line(Conductor):
    """The way to the conductors: doorbells and answers are messages, questions are calls."""

    VERSION: ClassVar[int] = Conductor.VERSION

    def __init__(self, conductors: Conductors, wires: Wires, faults: Faults, cell: str | None = None) -> None:
        self._conductors, self._wires, self._faults, self._cell = conductors, wires, faults, cell

    def _send(self, word: Callable[[ConductorService], object]) -> None:
        there = self._conductors
        self._faults.point()
        self._wires.send(lambda: there.cast(lambda engine: word(there.endpoint(engine, self._cell))))
        self._faults.point()

    def _ask(self, question: Callable[[ConductorService], T]) -> T:
        there = self._conductors
        if self._faults.happens("lost messages", self._faults.odds.lost):
            raise Unavailable("nobody answers")
        return there.with_any(lambda engine: question(there.endpoint(engine, self._cell)))

    def wake(self, keys: tuple[FlowKey, ...]) -> None:
        """Ring for each flow by itself, so that each may be lost by itself."""
        for key in keys:
            self._send(lambda there, key=key: there.wake((key,)))  # type: ignore[misc]

    def finished(self, key: StepKey, result: StepResult) -> None:
        """Answer."""
        self._send(lambda there: there.finished(key, result))

    def progress(self, key: StepKey, fraction: float, details: dict[str, int]) -> None:
        """Tell how far a step is."""
        self._send(lambda there: there.progress(key, fraction, details))

    def register(self, registration: HostRegistration) -> Registered:
        """Make a host known."""
        return self._ask(lambda there: there.register(registration))

    def report(self, reports: tuple[HostReport, ...]) -> None:
        """Give a sign of life."""
        self._send(lambda there: there.report(reports))

    def servers_on_host(self, host: str) -> tuple[ServerOnHost, ...]:
        """Ask what should be on a host."""
        return self._ask(lambda there: there.servers_on_host(host))

    def strays(self, host: str, guests: tuple[str, ...]) -> tuple[str, ...]:
        """Ask which guests belong elsewhere."""
        return self._ask(lambda there: there.strays(host, guests))

    def vacated(self, host: str, guests: tuple[str, ...]) -> int:
        """Tell all the guests of a host."""
        return self._ask(lambda there: there.vacated(host, guests))
