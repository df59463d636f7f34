"""Stopping many servings at once: each may take a second or two by itself."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from compute_service.ports.bus import Serving

_AT_ONCE = 32


def stop_all(servings: Collection[Serving], timeout: float) -> bool:
    """Stop all at the same time; True when what they had begun was finished in `timeout` seconds."""
    if not servings:
        return True
    with ThreadPoolExecutor(min(len(servings), _AT_ONCE), "bus-stop") as pool:
        return all(list(pool.map(lambda serving: serving.stop(timeout), servings)))
