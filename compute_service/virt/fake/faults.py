"""Failures to order, for tests, the simulation and trying out how the service takes them."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass

from compute_service.domain.errors import ComputeError, HostRejected


@dataclass
class _Fault:
    verb: str
    error: BaseException
    times: int | None
    half: bool
    uuid: str | None


class Faults:
    """What is to go wrong. `rate` is the share of builds that this host rejects."""

    def __init__(self, rate: float = 0.0, rng: random.Random | None = None) -> None:
        self.rate = rate
        self._rng = rng or random.Random()  # noqa: S311 - no secret
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()

    def add(
        self,
        verb: str,
        error: BaseException | None = None,
        times: int | None = 1,
        half: bool = False,
        uuid: str | None = None,
    ) -> None:
        """Let `verb` fail `times` times (None: always), before it does anything or half done.

        With `uuid` only for that guest.
        """
        fault = _Fault(verb, error or ComputeError(f"{verb} was told to fail"), times, half, uuid)
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Let everything work again."""
        with self._lock:
            self._faults.clear()
            self.rate = 0.0

    def strike(self, verb: str, uuid: str | None, half: bool) -> None:
        """Raise the error that is due at this point, if any."""
        with self._lock:
            for fault in self._faults:
                if fault.verb == verb and fault.half == half and fault.uuid in (None, uuid):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._faults.remove(fault)
                    raise fault.error
            if verb == "spawn" and half and self.rate and self._rng.random() < self.rate:
                raise HostRejected(
                    "The fake hypervisor rejected the build, as [fake] failure_rate tells it to."
                )
