"""What can go wrong with one step of one flow, put into its definition."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from compute_service.domain.errors import ComputeError
from compute_service.flows.kinds import FLOWS
from compute_service.flows.step import AnyStep, Flow, Remote, Step
from tests.unit.flows.kinds.world import Crash, World

GOES_ON = ("crash before", "crash after", "twice")
"""Trouble that a flow gets over: it ends as if nothing had happened."""
GIVES_UP = ("fail", "fail half done")
"""Trouble that a flow answers by unwinding, or by trying again where there is no way back."""


class Times:
    """How often something still goes wrong."""

    def __init__(self, times: int = 1) -> None:
        self.left = times
        self.struck = 0

    def strikes(self) -> bool:
        """Tell whether it goes wrong now."""
        if self.left == 0:
            return False
        self.left -= 1
        self.struck += 1
        return True


def troubled(work: Callable[..., Any], mode: str, times: Times) -> Callable[..., Any]:
    """Return a piece of work that goes wrong in one way."""

    def do(*args: Any) -> Any:
        if not times.strikes():
            return work(*args)
        if mode == "fail":
            raise ComputeError("it was told to fail")
        if mode == "crash before":
            raise Crash
        result = work(*args)
        if mode == "fail half done":
            raise ComputeError("it was told to fail half done")
        if mode == "crash after":
            raise Crash
        return work(*args) if mode == "twice" else result

    return do


def troubled_step(step: AnyStep, mode: str, times: Times, undo: bool = False) -> AnyStep:
    """Return a step whose doing (or undoing) goes wrong in one way."""
    if undo:
        assert step.undo is not None
        return dataclasses.replace(step, undo=troubled(step.undo, mode, times))
    if isinstance(step, Step):
        return dataclasses.replace(step, do=troubled(step.do, mode, times))
    if isinstance(step, Remote):
        return dataclasses.replace(step, send=troubled(step.send, mode, times))
    return dataclasses.replace(step, check=troubled(step.check, mode, times))


@contextmanager
def trouble(world: World, kind: str, name: str, mode: str, undo: bool = False) -> Iterator[Times]:
    """Let one step (or `on_done`, `on_failed`) of one kind go wrong, once, for a while."""
    flow, times = FLOWS[kind], Times()
    changed: Flow
    if name in ("on_done", "on_failed"):
        changed = dataclasses.replace(flow, **{name: troubled(getattr(flow, name), mode, times)})
    else:
        steps = [troubled_step(s, mode, times, undo) if s.name == name else s for s in flow.steps]
        changed = dataclasses.replace(flow, steps=tuple(steps))
    world.flows_known[kind] = changed
    yield times
    world.flows_known[kind] = flow
