"""Bugs on purpose in what the kinds of flows do, one at a time, for whole servers to suffer from."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from compute_service.flows.kinds import FLOWS
from compute_service.flows.step import Flow

Plant = Callable[[], AbstractContextManager[Any]]


def _without_undo(kind: str, step: str) -> Flow:
    flow = FLOWS[kind]
    steps = tuple(dataclasses.replace(one, undo=None) if one.name == step else one for one in flow.steps)
    return dataclasses.replace(flow, steps=steps)


def _keep_the_claim_of_a_failed_move() -> AbstractContextManager[Any]:
    return patch.dict(FLOWS, resize=_without_undo("resize", "choose"))


def _keep_the_ports_of_a_failed_build() -> AbstractContextManager[Any]:
    return patch.dict(FLOWS, build=_without_undo("build", "ports"))


def _leave_claims_swapped() -> AbstractContextManager[Any]:
    return patch.dict(FLOWS, resize=_without_undo("resize", "swap"))


def _bind_only_there() -> AbstractContextManager[Any]:
    return patch.dict(FLOWS, resize=_without_undo("resize", "bind"))


def _let_go_while_the_guest_stands() -> AbstractContextManager[Any]:
    flow = FLOWS["delete"]
    [first] = (step for step in flow.steps if step.name == "release ports")
    others = tuple(step for step in flow.steps if step is not first)
    return patch.dict(FLOWS, delete=dataclasses.replace(flow, steps=(first, *others)))


def _keep_the_port_of_a_failed_attachment() -> AbstractContextManager[Any]:
    return patch.dict(FLOWS, attach_interface=_without_undo("attach_interface", "port"))


def _keep_a_withdrawn_port_in_mind() -> AbstractContextManager[Any]:
    return patch.dict(FLOWS, attach_interface=_without_undo("attach_interface", "note"))


PLANTS: dict[str, Plant] = {
    "keep the claim of a failed move": _keep_the_claim_of_a_failed_move,
    "keep the ports of a failed build": _keep_the_ports_of_a_failed_build,
    "leave claims swapped": _leave_claims_swapped,
    "bind only there": _bind_only_there,
    "keep the port of a failed attachment": _keep_the_port_of_a_failed_attachment,
    "keep a withdrawn port in mind": _keep_a_withdrawn_port_in_mind,
    "let go while the guest stands": _let_go_while_the_guest_stands,
}
