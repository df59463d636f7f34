"""Processes killed before and after each change while a guest moves: the verb's repetition ends as the verb
would have, and a target that is told to give up instead has nothing left."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from compute_service.domain.guest import LiveReady
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt import live_watch
from tests.contract.hypervisor.conftest import GUEST
from tests.fakes.libvirt_host import introduce
from tests.unit.virt.libvirt.test_kills import MOST_STEPS, SPEC, Killed, World, spawn


class Move:
    """One move from host to host, verb by verb."""

    def __init__(self, root: Path, shared: bool) -> None:
        self.world = World(root)
        introduce(self.world.parts)
        if shared:
            source, target = (self.world.roots[name] for name in ("source", "target"))
            target.rmdir() if target.exists() else target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source)
        spawn(self.world)
        self.ready = LiveReady(host="")

    def prepare(self) -> None:
        offer = self.world.driver("source").live_offer(SPEC, None)
        self.ready = self.world.driver("target").live_prepare(SPEC, offer)

    def migrate(self) -> None:
        self.world.driver("source").live_migrate(SPEC, self.ready, lambda left: None)

    def finish(self) -> None:
        assert self.world.driver("target").live_finish(SPEC) is PowerState.RUNNING

    def leave(self) -> None:
        self.world.driver("source").live_leave(SPEC, self.ready.shared)

    def discard(self) -> None:
        self.world.driver("target").live_discard(SPEC, self.ready.shared)

    def seen(self) -> str:
        return re.sub(r"probe-[0-9a-f-]*", "probe", repr(self.world.seen()))


Verb = Callable[[Move], None]
WHOLE = (Move.prepare, Move.migrate, Move.finish, Move.leave)
CASES: dict[str, tuple[tuple[Verb, ...], Verb]] = {
    **{verb.__name__: (WHOLE[:number], verb) for number, verb in enumerate(WHOLE)},
    "discard": (WHOLE[:1], Move.discard),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_watch, "POLL", 0.005)


def led(root: Path, shared: bool, before: tuple[Verb, ...]) -> Move:
    move = Move(root, shared)
    for verb in before:
        verb(move)
    return move


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_verb_of_a_move_repeated_after_a_kill_ends_as_it_would_have(
    name: str, shared: bool, tmp_path: Path
) -> None:
    before, verb = CASES[name]
    whole = led(tmp_path / "whole", shared, before)
    whole.world.fuse.light(None)
    verb(whole)
    steps, wanted = whole.world.fuse.count, whole.seen().replace(str(tmp_path / "whole"), "")
    assert steps < MOST_STEPS
    for at in range(1, steps + 1):
        move = led(tmp_path / str(at), shared, before)
        move.world.fuse.light(at)
        with pytest.raises(Killed):
            verb(move)
        verb(move)
        assert move.seen().replace(str(tmp_path / str(at)), "") == wanted, at


@pytest.mark.parametrize("shared", [False, True])
def test_a_target_killed_while_it_makes_ready_and_told_to_give_up_has_nothing_left(
    shared: bool, tmp_path: Path
) -> None:
    at = 0
    while at < MOST_STEPS:
        at += 1
        move = led(tmp_path / str(at), shared, ())
        before = move.world.files("source")
        move.world.fuse.light(at)
        try:
            move.prepare()
        except Killed:
            move.discard()
        else:
            break
        assert (move.world.seen()["target guests"], move.world.seen()["target ports"]) == ([], [])
        left = [name for name in move.world.files("source") if "probe" not in name]
        assert left == before, at
        assert shared or not [name for name in move.world.files("target") if GUEST in name], at
        assert move.world.driver("source").state(GUEST) is PowerState.RUNNING
    assert 1 < at < MOST_STEPS
