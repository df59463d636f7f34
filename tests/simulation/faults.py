"""What goes wrong, decided by a seed, until it is told to stop."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from compute_service.domain.errors import Invalid, Unavailable
from compute_service.store.database import Database, Tx
from compute_service.store.dialects import DatabaseDown


class Crash(BaseException):
    """A process dies here. Not an Exception: nothing may catch it."""


@dataclass(frozen=True)
class Odds:
    """How likely each thing is, each time it could happen."""

    crash: float = 0.01
    lost: float = 0.15
    doubled: float = 0.1
    late: float = 0.5
    """Of the doubled ones: those whose second copy comes late."""
    fails: float = 0.05
    half_done: float = 0.5
    """Of the failures: those that come after the effect."""
    passes: float = 0.5
    """Of the failures: those that would not come again."""
    meanwhile: float = 0.05
    """Of the effects: those in the middle of which something else happens."""
    unheard: float = 0.0
    """Of the writes: those that a database makes and does not answer for."""


class Faults:
    """Makes things go wrong. `calm` stops it."""

    def __init__(self, rnd: random.Random, odds: Odds) -> None:
        self.rnd, self.odds = rnd, odds
        self.calm = False
        self.seen: Counter[str] = Counter()
        self.meanwhile: Callable[[], None] = lambda: None
        """Lets one other thing happen, as threads do."""
        self.away: set[str] = set()
        """Names of databases that do not answer."""
        self._inside = False
        self._dies_in = 0

    def happens(self, what: str, odds: float) -> bool:
        """Decide about one thing that could go wrong."""
        if self.calm or not odds or self.rnd.random() >= odds:
            return False
        self.seen[what] += 1
        return True

    def point(self) -> None:
        """A place at which a process may die."""
        if self._dies_in:
            self._dies_in -= 1
            if not self._dies_in:
                raise Crash
        if self.happens("crashes", self.odds.crash):
            raise Crash

    def around(self, effect: Callable[[], Any]) -> Any:
        """Have an effect, with crashes and failures before and after it."""
        self.point()
        self._let_others()
        fails = self.happens("failures", self.odds.fails)
        half = fails and self.rnd.random() < self.odds.half_done
        value = effect() if half or not fails else None
        self.point()
        if fails:
            raise Unavailable("passes") if self.rnd.random() < self.odds.passes else Invalid("stays")
        return value

    def _let_others(self) -> None:
        if not self._inside and self.happens("interleavings", self.odds.meanwhile):
            self._inside = True
            try:
                self.meanwhile()
            finally:
                self._inside = False

    @contextmanager
    def dying(self, places: int) -> Iterator[None]:
        """Let the process that works in the block die at the first, second, ... place at which it may."""
        self._dies_in = places
        try:
            yield
        finally:
            self._dies_in = 0

    @contextmanager
    def guard(self, *databases: Database) -> Iterator[None]:
        """Let processes die before and after each write of some databases, and let databases be `away`, for
        as long as the block lasts."""
        with ExitStack() as stack:
            for database in databases:
                reading = self._guarded(database.name, database.read, writes=False)
                stack.enter_context(patch.object(database, "read", reading))
                for name in ("write", "alone"):
                    guarded = self._guarded(database.name, getattr(database, name), writes=True)
                    stack.enter_context(patch.object(database, name, guarded))
            yield

    def _guarded(
        self, name: str, begin: Callable[[], AbstractContextManager[Tx]], writes: bool
    ) -> Callable[[], Any]:
        @contextmanager
        def guarded() -> Iterator[Tx]:
            if writes:
                self.point()
            self._reach(name)
            with begin() as tx:
                yield tx
            if writes:
                if self.happens("writes unheard of", self.odds.unheard):
                    raise DatabaseDown(f"Database {name} does not answer.")
                self.point()

        return guarded

    def _reach(self, name: str) -> None:
        if name in self.away:
            self.seen["databases asked in vain"] += 1
            raise DatabaseDown(f"Database {name} does not answer.")
