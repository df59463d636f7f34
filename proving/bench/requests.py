"""The cost of reading requests, one after the other."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from proving.bench.client import Client
from proving.bench.meter import Cost, Meter
from proving.bench.statements import boundaries, counting, statements
from proving.bench.target import Target

SMALL = 200_000
"""Answers of more bytes are asked for less often."""
_WARM = 20


@dataclass(frozen=True)
class Asked:
    """What one request costs: medians of the rounds."""

    cpu_ms: float
    """Of the service's own processes."""
    others_ms: float
    """Of what it stands on: database, identity and so on."""
    p50_ms: float
    p95_ms: float
    statements: float
    boundaries: float
    bytes: int
    load: float
    parts: int
    """How many entries the list in the answer has; 1 for what is no list."""


def ask(target: Target, path: str, times: int = 200, rounds: int = 3) -> Asked:
    """Measure `GET path` at the newest microversion. Raises Refused when it is not answered."""
    client = Client(target)
    try:
        for _ in range(_WARM if len(client.raw("GET", path)) < SMALL else 4):
            text = client.raw("GET", path)
        if len(text) >= SMALL:
            times = max(5, times // 20)
        waits: list[float] = []
        costs = [_round(target, client, path, times, waits) for _ in range(rounds)]
        rows, ends = _statements(target, lambda: client.raw("GET", path))
    finally:
        client.close()
    waits.sort()
    own = statistics.median(cost.own for cost in costs)
    total = statistics.median(cost.total for cost in costs)
    return Asked(
        own * 1e3 / times,
        max(0.0, total - own) * 1e3 / times,
        statistics.median(waits) * 1e3,
        waits[int(0.95 * (len(waits) - 1))] * 1e3,
        rows,
        ends,
        len(text),
        statistics.median(cost.load for cost in costs),
        _parts(text),
    )


def first_server(target: Target) -> str:
    """Return the identifier of some server. Raises Refused when there is none."""
    client = Client(target)
    try:
        return str(client.json("GET", "/servers?limit=1&status=ACTIVE")["servers"][0]["id"])
    finally:
        client.close()


def _round(target: Target, client: Client, path: str, times: int, waits: list[float]) -> Cost:
    with Meter(target) as meter:
        for _ in range(times):
            began = time.perf_counter()
            client.raw("GET", path)
            waits.append(time.perf_counter() - began)
    return meter.cost


def _statements(target: Target, work: Callable[[], object], times: int = 10) -> tuple[float, float]:
    """Return how many statements one piece of work brings to the service's databases, and how many ends."""
    if target.connect is None:
        return float("nan"), float("nan")
    connection = target.connect()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)  # the database may run as somebody else
        # Nothing else may be counted: what goes on by itself is measured as long as the work took.
        began = time.monotonic()
        with counting(connection, target.schemas, Path(folder) / "work") as busy:
            for _ in range(times):
                work()
        seconds = time.monotonic() - began
        with counting(connection, target.schemas, Path(folder) / "idle") as idle:
            time.sleep(max(5.0, seconds))
        share = seconds / max(5.0, seconds)
    connection.close()
    return (
        max(0.0, statements(busy) - share * statements(idle)) / times,
        max(0.0, boundaries(busy) - share * boundaries(idle)) / times,
    )


def _parts(text: bytes) -> int:
    answer = json.loads(text)
    return max((len(value) for value in answer.values() if isinstance(value, list)), default=1)
