"""Why no host was found, told so that an operator sees what to change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from compute_service.domain.errors import Stale
from compute_service.domain.request import Decision

NO_HOST = "No valid host was found."
MOST = 255
"""A server's fault shows no more characters than this."""


class Unplaceable(Exception):
    """The request itself, or the configuration, rules out every host. The message says why."""


def key_of(source: str, reason: str) -> str:
    """Return how a refusal by a filter is counted in `Decision.refused`."""
    return f"{source}: {reason}"


def beaten(times: int) -> Stale:
    """Return what is raised for a request whose claims were lost so many times: it may ask again."""
    return Stale(f"{NO_HOST} Other requests claimed the chosen hosts first, {times} times in a row.")


def refusal(refused: Mapping[str, int], offered: int) -> Decision:
    """Return the answer to a request for which `offered` hosts were looked at and refused."""
    return Decision(refused=dict(refused), message=explain(refused, offered))


def explain(refused: Mapping[str, int], offered: int) -> str:
    """Return what hosts were refused for, by filter, the most frequent first."""
    by_source: dict[str, Counter[str]] = {}
    for key, count in refused.items():
        source, _, reason = key.partition(": ")
        by_source.setdefault(source, Counter())[reason] += count
    parts = []
    for source, reasons in sorted(by_source.items(), key=lambda item: (-item[1].total(), item[0])):
        shown = ", ".join(
            reason if len(reasons) == 1 else f"{reason} {count}" for reason, count in reasons.most_common()
        )
        parts.append(f"{source} refused {reasons.total()} ({shown})")
    hosts = "1 host" if offered == 1 else f"{offered} hosts"
    return _fit(f"{NO_HOST} Placement offered {hosts}: ", parts)


def _fit(head: str, parts: list[str]) -> str:
    """Join as many parts as there is room for, leaving the details of the others out."""
    text = head + "; ".join(parts) + "."
    if len(text) <= MOST:
        return text
    short = [part.partition(" (")[0] for part in parts]
    for kept in range(len(parts) - 1, -1, -1):
        text = head + "; ".join(parts[:kept] + short[kept:]) + "."
        if len(text) <= MOST:
            return text
    return text[: MOST - 1] + "…"
