"""A short stream of right and broken requests: no server error, no hang, nothing left over."""

from __future__ import annotations

from proving.fuzz.__main__ import told
from proving.fuzz.run import Run
from proving.fuzz.site import fuzz_site

SEED, REQUESTS = 5, 2000


def test_two_thousand_requests_find_nothing_wrong() -> None:
    with fuzz_site() as site:
        run = Run(site, SEED, print)
        run.all(range(REQUESTS))
    outcome = run.outcome
    assert outcome.is_good, told(SEED, outcome)
    assert outcome.sent == REQUESTS
    served = sum(count for status, count in outcome.tally.statuses.items() if status < 300)
    assert served > REQUESTS / 10, told(SEED, outcome)
    assert len(outcome.tally.routes) > 100, sorted(outcome.tally.routes)
