"""Labs for tests; where the machine can have none, these are skipped and say why."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from proving.lab import Lab, LabPlan, Unable, check_machine, lab


@pytest.fixture(scope="session")
def able() -> None:
    """Skip what needs a lab where there can be none."""
    try:
        check_machine()
    except Unable as error:
        pytest.skip(str(error))


@pytest.fixture
def name() -> str:
    """A name for a lab that nobody else has."""
    return f"t{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def two_hosts(able: None) -> Iterator[Lab]:
    """A lab with two hosts that share a second segment."""
    with lab(f"t{secrets.token_hex(4)}", LabPlan(hosts=("h1", "h2"), links=("tun0",))) as made:
        yield made
