"""Lives of servers, as data: what their users will ask for, decided by a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

PHRASES = (
    ("stop", "start"),
    ("pause", "unpause"),
    ("suspend", "resume"),
    ("reboot soft",),
    ("reboot hard",),
    ("resize", "confirm"),
    ("resize", "revert"),
    ("migrate", "confirm"),
    ("snapshot",),
    ("rebuild",),
    ("rescue", "unrescue"),
    ("soft delete", "restore"),
    ("attach", "detach"),
    ("attach",),
)
"""What is asked for one after the other; each leads back to an active server."""
DELETED, DELETED_AT_ONCE = 0.8, 0.15
"""How many of the servers are deleted in the end, and how many while something is being done to them."""


@dataclass(frozen=True)
class Life:
    """What is asked for of one server, or of some that are made by one request."""

    number: int
    servers: int
    acts: tuple[str, ...]
    ends: bool
    """Whether they are deleted at the end."""
    hasty: bool
    """Whether the last act is not waited for."""

    @property
    def name(self) -> str:
        """The name of its servers."""
        return f"life-{self.number}"


def lives(seed: int, number: int) -> list[Life]:
    """Return so many lives of a seed."""
    rnd = random.Random(seed)  # noqa: S311 - a seed is to be repeated
    return [_life(rnd, index) for index in range(number)]


def _life(rnd: random.Random, index: int) -> Life:
    phrases = [rnd.choice(PHRASES) for _ in range(rnd.randrange(4))]
    acts = tuple(act for phrase in phrases for act in phrase)
    hasty = rnd.random() < DELETED_AT_ONCE
    if hasty and acts:
        acts = acts[: rnd.randrange(len(acts)) + 1]
    servers = rnd.choice((1, 1, 1, 1, 2, 3))
    return Life(index, servers, acts, hasty or rnd.random() < DELETED, hasty)
