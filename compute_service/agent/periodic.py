"""Work that comes round: a thread for each kind, so that a slow one does not hold up the signs of life."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Periodic:
    """`run` every `interval` seconds; first after a random part of `delay` seconds."""

    name: str
    interval: float
    run: Callable[[], None]
    delay: float = 0.0


def spaced(seconds: float) -> float | None:
    """Return the interval that an option means: 0 is 60 seconds, below 0 never (None)."""
    return None if seconds < 0 else seconds or 60.0


class Rounds:
    """Runs periodic work until stopped. What it raises is logged, and it comes round again."""

    def __init__(self, work: Sequence[Periodic]) -> None:
        self._work = work
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads."""
        for work in self._work:
            thread = threading.Thread(target=self._run, args=(work,), name=work.name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, timeout: float) -> bool:
        """End the threads; True when all ended within `timeout` seconds."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout / max(len(self._threads), 1))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, work: Periodic) -> None:
        pause = random.uniform(0.0, work.delay)  # noqa: S311 - no secret
        while not self._stopping.wait(pause):
            try:
                work.run()
            except Exception:
                LOG.exception("Periodic work %s failed", work.name)
            pause = work.interval
