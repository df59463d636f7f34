"""Kills daemons one after another, and restarts broker and databases once each, until told to stop."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from proving.process import NotReady, Process
from proving.site import Site

INFRASTRUCTURE = ("rabbitmq", "mariadb", "postgresql")
"""What the names of brokers and databases begin with."""
GENTLE = 0.2
"""How many daemons are told to end and not killed."""


class Faults:
    """The trouble of one run, in a thread of its own."""

    def __init__(self, site: Site, seed: int, every: float, progress: Callable[[], float]) -> None:
        """`every` are seconds between two kills; `progress` tells how much of the run (0 to 1) is over.

        Broker and databases are restarted at equal distances of it.
        """
        self._daemons: list[Process] = [site.daemons[name] for name in sorted(site.daemons)]
        own = [site.infrastructure[n] for n in sorted(site.infrastructure) if n.startswith(INFRASTRUCTURE)]
        self._rnd, self._every = random.Random(seed), every  # noqa: S311 - a seed is to be repeated
        self._rnd.shuffle(own)
        self._later = [((number + 1) / (len(own) + 1), one) for number, one in enumerate(own)]
        self._progress = progress
        self._struck: set[str] = set()
        """What is on its way up again."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)
        self.last = time.monotonic()
        """When something was struck last."""
        self.seen: Counter[str] = Counter()
        """How often each was killed or restarted."""
        self.failures: list[str] = []
        """What did not come up again."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Strike no more, but what is due once, and wait until everything is up again."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        with ThreadPoolExecutor(4) as pool:
            while not self._stopping.wait(self._every):
                self._strike_due(self._progress())
                victim = self._rnd.choice(self._daemons)
                number = signal.SIGTERM if self._rnd.random() < GENTLE else signal.SIGKILL
                if victim.name not in self._struck:
                    self._struck.add(victim.name)
                    pool.submit(self._strike, victim, number)
            self._strike_due(1.0)

    def _strike_due(self, progress: float) -> None:
        due = [one for at, one in self._later if at <= progress]
        self._later = [(at, one) for at, one in self._later if at > progress]
        for server in due:
            self._strike(server, signal.SIGTERM)

    def _strike(self, victim: Process, number: signal.Signals) -> None:
        self.seen[f"{number.name} {victim.name}"] += 1
        self.last = time.monotonic()
        try:
            victim.restart(number)
        except NotReady as error:
            self.failures.append(str(error))
        finally:
            self._struck.discard(victim.name)
