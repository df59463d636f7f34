"""One seed from beginning to end."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass, field

from compute_service.store.engine import Store, StoreUrls
from compute_service.store.schema.upgrade import sync_database
from tests.fakes.clock import ManualClock
from tests.fixtures.stores import empty
from tests.simulation.faults import Odds
from tests.simulation.plants import planted
from tests.simulation.synthetic import World


@dataclass
class Outcome:
    """What came of a seed."""

    problems: list[str]
    counts: Counter[str] = field(default_factory=Counter)


@functools.cache
def _store() -> tuple[Store, ManualClock]:
    """One store for all seeds: making the schema takes longer than a seed."""
    clock = ManualClock()
    store = Store(StoreUrls(api="sqlite://"), now=clock.now)
    sync_database(store.api, "api")
    return store, clock


def run_synthetic(seed: int, plant: str | None = None, odds: Odds | None = None) -> Outcome:
    """Run a seed over the synthetic flows."""
    store, clock = _store()
    empty(store)
    with planted(plant):
        world = World(seed, store, clock, odds or Odds())
        with world.faults.guard(store.api):
            try:
                world.run()
                problems = world.problems()
            except Exception as error:
                problems = [f"{type(error).__name__}: {error}"]
    counts = Counter({**world.faults.seen})
    for key in world.every():
        counts[f"flows {world.state(key)}"] += 1
    return Outcome(problems, counts)
