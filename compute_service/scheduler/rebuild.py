"""Servers that stay where they are while their image changes."""

from __future__ import annotations

from collections.abc import Sequence

from compute_service.domain.request import Decision, Selection, SelectRequest
from compute_service.ports.placement import Candidate, Candidates
from compute_service.scheduler.ask import Ask
from compute_service.scheduler.claims import claim_of
from compute_service.scheduler.contest import Contest, nothing_missing
from compute_service.scheduler.filters import FilterEntry
from compute_service.scheduler.reasons import NO_HOST, refusal


def check_rebuild(order: SelectRequest, ask: Ask, filters: Sequence[tuple[str, FilterEntry]]) -> Decision:
    """Put the host that servers are on to the filters that look at images; nothing is claimed."""
    request = order.request
    here = ask.fleet.find(request.current_host, request.requested_node) if request.current_host else ()
    if not here:
        return Decision(message=f"{NO_HOST} Host {request.current_host} is not known.")
    tests = [
        (name, test)
        for name, entry in filters
        if entry.on_rebuild and (test := entry.filter(ask)) is not None
    ]
    stay = Candidates(candidates=(Candidate(root=here[0].uuid, allocations={}),))
    contest = Contest(ask, stay, tests, nothing_missing, {})
    if contest.refused:
        return refusal(contest.refused, contest.offered)
    return Decision(selections=tuple(Selection(claim=claim_of(one, here[0], {})) for one in order.consumers))
