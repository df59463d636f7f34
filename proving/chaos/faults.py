"""Kills daemons one after another, and each of broker and database once, until told to stop."""

from __future__ import annotations

import random
import signal
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from proving.process import NotReady, Process
from proving.site import Site

INFRASTRUCTURE = ("rabbitmq", "mariadb", "postgresql")


class Faults:
    """The trouble of one run, in a thread of its own."""

    def __init__(self, site: Site, seed: int, every: float, infrastructure_at: Sequence[float]) -> None:
        """`every` are seconds between two kills; `infrastructure_at` when broker and database restart."""
        self._daemons: list[Process] = [site.daemons[name] for name in sorted(site.daemons)]
        own = [site.infrastructure[name] for name in INFRASTRUCTURE if name in site.infrastructure]
        self._later = list(zip(infrastructure_at, own, strict=False))
        self._rnd, self._every = random.Random(seed), every  # noqa: S311 - a seed is to be repeated
        self._struck: set[str] = set()
        """What is on its way up again."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)
        self.seen: Counter[str] = Counter()
        """How often each was killed or restarted."""
        self.failures: list[str] = []
        """What did not come up again."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Kill no more, and wait until everything is up again."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        passed = 0.0
        with ThreadPoolExecutor(4) as pool:
            while not self._stopping.wait(self._every):
                passed += self._every
                due = [one for at, one in self._later if at <= passed]
                self._later = [(at, one) for at, one in self._later if at > passed]
                for server in due:
                    self._strike(server, signal.SIGTERM)
                victim = self._rnd.choice(self._daemons)
                if victim.name not in self._struck:
                    self._struck.add(victim.name)
                    pool.submit(self._strike, victim, signal.SIGKILL)
            for _, server in self._later:
                self._strike(server, signal.SIGTERM)

    def _strike(self, victim: Process, number: signal.Signals) -> None:
        self.seen[f"{number.name} {victim.name}"] += 1
        try:
            victim.restart(number)
        except NotReady as error:
            self.failures.append(str(error))
        finally:
            self._struck.discard(victim.name)
