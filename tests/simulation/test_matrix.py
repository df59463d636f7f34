"""Each real flow × each step × each kind of trouble."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.simulation.servers.matrix import SCENARIOS, Case, cases, play
from tests.simulation.servers.runs import world_of

PASSED_OVER = {
    ("delete", "clear"),
    ("delete", "forget"),
    ("soft delete", "forget"),
    ("delete of an offloaded one", "clear"),
    ("delete of an offloaded one", "forget"),
    ("delete of an offloaded one", "destroy"),
}
"""Steps without a host in these scenarios."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of failures on purpose are no news."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def _is_reachable(case: Case) -> bool:
    return (case.scenario, case.name) not in PASSED_OVER


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_any_single_trouble_leaves_everything_in_order(scenario: str) -> None:
    wrong: list[str] = []
    for number, case in enumerate(cases(scenario)):
        with world_of(number) as world:
            struck, problems = play(world, case)
        if problems or bool(struck) != _is_reachable(case):
            wrong.append(f"{case.mode} at {case.name} came {struck} times: {problems}")
    assert not wrong, "\n".join(wrong)
