"""The engine under trouble, and that the trouble is enough to notice a broken rule."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.simulation.plants import PLANTS
from tests.simulation.runs import run_synthetic

NOTICED_BY = {
    "undo only what is logged": 5,
    "turn back behind the pivot": 0,
    "do not wait for the one before": 93,
    "log before doing": 0,
    "run what was overtaken": 44,
    "take flows that others have": 217,
    "do again what comes again": 49,
}
"""The seed that notices each of the planted bugs."""
NOTICED_WITHIN = 60
"""Seeds within which it is noticed from there, should another change have moved it."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of failures on purpose are no news."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_every_flow_ends_and_holds_what_it_should(start: int) -> None:
    for seed in range(start, start + 10):
        outcome = run_synthetic(seed)
        assert not outcome.problems, f"seed {seed}: {outcome.problems}"


def test_the_trouble_is_real() -> None:
    counts = run_synthetic(3).counts + run_synthetic(4).counts + run_synthetic(5).counts
    for what in ("crashes", "lost messages", "doubled messages", "failures", "interleavings"):
        assert counts[what] > 0, what
    assert counts["flows done"] > 0
    assert counts["flows failed"] > 0


@pytest.mark.timeout(180)
@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_a_broken_rule_is_noticed(plant: str) -> None:
    first = NOTICED_BY[plant]
    for seed in range(first, first + NOTICED_WITHIN):
        if run_synthetic(seed, plant).problems:
            assert not run_synthetic(seed).problems, f"seed {seed} shows a problem without the bug, too"
            print(f"{plant}: noticed by seed {seed}")
            return
    pytest.fail(f"{NOTICED_WITHIN} seeds from {first} did not notice: {plant}")
