"""From a request to claimed hosts: query, candidates, screening, ranking, picks, one claim, alternates.

A decision costs two calls of placement, or one where the same was asked a moment ago. Only when it fails is
more asked: whether these servers hold claims already (the request is a repeat whose answer was lost), and
whether what was known of hosts was too old. A claim that others were faster to make is followed by a new
attempt, at most RETRIES times.
"""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from compute_service.config.settings import Settings
from compute_service.domain.errors import Conflict
from compute_service.domain.request import Claim, Decision, Selection, SelectRequest
from compute_service.ports.clock import Clock
from compute_service.ports.placement import (
    CandidateQuery,
    Candidates,
    ConsumerAllocations,
    Placement,
)
from compute_service.scheduler.ask import Ask, Test
from compute_service.scheduler.claims import claim_of, claims_made
from compute_service.scheduler.contest import Choice, Contest, nothing_missing
from compute_service.scheduler.filters.neighbours import named_servers
from compute_service.scheduler.fleet import Fleet
from compute_service.scheduler.ledger import Ledger, Pick
from compute_service.scheduler.offers import Offer, Offers
from compute_service.scheduler.plugins import check_settings, enabled_filters, enabled_weighers
from compute_service.scheduler.query import build_query, shown
from compute_service.scheduler.reasons import NO_HOST, Unplaceable, beaten, refusal
from compute_service.scheduler.rebuild import check_rebuild
from compute_service.scheduler.snapshot import HostSource, Snapshot
from compute_service.scheduler.targets import target_tests

LOG = logging.getLogger(__name__)

RETRIES = 3
"""New attempts after claims that were lost to others."""


@dataclass(slots=True)
class _Work:
    """One call of `select`: what is known by now."""

    order: SelectRequest
    found: dict[str, Claim] = field(default_factory=dict)
    """Claims by consumer that were there already."""
    query: CandidateQuery | None = None
    refusal: Decision | None = None
    """Why the last attempt found no host."""
    lost: int = 0
    attempts: int = 0
    generation: int = 0
    """Of what operators have changed about hosts."""
    mark: int = 0
    """The ledger's moment at which the last attempt began."""
    reused: bool = False
    """The last attempt relied on an answer of placement that others had got."""

    @property
    def wanting(self) -> tuple[str, ...]:
        """The consumers that have no claim yet."""
        return tuple(one for one in self.order.consumers if one not in self.found)


