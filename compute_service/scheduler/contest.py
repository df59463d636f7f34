"""One request's hosts: screened, ranked, and picked from until every server has one."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from compute_service.ports.placement import Candidate, Candidates
from compute_service.scheduler.ask import Ask, HostView, Test
from compute_service.scheduler.ledger import Key
from compute_service.scheduler.ranking import Ranking, draw
from compute_service.scheduler.reasons import key_of
from compute_service.scheduler.weighers import WeigherEntry

UNKNOWN = key_of("HostMapping", "not a compute host of an enabled cell")
Missing = Callable[[Callable[[Key], int]], dict[Key, int]]
"""Given what placement says is in use, returns what is missing there (`Ledger.missing`)."""

FULL = key_of("Capacity", "taken by the other servers of this request")
TOGETHER = key_of("ServerGroupAffinityFilter", "cannot take all servers of this request")


def nothing_missing(used: Callable[[Key], int]) -> dict[Key, int]:
    """Take placement by its word."""
    return {}


@dataclass(frozen=True, slots=True)
class Choice:
    """A host for one server, and how it takes it there."""

    index: int
    view: HostView
    candidate: Candidate


class Contest:
    """Picks hosts. `refused` counts the hosts that were passed over, by reason."""

    def __init__(
        self,
        ask: Ask,
        candidates: Candidates,
        tests: Sequence[tuple[str, Test]],
        missing: Missing,
        instances: Mapping[str, int],
    ) -> None:
        self._ask = ask
        self._tests = tests
        self._summaries = candidates.summaries
        self._extra: Counter[Key] = Counter()
        """What the servers of this request take: (provider, resource class) → amount."""
        self.refused: Counter[str] = Counter()
        views = self._look(candidates, instances)
        self.offered = len(views) + self.refused[UNKNOWN]
        self._missing = missing(self._shown)
        crowded = self._assume(views)
        self._views = [view for view in views.values() if self._passes(view)]
        self._alive = list(range(len(self._views)))
        self._tight = {index for index in self._alive if self._views[index].host.uuid in crowded}
        """Hosts that may be full once what is assumed has arrived: taken last."""
        self._ranking: Ranking | None = None

    def rank(self, weighers: Sequence[WeigherEntry]) -> None:
        """Weigh the hosts that passed."""
        self._ranking = Ranking(self._views, weighers, self._ask)

    def pick(self, count: int, chance: random.Random) -> list[Choice]:
        """Return hosts for `count` servers, or none when there are not enough."""
        anchored = any(self._ask.members.values())
        group = self._ask.request.group
        together = group is not None and group.policy == "affinity" and not anchored and count > 1
        while self._alive:
            alive, refused = list(self._alive), self.refused.copy()
            chosen = self._pick_each(count, chance)
            if len(chosen) == count:
                return chosen
            for choice in chosen:
                self._take(choice, -1)
            if not together or not chosen:
                return []
            self._alive, self.refused = alive, refused
            self._drop(chosen[0].index, TOGETHER)
        return []

    def alternates(
        self, chosen: Sequence[tuple[str, str, str]], most: int
    ) -> list[list[tuple[HostView, Candidate]]]:
        """Return for each (cell, host name, host UUID) up to `most` further hosts of the cell, best first."""
        if most <= 0 or self._ranking is None:
            return [[] for _ in chosen]
        weights = self._ranking.weights
        order = sorted(range(len(self._views)), key=weights.__getitem__, reverse=True)
        return [self._others(one, order, most) for one in chosen]

    def _others(
        self, chosen: tuple[str, str, str], order: Iterable[int], most: int
    ) -> list[tuple[HostView, Candidate]]:
        cell, name, uuid = chosen
        members = self._ask.members
        members[name] -= 1
        found: list[tuple[HostView, Candidate]] = []
        for index in order:
            view = self._views[index]
            if view.host.uuid == uuid or view.host.cell != cell or self._refusal(view):
                continue
            candidate = self._fitting(view)
            if candidate is not None:
                found.append((view, candidate))
                if len(found) == most:
                    break
        members[name] += 1
        return found

    def _look(self, candidates: Candidates, instances: Mapping[str, int]) -> dict[str, HostView]:
        """Return a view of each known host that placement offers, free resources filled in."""
        views: dict[str, HostView] = {}
        unknown: set[str] = set()
        hosts = self._ask.fleet.hosts
        for candidate in candidates.candidates:
            view = views.get(candidate.root)
            if view is not None:
                view.candidates.append(candidate)
                continue
            host = hosts.get(candidate.root)
            if host is None:
                unknown.add(candidate.root)
                continue
            more = instances.get(host.name, 0)
            view = HostView(
                host, [candidate], instances=host.load.instances + more, busy=host.load.busy + more
            )
            views[candidate.root] = view
            for provider in candidate.allocations:
                if self._root(provider) != candidate.root:
                    self._fill(view, provider)
        for provider in self._summaries:
            view = views.get(self._root(provider))
            if view is not None:
                self._fill(view, provider)
        if unknown:
            self.refused[UNKNOWN] = len(unknown)
        return views

    def _root(self, provider: str) -> str:
        summary = self._summaries.get(provider)
        return summary.root or provider if summary is not None else provider

    def _fill(self, view: HostView, provider: str) -> None:
        summary = self._summaries.get(provider)
        if summary is None:
            return
        capacity, used = summary.capacity, summary.used
        view.memory_mb += capacity.get("MEMORY_MB", 0) - used.get("MEMORY_MB", 0)
        view.vcpus += capacity.get("VCPU", 0) - used.get("VCPU", 0)
        view.disk_gb += capacity.get("DISK_GB", 0) - used.get("DISK_GB", 0)

    def used(self, key: Key) -> int:
        """Return what is in use of a provider's resource class, by all that is known."""
        return self._shown(key) + self._missing.get(key, 0)

    def _shown(self, key: Key) -> int:
        summary = self._summaries.get(key[0])
        return 0 if summary is None else summary.used.get(key[1], 0)

    def _assume(self, views: Mapping[str, HostView]) -> set[str]:
        """Take what is missing from the views; returns the roots that then have no room for a server."""
        touched: dict[str, HostView] = {}
        for (provider, name), amount in self._missing.items():
            root = self._root(provider)
            view = views.get(root)
            if view is not None:
                _shift(view, name, -amount)
                touched[root] = view
        return {
            root
            for root, view in touched.items()
            if not any(self._fits(candidate, self._missing) for candidate in view.candidates)
        }

    def _passes(self, view: HostView) -> bool:
        reason = self._refusal(view)
        if reason is None:
            return True
        self.refused[reason] += 1
        return False

    def _refusal(self, view: HostView) -> str | None:
        for name, test in self._tests:
            reason = test(view)
            if reason is not None:
                return key_of(name, reason)
        return None

    def _pick_each(self, count: int, chance: random.Random) -> list[Choice]:
        chosen: list[Choice] = []
        while len(chosen) < count and self._alive:
            index = self._best(chance)
            view = self._views[index]
            reason = self._refusal(view) if chosen else None
            candidate = self._fitting(view)
            if reason is not None or candidate is None:
                self._drop(index, reason or FULL)
                continue
            choice = Choice(index, view, candidate)
            self._take(choice, 1)
            chosen.append(choice)
        return chosen

    def _best(self, chance: random.Random) -> int:
        if self._ranking is None:
            return self._alive[0]
        among = [index for index in self._alive if index not in self._tight] if self._tight else self._alive
        settings = self._ask.settings.filter_scheduler
        return draw(
            among or self._alive,
            self._ranking.weights,
            settings.host_subset_size,
            settings.shuffle_best_same_weighed_hosts,
            chance,
        )

    def _fitting(self, view: HostView) -> Candidate | None:
        if not self._extra:
            return view.candidates[0]
        return next((one for one in view.candidates if self._fits(one, self._extra)), None)

    def _fits(self, candidate: Candidate, extra: Mapping[Key, int]) -> bool:
        for provider, amounts in candidate.allocations.items():
            summary = self._summaries.get(provider)
            if summary is None:
                continue
            for name, amount in amounts.items():
                wanted = summary.used.get(name, 0) + extra.get((provider, name), 0) + amount
                if wanted > summary.capacity.get(name, wanted):
                    return False
        return True

    def _take(self, choice: Choice, sign: int) -> None:
        """Take one server's resources from a host, or with a `sign` of -1 give them back."""
        view = choice.view
        for provider, amounts in choice.candidate.allocations.items():
            for name, amount in amounts.items():
                self._extra[provider, name] += sign * amount
                _shift(view, name, -sign * amount)
        view.instances += sign
        view.busy += sign
        self._ask.members[view.host.name] += sign
        if self._ranking is not None:
            self._ranking.update(choice.index)

    def _drop(self, index: int, reason: str) -> None:
        self._alive.remove(index)
        self.refused[reason] += 1


def _shift(view: HostView, name: str, amount: float) -> None:
    if name == "MEMORY_MB":
        view.memory_mb += amount
    elif name in ("VCPU", "PCPU"):
        view.vcpus += amount
    elif name == "DISK_GB":
        view.disk_gb += amount
