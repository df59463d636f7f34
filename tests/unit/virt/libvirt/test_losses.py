"""libvirt killed before and after each change that it makes for a verb: the verb goes on by itself when
libvirt is back, and ends as it would have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compute_service.virt.libvirt.domains import ConnectionLost
from tests.unit.virt.libvirt.test_kills import CASES, GUEST, MOST_STEPS, Verb, World, led


class Loss:
    """Breaks the connection at the n-th of libvirt's changes, once; counts them."""

    def __init__(self, world: World, at: int | None) -> None:
        self.count, self.at = 0, at
        for parts in world.parts.values():
            connection: Any = parts.connection
            connection._before = connection._changed = self

    def __call__(self, what: str) -> None:
        self.count += 1
        if self.count == self.at:
            raise ConnectionLost(f"end of file at {what}")


def destroyed(world: World) -> None:
    world.driver().destroy(GUEST, disks=True)


LOSSES: dict[str, tuple[tuple[Verb, ...], Verb]] = {**CASES, "destroy": (CASES["pause"][0], destroyed)}
NO_CHANGE = ("settle", "snapshot of one that is off")
"""What changes nothing by libvirt."""


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in NO_CHANGE])
def test_a_verb_outlives_a_loss_of_libvirt(name: str, tmp_path: Path) -> None:
    before, verb = LOSSES[name]
    world = led(tmp_path / "whole", before, "qcow2")
    loss = Loss(world, None)
    verb(world)
    changes, wanted = loss.count, _seen(world, tmp_path / "whole")
    assert 1 <= changes < MOST_STEPS
    for at in range(1, changes + 1):
        world = led(tmp_path / str(at), before, "qcow2")
        loss = Loss(world, at)
        verb(world)
        assert loss.count >= at
        assert _seen(world, tmp_path / str(at)) == wanted, at


def _seen(world: World, root: Path) -> str:
    return repr(world.seen()).replace(str(root), "")
