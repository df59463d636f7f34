"""What a guest's console must tell before a site counts as proven."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.bundle.conftest import Load

UUID = "5f7a1c1e-0000-4000-8000-000000000001"
GOOD = f"""GUEST: init 2.1
GUEST: metadata http {UUID}
GUEST: keys 1
GUEST: ready name=trial-one address=10.123.0.7/24 uptime=5.1
"""


@pytest.fixture
def module(load: Load) -> Any:
    return load("smoke_server")


def amiss(module: Any, text: str) -> list[str]:
    return list(module.amiss(text, "trial-one", "10.123.0.7", UUID))


def test_a_guest_that_got_everything_passes(module: Any) -> None:
    assert amiss(module, GOOD) == []


@pytest.mark.parametrize(
    ("told", "instead", "fault"),
    [
        ("trial-one", "localhost", "its name is localhost"),
        ("10.123.0.7/24", "10.123.0.70/24", "its address is 10.123.0.70/24, not 10.123.0.7"),
        (f"metadata http {UUID}", "metadata none", "its metadata did not come over the network"),
        (f"http {UUID}", "http 5f7a1c1e-0000-4000-8000-000000000002", "its metadata did not come"),
        ("keys 1", "keys 0", "it got no key"),
    ],
)
def test_a_guest_that_lacks_one_thing_does_not(module: Any, told: str, instead: str, fault: str) -> None:
    (found,) = amiss(module, GOOD.replace(told, instead))
    assert fault in found


def test_a_guest_that_tells_nothing_lacks_everything(module: Any) -> None:
    assert len(amiss(module, "")) == 4
