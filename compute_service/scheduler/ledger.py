"""What this process has picked that its sources may not show yet.

Placement shows a claim to whoever asks after it was made, and the database shows a server on its host some
time later still. Until then each pick is assumed here, so that requests that are decided at the same time see
each other's choices. Moments are numbered rather than timed: a pick that was settled before placement was
asked is in the answer, one that came after the answer is not, and for one in between nobody can tell. There,
what was believed of the provider at the last pick decides, as far as the answer allows it.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

UNSEEN_SECONDS = 60.0
"""After so long a pick that never appeared in the database is taken for gone."""

Key = tuple[str, str]
"""Provider UUID and resource class."""


@dataclass(slots=True)
class Pick:
    """One server's choice. Moments are None until they come."""

    consumer: str
    """The server or, where it is to move, its migration."""
    host: str
    allocations: Mapping[str, Mapping[str, int]]
    group: str | None = None
    picked: int = 0
    settled: int | None = None
    seen: int | None = None
    at: float = 0.0
    """Epoch seconds of the pick."""


class Ledger:
    """The picks of all threads. Hold `lock` from looking at what is assumed until `assume`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.instances: Counter[str] = Counter()
        """Host → picked servers that the database did not show yet."""
        self._moments = itertools.count(1)
        self._open: Counter[int] = Counter()
        """Moment → by how many it is held."""
        self._pending: dict[int, Pick] = {}
        self._settled: deque[Pick] = deque()
        self._unseen: dict[str, Pick] = {}
        self._grouped: list[Pick] = []
        self._believed: dict[Key, int] = {}
        """What is in use of a provider when all picks are counted."""

    @contextmanager
    def asking(self) -> Iterator[int]:
        """Mark the moment before the sources are asked, and keep what matters to the asker until the end."""
        mark = self.hold()
        try:
            yield mark
        finally:
            self.let_go(mark)

    def hold(self, mark: int | None = None) -> int:
        """Keep what matters to one who asked at a moment, by default this one, until `let_go`; returns it.

        A moment of the past must be held by somebody else.
        """
        with self.lock:
            held = next(self._moments) if mark is None else mark
            self._open[held] += 1
        return held

    def let_go(self, mark: int) -> None:
        """End one `hold` of a moment."""
        with self.lock:
            self._open[mark] -= 1
            if not self._open[mark]:
                del self._open[mark]
            self._forget()

    def moment(self) -> int:
        """Return the number of this moment; later ones are higher."""
        with self.lock:
            return next(self._moments)

    def missing(self, mark: int, answered: int, used: Callable[[Key], int]) -> dict[Key, int]:
        """Return what an answer of placement lacks, for one who asked at `mark` and was `answered` later.

        `used` tells what the answer says is in use.
        """
        certain: Counter[Key] = Counter()
        possible: Counter[Key] = Counter()
        for pick in self._pending.values():
            _add(certain if pick.picked > answered else possible, pick)
        for pick in reversed(self._settled):
            if pick.settled is None or pick.settled <= mark:
                break
            _add(certain if pick.picked > answered else possible, pick)
        return {
            key: min(max(self._believed.get(key, 0) - used(key), certain[key]), certain[key] + possible[key])
            for key in certain.keys() | possible.keys()
        }

    def members(self, group: str, mark: int) -> dict[str, str]:
        """Return picked servers of a group that one who read the database at `mark` may have missed."""
        return {
            pick.consumer: pick.host
            for pick in self._grouped
            if pick.group == group and (pick.seen is None or pick.seen > mark)
        }

    def hosts_of(self, servers: Collection[str]) -> dict[str, str]:
        """Return the hosts of those servers that were picked and that the database did not show yet."""
        with self.lock:
            return {one: self._unseen[one].host for one in servers if one in self._unseen}

    def assume(self, picks: Collection[Pick], used: Callable[[Key], int]) -> None:
        """Count picks whose claim is about to be made. Each must be settled.

        `used` tells what was in use, by all that was known, before these.
        """
        with self.lock:
            moment = next(self._moments)
            new: Counter[Key] = Counter()
            for pick in picks:
                _add(new, pick)
                pick.picked = moment
                self._pending[id(pick)] = pick
                known = self._unseen.get(pick.consumer)
                if known is not None:
                    self._see(known, moment)
                self._unseen[pick.consumer] = pick
                self.instances[pick.host] += 1
                if pick.group is not None:
                    self._grouped.append(pick)
            self._believed |= {key: used(key) + amount for key, amount in new.items()}

    def settle(self, picks: Collection[Pick], won: bool) -> None:
        """Say whether placement granted the claim of picks."""
        with self.lock:
            moment = next(self._moments)
            lost: Counter[Key] = Counter()
            for pick in picks:
                del self._pending[id(pick)]
                if won:
                    pick.settled = moment
                    self._settled.append(pick)
                    continue
                _add(lost, pick)
                if self._unseen.get(pick.consumer) is pick:
                    self._see(pick, moment)
                self._grouped = [other for other in self._grouped if other is not pick]
            for key, amount in lost.items():
                self._believed[key] -= amount
            self._forget()

    def sight(self, recent: Collection[str], now: float) -> None:
        """Take note of the servers and migrations that the database shows on a host by now.

        One that is elsewhere by now has been where it was picked for, or will never be.
        """
        with self.lock:
            moment = next(self._moments)
            for pick in list(self._unseen.values()):
                gone = pick.settled is not None and now - pick.at > UNSEEN_SECONDS
                if gone or pick.consumer in recent:
                    self._see(pick, moment)
            self._forget()

    def _see(self, pick: Pick, moment: int) -> None:
        pick.seen = moment
        del self._unseen[pick.consumer]
        self.instances[pick.host] -= 1
        if not self.instances[pick.host]:
            del self.instances[pick.host]

    def _forget(self) -> None:
        """Drop what no present or future asker can have missed."""
        oldest = min(self._open, default=None)
        while self._settled and (oldest is None or (self._settled[0].settled or 0) <= oldest):
            self._settled.popleft()
        if not self._settled and not self._pending:
            self._believed.clear()
        if self._grouped:
            self._grouped = [
                pick
                for pick in self._grouped
                if pick.seen is None or (oldest is not None and pick.seen > oldest)
            ]


def _add(total: Counter[Key], pick: Pick) -> None:
    for provider, amounts in pick.allocations.items():
        for name, amount in amounts.items():
            total[provider, name] += amount