class Selector:
    """Selects hosts; shared by threads. Raises ConfigError for filters and weighers that cannot be had."""

    def __init__(
        self,
        settings: Settings,
        placement: Placement,
        source: HostSource,
        clock: Clock,
        chance: random.Random | None = None,
        require_owner: bool = False,
    ) -> None:
        check_settings(settings)
        self._settings = settings
        self._placement = placement
        self._source = source
        self._clock = clock
        self._chance = chance or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._require_owner = require_owner
        self._filters = enabled_filters(settings)
        self._weighers = enabled_weighers(settings)
        self._ledger = Ledger()
        self._snapshot = Snapshot(source, settings, clock, self._ledger)
        self._offers = Offers(placement, self._ledger, clock)

    def select(self, order: SelectRequest) -> Decision:
        """Choose and claim a host for each consumer, or for none. See `domain.protocol.Scheduler`.

        Raises Conflict when a consumer holds allocations that such a request cannot have made, Stale when
        others were faster again and again, Unavailable when placement or the API database does not answer.
        """
        work = _Work(order)
        if not order.consumers:
            return Decision()
        if order.request.rebuild:
            return self._check(order)
        began = self._ledger.moment()
        work.generation = self._source.generation()
        fleet = self._snapshot.fleet(work.generation)
        while True:
            with self._ledger.asking() as work.mark:
                decision = self._attempt(work, fleet)
            if decision is not None:
                return decision
            was_old = fleet.mark < began or work.reused
            fleet = self._snapshot.fleet_since(work.mark if work.refusal is None else began)
            self._look_for_claims(work, fleet)
            if not work.wanting:
                return self._answer(work, fleet)
            if work.refusal is not None and not was_old:
                LOG.info("%s (request %s)", work.refusal.message, order.request.request_id)
                return work.refusal
            if work.lost > RETRIES:
                raise beaten(work.lost)

    def _check(self, order: SelectRequest) -> Decision:
        ask = Ask(
            order.request, self._settings, self._snapshot.fleet(self._source.generation()), self._clock.time()
        )
        decision = check_rebuild(order, ask, self._filters)
        if decision.selections:
            return decision
        ask.fleet = self._snapshot.fleet_since(self._ledger.moment())
        return check_rebuild(order, ask, self._filters)

    def _attempt(self, work: _Work, fleet: Fleet) -> Decision | None:
        """Try once; None when no host was found (`work.refusal`) or the claim was lost (`work.lost`)."""
        work.refusal, work.reused = None, False
        work.attempts += 1
        try:
            work.query = build_query(work.order.request, self._settings, fleet, self._require_owner)
            with self._offers.offer(work.query, work.generation, anew=work.attempts > 1) as offer:
                work.reused = offer.mark < work.mark
                if not offer.candidates.candidates:
                    raise Unplaceable(f"Placement knows of no host with {shown(work.query)}.")
                picks, contest, chosen = self._pick(work, self._ask(work, fleet), offer)
        except Unplaceable as reason:
            work.refusal = Decision(message=f"{NO_HOST} {reason}")
            return None
        if not chosen:
            work.refusal = refusal(contest.refused, contest.offered)
            return None
        if not self._claim(work.order, picks):
            work.lost += 1
            return None
        return self._decide(work, contest, chosen)

    def _look_for_claims(self, work: _Work, fleet: Fleet) -> None:
        """After a failure: was this request answered before? Raises Conflict when it never can be."""
        if work.found or work.query is None:
            return
        work.found, others = claims_made(work.order, work.query, fleet, self._placement)
        if others and work.refusal is None:
            raise Conflict(
                f"{', '.join(others)} held allocations before, which must be moved to another consumer "
                "while a host is sought."
            )

    def _ask(self, work: _Work, fleet: Fleet) -> Ask:
        request = work.order.request
        servers = (*named_servers(request, "same_host"), *named_servers(request, "different_host"))
        return Ask(
            request,
            self._settings,
            fleet,
            self._clock.time(),
            held=self._ledger.hosts_of(servers) | self._source.hosts_of(servers) if servers else {},
            image_properties=self._snapshot.image_properties,
        )

    def _members(self, work: _Work, known: dict[str, str] | None, mark: int) -> Counter[str]:
        """Return how many members of the group each host has; call with the ledger's lock held."""
        request = work.order.request
        if request.group is None:
            return Counter()
        picked = self._ledger.members(request.group.uuid, mark)
        picked |= {consumer: claim.host for consumer, claim in work.found.items()}
        if known is None:
            return Counter(request.group_hosts) + Counter(picked.values())
        hosts = {**picked, **known}
        return Counter(host for server, host in hosts.items() if server not in work.wanting)

    def _group_hosts(self, work: _Work) -> dict[str, str] | None:
        group = work.order.request.group
        return None if group is None else self._source.group_hosts(group.uuid)

    def _tests(self, ask: Ask) -> list[tuple[str, Test]]:
        tests = target_tests(ask)
        if ask.request.force_host is None and ask.request.force_node is None:
            tests += [
                (name, test) for name, entry in self._filters if (test := entry.filter(ask)) is not None
            ]
        return tests

    def _pick(self, work: _Work, ask: Ask, offer: Offer) -> tuple[list[Pick], Contest, list[Choice]]:
        tests, known = self._tests(ask), self._group_hosts(work)
        with self._ledger.lock:
            ask.members.update(self._members(work, known, work.mark))
            missing = partial(self._ledger.missing, offer.mark, offer.answered)
            contest = Contest(ask, offer.candidates, tests, missing, self._ledger.instances)
            contest.rank(self._weighers)
            chosen = contest.pick(len(work.wanting), self._chance)
            group = ask.request.group
            picks = [
                Pick(
                    consumer,
                    choice.view.host.name,
                    choice.candidate.allocations,
                    group.uuid if group is not None else None,
                    at=ask.now,
                )
                for consumer, choice in zip(work.wanting, chosen, strict=False)
            ]
            self._ledger.assume(picks, contest.used)
        return picks, contest, chosen

    def _claim(self, order: SelectRequest, picks: Sequence[Pick]) -> bool:
        won = False
        try:
            self._placement.claim_many(
                tuple(
                    ConsumerAllocations(
                        consumer=pick.consumer,
                        project_id=order.request.project_id,
                        user_id=order.request.user_id,
                        allocations={
                            provider: dict(amounts) for provider, amounts in pick.allocations.items()
                        },
                    )
                    for pick in picks
                )
            )
            won = True
        except Conflict as conflict:
            LOG.info("A claim for %d server(s) was lost: %s", len(picks), conflict)
        finally:
            self._ledger.settle(picks, won)
        return won

    def _decide(self, work: _Work, contest: Contest, chosen: Sequence[Choice]) -> Decision:
        claims = dict(work.found)
        for consumer, choice in zip(work.wanting, chosen, strict=True):
            claims[consumer] = claim_of(consumer, choice.view.host, choice.candidate.allocations)
        ordered = [claims[consumer] for consumer in work.order.consumers]
        others = contest.alternates([(c.cell, c.host, c.node_uuid) for c in ordered], work.order.alternates)
        return Decision(
            selections=tuple(
                Selection(
                    claim=claim,
                    alternates=tuple(
                        claim_of(claim.consumer, view.host, candidate.allocations)
                        for view, candidate in further
                    ),
                )
                for claim, further in zip(ordered, others, strict=True)
            ),
            refused=dict(contest.refused),
        )

    def _answer(self, work: _Work, fleet: Fleet) -> Decision:
        """Answer a repeated request with the claims that are there, alternates by the candidates of now."""
        request = work.order.request
        candidates = Candidates()
        if work.query is not None and work.order.alternates:
            candidates = self._placement.candidates(work.query)
        with self._ledger.asking() as mark:
            ask = self._ask(work, fleet)
            tests, known = self._tests(ask), self._group_hosts(work)
            with self._ledger.lock:
                ask.members.update(self._members(work, known, mark))
                contest = Contest(ask, candidates, tests, nothing_missing, self._ledger.instances)
                contest.rank(self._weighers)
        LOG.info("Found the claims of a repeated request %s", request.request_id)
        return self._decide(work, contest, ())
