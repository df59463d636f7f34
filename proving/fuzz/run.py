"""Sending the stream, one request after another or several at a time, and collecting what is wrong."""

from __future__ import annotations

import faulthandler
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from proving.fuzz.ask import Ask
from proving.fuzz.judge import Complaint, Judge, Tally
from proving.fuzz.requests import RequestMaker
from proving.fuzz.site import PROJECTS, FuzzSite

TEND_EVERY = 200
"""After how many requests the stock is filled again."""
HANGS = 60.0
"""Seconds after which an unanswered request is given up, and with it the run."""
Say = Callable[[str], None]


@dataclass
class Outcome:
    """What a run found. `left` is what was not finished or still held at the end."""

    sent: int = 0
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)
    complaints: list[Complaint] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    hung: list[Ask] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.complaints or self.left or self.hung)

    def defects(self) -> dict[tuple[str, str], list[Complaint]]:
        """Return the complaints, those of one defect together."""
        found: dict[tuple[str, str], list[Complaint]] = {}
        for one in self.complaints:
            found.setdefault((one.rule, one.where), []).append(one)
        return found


class Run:
    """One stream over one site."""

    def __init__(self, site: FuzzSite, seed: int, say: Say) -> None:
        self._site, self._say = site, say
        self._maker = RequestMaker(seed, site.stock, site.tokens, PROJECTS)
        self._judge = Judge()
        self._lock = threading.Lock()
        self._under_way: dict[int, tuple[Ask, float]] = {}
        self.outcome = Outcome(tally=self._judge.tally)

    def one(self, index: int) -> None:
        """Send the request of a number, alone."""
        self._site.keeper.tend()
        self._send(index)
        self._end()

    def all(self, indexes: range, workers: int = 1) -> None:
        """Send requests, up to `workers` at a time, and see what is left at the end."""
        began = time.monotonic()
        for start in range(indexes.start, indexes.stop, TEND_EVERY):
            self._site.keeper.tend()
            if not self._batch(range(start, min(start + TEND_EVERY, indexes.stop)), workers):
                break
            if (start - indexes.start) % (25 * TEND_EVERY) == 0 and start > indexes.start:
                self._say(f"{start - indexes.start} requests, {len(self.outcome.complaints)} complaints")
        self._end()
        self.outcome.seconds = time.monotonic() - began

    def _end(self) -> None:
        if not self.outcome.hung:
            self.outcome.left = self._site.leftovers()

    def _batch(self, indexes: range, workers: int) -> bool:
        """Send some; False when one hangs."""
        left = iter(indexes)

        def work() -> None:
            while not broken:
                with self._lock:
                    index = next(left, None)
                if index is None:
                    return
                try:
                    self._send(index)
                except Exception as error:
                    broken.append(error)

        broken: list[Exception] = []
        threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(0.5)
            with self._lock:
                hung = [ask for ask, since in self._under_way.values() if time.monotonic() - since > HANGS]
            if hung:
                faulthandler.dump_traceback(file=sys.stderr)
                self.outcome.hung = hung
                return False
        if broken:
            raise broken[0]
        return True

    def _send(self, index: int) -> None:
        ask = self._maker.make(index)
        with self._lock:
            self._under_way[index] = (ask, time.monotonic())
        answer = self._site.target.send(ask)
        with self._lock:
            del self._under_way[index]
            self.outcome.sent += 1
            found = self._judge.complaints(ask, answer)
            new = [one for one in found if not self._known(one)]
            self.outcome.complaints += found
        for one in new:
            self._say(
                f"{one.rule}: {one.told}\n    {ask.line()}\n    -> {answer.status} {answer.body[:300]!r}"
            )

    def _known(self, complaint: Complaint) -> bool:
        return any(
            (one.rule, one.where) == (complaint.rule, complaint.where) for one in self.outcome.complaints
        )
