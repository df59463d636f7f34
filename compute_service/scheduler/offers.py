"""What placement offered a moment ago, for all who ask the same.

A burst of creates asks placement one question over and over. Its answer is kept for a while (`freshness.py`),
and the ledger, which is held open for it, tells what this process has picked since. What others took
meanwhile is found out at the claim, which placement refuses: then, and wherever a kept answer leads to no
host, placement is asked anew. An answer without any host is not kept.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec

from compute_service.ports.clock import Clock
from compute_service.ports.placement import CandidateQuery, Candidates, Placement
from compute_service.scheduler.freshness import fresh_for
from compute_service.scheduler.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Offer:
    """What placement said, and the ledger's moments at which it was asked and had answered."""

    candidates: Candidates
    mark: int
    answered: int
    until: float
    """Epoch seconds from which on it is too old."""


class Offers:
    """Placement's answers; shared by threads."""

    def __init__(self, placement: Placement, ledger: Ledger, clock: Clock) -> None:
        self._placement = placement
        self._ledger = ledger
        self._clock = clock
        self._kept: dict[bytes, Offer] = {}
        self._lock = threading.Lock()

    @contextmanager
    def offer(self, query: CandidateQuery, generation: int, anew: bool) -> Iterator[Offer]:
        """Open placement's answer to a query, one of this generation of hosts that is not too old, unless it
        is wanted `anew`.

        What was picked since it was asked stays in the ledger meanwhile. Raises as `Placement.candidates`.
        """
        key = _key(query, generation)
        offer = (None if anew else self._recent(key)) or self._ask(query, key)
        try:
            yield offer
        finally:
            self._ledger.let_go(offer.mark)

    def _recent(self, key: bytes) -> Offer | None:
        now = self._clock.time()
        with self._lock:
            for old in [old for old, offer in self._kept.items() if now >= offer.until]:
                self._ledger.let_go(self._kept.pop(old).mark)
            found = self._kept.get(key)
            if found is not None:
                self._ledger.hold(found.mark)
        return found

    def _ask(self, query: CandidateQuery, key: bytes) -> Offer:
        mark, asked = self._ledger.hold(), self._clock.time()
        try:
            candidates = self._placement.candidates(query)
        except BaseException:
            self._ledger.let_go(mark)
            raise
        until = asked + fresh_for(self._clock.time() - asked)
        offer = Offer(candidates, mark, self._ledger.moment(), until)
        if candidates.candidates:
            self._keep(key, offer)
        return offer

    def _keep(self, key: bytes, offer: Offer) -> None:
        with self._lock:
            before = self._kept.get(key)
            self._ledger.hold(offer.mark)
            self._kept[key] = offer
            if before is not None:
                self._ledger.let_go(before.mark)


def _key(query: CandidateQuery, generation: int) -> bytes:
    return msgspec.json.encode((generation, query))
