"""The services outside, each call of which may fail, before its effect or after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compute_service.domain.request import Claim, Decision, Selection, SelectRequest
from compute_service.ports.placement import CandidateQuery, ConsumerAllocations, Placement
from tests.simulation.faults import Faults


class Troubled:
    """A service whose every call may be lost on its way there or back, be refused, or kill the caller."""

    def __init__(self, service: Any, faults: Faults) -> None:
        self._service, self._faults = service, faults

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._service, name)
        return lambda *args, **kwargs: self._faults.around(lambda: verb(*args, **kwargs))


class Chooser:
    """A scheduler without taste: any host that is up and has room. It keeps the rule on repeated requests."""

    def __init__(
        self, placement: Placement, hosts: dict[str, tuple[str, str]], is_up: Callable[[str], bool], rnd: Any
    ) -> None:
        self._placement, self._hosts, self._is_up, self._rnd = placement, hosts, is_up, rnd

    def select(self, request: SelectRequest) -> Decision:
        """Choose and claim."""
        found: list[Selection] = []
        for consumer in request.consumers:
            held = self._placement.allocations(consumer)
            options = self._options(request, consumer)
            if held is not None:
                made = self._claim(consumer, held.allocations)
            elif options:
                made = options[0]
                self._placement.claim_many((self._wanted(request, made),))
            else:
                for selection in found:
                    self._placement.release(selection.claim.consumer)
                return Decision(message="No valid host was found. There is no room.")
            others = tuple(one for one in options if one.cell == made.cell and one.host != made.host)
            found.append(Selection(claim=made, alternates=others[: request.alternates]))
        return Decision(selections=tuple(found))

    @staticmethod
    def _wanted(request: SelectRequest, claim: Claim) -> ConsumerAllocations:
        asked = request.request
        return ConsumerAllocations(
            consumer=claim.consumer,
            project_id=asked.project_id,
            user_id=asked.user_id,
            allocations=claim.allocations,
        )

    def _options(self, request: SelectRequest, consumer: str) -> list[Claim]:
        asked = request.request
        flavor = asked.flavor
        query = CandidateQuery(
            resources={"VCPU": flavor.vcpus, "MEMORY_MB": flavor.memory_mb, "DISK_GB": flavor.disk_gb}
        )
        claims = [self._claim(consumer, c.allocations) for c in self._placement.candidates(query).candidates]
        wanted = asked.requested_host or asked.force_host
        fitting = [
            claim
            for claim in claims
            if self._is_up(claim.host)
            and claim.host not in asked.ignore_hosts
            and claim.cell not in asked.ignore_cells
            and asked.cell in (None, claim.cell)
            and wanted in (None, claim.host)
        ]
        self._rnd.shuffle(fitting)
        return fitting

    def _claim(self, consumer: str, allocations: dict[str, dict[str, int]]) -> Claim:
        (node,) = allocations
        cell, host = self._hosts[node]
        return Claim(
            consumer=consumer, cell=cell, host=host, node=host, node_uuid=node, allocations=allocations
        )
