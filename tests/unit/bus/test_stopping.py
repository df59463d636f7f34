from __future__ import annotations

import threading

from compute_service.bus.stopping import stop_all


class Slow:
    """A serving that stops only while the other one does."""

    def __init__(self, together: threading.Barrier, clean: bool = True) -> None:
        self._together = together
        self._clean = clean

    def stop(self, timeout: float) -> bool:
        self._together.wait(5)
        return self._clean


def test_servings_stop_at_the_same_time() -> None:
    together = threading.Barrier(3)
    assert stop_all([Slow(together) for _ in range(3)], 1.0)


def test_one_that_is_not_clean_is_told() -> None:
    together = threading.Barrier(2)
    assert not stop_all([Slow(together), Slow(together, clean=False)], 1.0)


def test_nothing_to_stop_is_clean() -> None:
    assert stop_all([], 1.0)
