"""How a host tells the conductor what came of its work.

An answer that gets lost does no harm: the conductor sends the verb again and the journal replays the answer.
So sending is tried a few times, for the sake of speed, and then left to that.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

import msgspec

from compute_service.domain import errors
from compute_service.domain.errors import ComputeError
from compute_service.domain.flow import Failure, StepKey, StepResult
from compute_service.domain.protocol import Conductor
from compute_service.domain.record import Record
from compute_service.ports.clock import Clock
from compute_service.ports.hypervisor import LiveProgress, Progress

LOG = logging.getLogger(__name__)

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between tries to send an answer."""
PROGRESS_INTERVAL = 5.0
"""Seconds between two words on how far a step is."""
MOST_DETAILS = 16_000
"""Characters of a traceback that are kept; its end says most."""

OVERTAKEN = StepResult(
    ok=False,
    failure=Failure(kind="Conflict", message="The message came too late: the flow has gone past this step."),
)
"""What a verb that must not run any more is answered. A flow that is unwinding does not listen to it."""


def outcome(work: Callable[[], Record | None], unexpected: type[ComputeError] = ComputeError) -> StepResult:
    """Do the work and put what it returns or raises in the form of an answer.

    An error of ours keeps its kind. Any other is a fault in the code or of the hypervisor's library: it is
    logged, and told as `unexpected`.
    """
    try:
        value = work()
    except ComputeError as error:
        LOG.info("Work was refused: %s", error.message)
        return _failed(_kind(error), error.message)
    except Exception as error:
        LOG.exception("Work failed unexpectedly")
        return _failed(unexpected.__name__, f"Unexpected error on the host: {type(error).__name__}: {error}")
    return StepResult(ok=True, value={} if value is None else msgspec.to_builtins(value))


def _failed(kind: str, message: str) -> StepResult:
    details = traceback.format_exc()[-MOST_DETAILS:]
    return StepResult(ok=False, failure=Failure(kind=kind, message=message, details=details))


def _kind(error: ComputeError) -> str:
    """The name by which the other side knows an error: that of its nearest class in `domain.errors`."""
    return next(str(c.__name__) for c in type(error).__mro__ if getattr(errors, c.__name__, None) is c)


class Answers:
    """The way from one host to the conductor."""

    def __init__(self, conductor: Conductor, clock: Clock) -> None:
        self._conductor = conductor
        self._clock = clock

    def send(self, key: StepKey, result: StepResult) -> bool:
        """Send an answer; False when it could not be sent and the conductor will have to ask again."""
        for pause in (*PAUSES, None):
            try:
                self._conductor.finished(key, result)
            except Exception as error:
                LOG.warning("The answer for step %s of flow %s was not sent: %s", key.seq, key.flow_id, error)
                if pause is not None:
                    self._clock.sleep(pause)
            else:
                return True
        return False

    def progress(self, key: StepKey) -> Progress:
        """Return a function that tells how far a step is, not more often than is useful."""
        tell = self._teller(key)
        return lambda fraction: tell(fraction, {})

    def live_progress(self, key: StepKey) -> LiveProgress:
        """Return a function that tells what a live migration still has to carry, as seldom as `progress`."""
        tell = self._teller(key)

        def tell_share(left: dict[str, int]) -> None:
            total = left.get("memory_total", 0) + left.get("disk_total", 0)
            remaining = left.get("memory_remaining", 0) + left.get("disk_remaining", 0)
            tell(1.0 - min(remaining, total) / total if total > 0 else 0.0, left)

        return tell_share

    def _teller(self, key: StepKey) -> Callable[[float, dict[str, int]], None]:
        last = self._clock.time()

        def tell(fraction: float, details: dict[str, int]) -> None:
            nonlocal last
            now = self._clock.time()
            if now - last < PROGRESS_INTERVAL:
                return
            last = now
            try:
                self._conductor.progress(key, fraction, details)
            except Exception as error:
                LOG.debug("Progress of flow %s was not told: %s", key.flow_id, error)

        return tell
