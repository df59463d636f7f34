"""Asks a scheduler again when it does not answer: the one that had the question may have died over it.

A choice of hosts may be asked for again: it finds the claims that were made. So the wait for an answer is cut
into parts, each twice as long as the one before, so that one that is slow is given its time in the end.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from compute_service.domain.errors import Timeout
from compute_service.domain.protocol import Scheduler
from compute_service.domain.request import Decision, SelectRequest

LOG = logging.getLogger(__name__)

_LEAST = 5.0
"""Seconds; a choice among very many hosts by a busy scheduler takes about one."""
_PART = 12
"""The first wait is this part of all."""


def waits(total: float) -> tuple[float, ...]:
    """Return the seconds of each wait; together they are `total`, and at least one."""
    parts: list[float] = []
    wait = max(_LEAST, total / _PART)
    while total > wait * 1.5:
        parts.append(wait)
        total -= wait
        wait *= 2
    return (*parts, total)


class AskedAgain(Scheduler):
    """A scheduler behind several clients of its topic, each of which waits longer than the one before."""

    def __init__(self, clients: Sequence[Scheduler]) -> None:
        self._first, self._last = clients[:-1], clients[-1]

    def select(self, request: SelectRequest) -> Decision:
        """Choose hosts and claim them. Raises Timeout when the last client's wait is over, too."""
        for client in self._first:
            try:
                return client.select(request)
            except Timeout as error:
                LOG.warning("a scheduler is asked again: %s", error.message)
        return self._last.select(request)
