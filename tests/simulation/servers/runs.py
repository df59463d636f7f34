"""One seed from beginning to end."""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from compute_service.conductor.reconcilers.abandoned import AbandonedMoves
from compute_service.conductor.reconcilers.stranded import Stranded
from compute_service.domain.flow import API_DATABASE
from compute_service.store.engine import Store
from tests.fakes.clock import ManualClock
from tests.fixtures.stores import EAST, WEST, empty, make_store
from tests.simulation.faults import Odds
from tests.simulation.plants import PLANTS as ENGINE_PLANTS
from tests.simulation.plants import planted
from tests.simulation.runs import Outcome
from tests.simulation.servers.audit import Audit
from tests.simulation.servers.plants import PLANTS
from tests.simulation.servers.users import Users
from tests.simulation.servers.world import HOSTS, Plan, World

DATABASES = (API_DATABASE, EAST, WEST)
"""Those that are away for a while."""


@functools.cache
def _store() -> tuple[Store, ManualClock]:
    clock = ManualClock()
    return make_store(lambda: "sqlite://", clock.now), clock


@contextmanager
def world_of(seed: int, odds: Odds | None = None) -> Iterator[World]:
    """Have an empty installation for a while; one at a time."""
    store, clock = _store()
    empty(store)
    databases = [store.database(name) for name in store.names()]
    # Identifiers come from the seed too: flows that are due at the same time go in their order.
    # For how long a cell that did not answer is not asked again goes by real time, which means nothing here.
    with patch("os.urandom", random.Random(seed).randbytes), patch.object(Store, "REST", 0.0):
        world = World(seed, store, clock, odds or Odds(unheard=0.005))
        with world.faults.guard(*databases):
            yield world


def run_servers(
    seed: int, plant: str | None = None, odds: Odds | None = None, plan: Plan | None = None
) -> Outcome:
    """Run a seed over whole servers, perhaps with a bug in the engine or in a kind of flow."""
    with planted(plant, {**ENGINE_PLANTS, **PLANTS}), world_of(seed, odds) as world:
        return _run(world, plan or Plan())


def _run(world: World, plan: Plan) -> Outcome:
    users = Users(world, plan.orders)
    audit = Audit(world, users.servers)
    try:
        problems = _through(world, users, plan) + audit.problems()
    except Exception as error:
        problems = [f"{type(error).__name__}: {error}"]
    counts = Counter(world.faults.seen)
    counts.update({f"servers {state}": number for state, number in audit.states.items()})
    counts.update({f"accepted {what}": number for what, number in users.accepted.items()})
    return Outcome(problems, counts)


def _through(world: World, users: Users, plan: Plan) -> list[str]:
    """Have trouble, then calm until all is at rest; return what was never to happen."""
    faults = world.faults
    faults.meanwhile = world.one_event
    faults.calm = False
    start = world.clock.time()
    while world.clock.time() - start < plan.troubled:
        world.clock.advance(world.rnd.random())
        users.maybe()
        _trip(world)
        world.one_event()
    faults.calm = True
    faults.away.clear()
    for host in world.hosts.values():
        host.down = False
    found = settle(world, plan.calm) + settle(world, plan.calm)
    world.clock.advance(AbandonedMoves.PATIENCE.total_seconds())
    for host in world.hosts.values():
        host.beat()
    world.drain()
    for _ in range(2):
        world.conductors.mend()
    found += settle(world, plan.calm)
    stranded = faults.seen[f"set right: {Stranded.name}"]
    if stranded:
        found.append(f"{stranded} servers had a task state and nobody who worked on them")
    return found


def settle(world: World, limit: float = 30_000.0) -> list[str]:
    """Let all come to rest, then have hosts look around."""
    end = world.clock.time() + limit
    while not world.at_rest():
        if world.clock.time() > end:
            return [f"not at rest after {limit:.0f} seconds: {world.flow_states()}"]
        world.one_event()
    for host in world.hosts.values():
        host.look_around()
        host.beat()
    world.drain()
    return []


def _trip(world: World) -> None:
    """Let something happen to a host."""
    rnd = world.rnd
    if rnd.random() < 0.01:
        host = world.hosts[rnd.choice(list(HOSTS))]
        host.down = not host.down
        world.faults.seen["hosts down or up"] += 1
    if rnd.random() < 0.005:
        world.hosts[rnd.choice(list(HOSTS))].lose_journal()
        world.faults.seen["lost journals"] += 1
    if rnd.random() < 0.005:
        world.hosts[rnd.choice(list(HOSTS))].disturb()
    if world.faults.away:
        if rnd.random() < 0.03:
            world.faults.away.clear()
    elif rnd.random() < 0.004:
        world.faults.away.add(rnd.choice(DATABASES))
        world.faults.seen["databases away"] += 1
