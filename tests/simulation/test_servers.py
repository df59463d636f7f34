"""Whole servers under trouble, and that the trouble reaches what it should."""

from __future__ import annotations

import functools
import logging
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.simulation.runs import Outcome
from tests.simulation.servers.runs import run_servers
from tests.simulation.servers.users import ACTS

SEEDS = 40


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of failures on purpose are no news."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@functools.cache
def played(seed: int) -> Outcome:
    """Run a seed once for all tests."""
    return run_servers(seed)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_server_holds_what_its_row_says(seed: int) -> None:
    assert not played(seed).problems


@pytest.mark.timeout(180)
def test_every_action_and_every_trouble_came() -> None:
    counts = sum((played(seed).counts for seed in range(SEEDS)), Counter[str]())
    trouble = ("crashes", "lost messages", "doubled messages", "late messages", "failures", "interleavings")
    for what in (*trouble, "hosts down or up", "lost journals", *(f"accepted {key}" for key in ACTS)):
        assert counts[what] > 0, what
    for state in ("active", "stopped", "error", "deleted", "soft-delete", "resized"):
        assert counts[f"servers {state}"] > 0, state


def test_a_seed_leads_to_the_same_again() -> None:
    assert run_servers(7).counts == run_servers(7).counts
