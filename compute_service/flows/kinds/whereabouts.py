"""Where servers are that a placing was about to give to cells when it was cut short.

A server is given to a cell only while it holds a claim there, and the claim is dropped only when it is sure
that the cell has not got it. So a cell that does not answer keeps nobody waiting but those who hold a claim
on a host that no other cell knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError
from compute_service.domain.instance import Instance
from compute_service.flows.kinds.claims import holds
from compute_service.flows.kinds.handing import settle_move
from compute_service.store.compute_nodes import compute_node_list
from compute_service.store.instances import instances_get


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Servers that are without a cell, as far as the API database knows."""

    free: list[Instance]
    """They are in no cell."""
    unclear: list[Instance] = field(default_factory=list)
    """They may be in a cell that does not answer."""
    trouble: ComputeError | None = None
    """Why a cell does not answer."""


def settle_begun(svc: Services, unplaced: list[Instance]) -> Whereabouts:
    """Finish the moves of servers that are in a cell already, and tell of the others."""
    left, trouble = unplaced, None
    uuids = [one.uuid for one in left]
    if not uuids:
        return Whereabouts([])
    for cell, moved in svc.store.fan_out(lambda tx: instances_get(tx, uuids, deleted=True)).items():
        if isinstance(moved, ComputeError):
            trouble = moved
            continue
        settle_move(svc, cell, [one for one in left if one.uuid in moved])
        left = [one for one in left if one.uuid not in moved]
    if trouble is None or not left:
        return Whereabouts(left)
    unclear = _held_elsewhere(svc, left)
    return Whereabouts([one for one in left if one.uuid not in unclear], _of(left, unclear), trouble)


def _of(servers: Iterable[Instance], uuids: set[str]) -> list[Instance]:
    return [one for one in servers if one.uuid in uuids]


def _held_elsewhere(svc: Services, servers: Sequence[Instance]) -> set[str]:
    """Return the servers that hold claims, and none on a host of a cell that answers."""
    held = {one.uuid: set(holds(svc.placement, one.uuid)) for one in servers}
    wanted = sorted(set().union(*held.values()))
    known: set[str] = set()
    for nodes in svc.store.fan_out(lambda tx: compute_node_list(tx, uuids=wanted)).values():
        if not isinstance(nodes, ComputeError):
            known.update(node.uuid for node in nodes)
    return {uuid for uuid, providers in held.items() if providers and not providers & known}
