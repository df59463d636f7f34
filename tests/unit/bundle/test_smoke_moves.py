"""How a guest tells that it lives on after a move."""

from __future__ import annotations

from tests.unit.bundle.conftest import Load


def test_the_last_sign_of_life_counts(load: Load) -> None:
    module = load("smoke_moves")
    assert module.last_tick("GUEST: tick 1.50 aa\nGUEST: tick 12.25 bb\nlogin:") == (12.25, "bb")


def test_a_guest_that_boots_gives_no_sign_of_life(load: Load) -> None:
    assert load("smoke_moves").last_tick("GUEST: init 2.1\n") is None
