"""Conductors that die and are started again, over one log."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError
from compute_service.domain.flow import FlowKey, StepKey, StepResult
from compute_service.flows.engine import Engine, Timing
from compute_service.flows.step import Flow
from tests.simulation.faults import Crash, Faults
from tests.simulation.wires import Wires


class Conductors:
    """Several engines; a doorbell or an answer reaches any of them."""

    def __init__(
        self,
        flows: Mapping[str, Flow],
        faults: Faults,
        wires: Wires,
        host_up: Callable[[str, str], bool],
        count: int = 2,
    ) -> None:
        self._flows, self._faults, self._wires = flows, faults, wires
        self._host_up = host_up
        self._engines: list[Engine] = []
        self._started = 0
        self._count = count
        self.svc: Services | None = None

    def begin(self, svc: Services) -> None:
        """Start them all."""
        self.svc = svc
        self._engines = [self._start() for _ in range(self._count)]

    def _start(self) -> Engine:
        assert self.svc is not None
        self._started += 1
        return Engine(
            self.svc, self._flows, f"conductor {self._started}", timing=Timing(), host_up=self._host_up
        )

    def wake(self, keys: tuple[FlowKey, ...]) -> None:
        """Ring, as a message."""
        for key in keys:
            self._wires.send(lambda key=key: self._with_any(lambda engine: engine.advance(key)))  # type: ignore[misc]

    def finished(self, key: StepKey, result: StepResult) -> None:
        """Answer, as a message."""
        self._wires.send(lambda: self._with_any(lambda engine: engine.finished(key, result)))

    def progress(self, key: StepKey, fraction: float, details: dict[str, int]) -> None:
        """Nobody looks."""

    def sweep(self) -> None:
        """Have one of them look for what is due."""
        self._with_any(self._sweep)

    @staticmethod
    def _sweep(engine: Engine) -> None:
        engine.renew()
        for key in engine.due():
            engine.advance(key)

    def _with_any(self, work: Callable[[Engine], None]) -> None:
        number = self._faults.rnd.randrange(len(self._engines))
        try:
            work(self._engines[number])
        except Crash:
            self._engines[number] = self._start()
        except ComputeError:
            if self._faults.calm:
                raise
