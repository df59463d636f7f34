from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from compute_service.cmd import samples
from compute_service.cmd.metrics import Metrics


def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_added_up_at_once_is_what_one_by_one_would_be() -> None:
    metrics = Metrics()
    for seconds in (0.0005, 0.001, 0.0011, 0.3, 100.0):
        metrics.statement("api", "Select", seconds)
    text = metrics.text().decode()
    for line in (
        'stratus_sql_statements_total{database="api",kind="Select"} 5.0',
        'stratus_sql_statement_seconds_bucket{database="api",le="0.001"} 2.0',
        'stratus_sql_statement_seconds_bucket{database="api",le="0.0025"} 3.0',
        'stratus_sql_statement_seconds_bucket{database="api",le="0.25"} 3.0',
        'stratus_sql_statement_seconds_bucket{database="api",le="0.5"} 4.0',
        'stratus_sql_statement_seconds_bucket{database="api",le="+Inf"} 5.0',
        'stratus_sql_statement_seconds_count{database="api"} 5.0',
        'stratus_sql_statement_seconds_sum{database="api"} 100.3026',
    ):
        assert line in text


def test_nothing_is_lost_among_threads() -> None:
    metrics = Metrics()

    def work() -> None:
        for _ in range(5000):
            metrics.request("GET", "/servers", "200", 0.001)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    line = 'stratus_http_requests_total{method="GET",route="/servers",status="200"} 20000.0'
    assert line in metrics.text().decode()


def test_samples_are_added_up_without_anybody_asking_and_the_thread_rests_then() -> None:
    metrics = Metrics()
    looked: list[float] = []
    metrics.look_by(lambda: looked.append(time.monotonic()))
    metrics.statement("api", "Select", 0.001)
    until(lambda: bool(looked))
    until(lambda: not metrics._samples._emptying)
    metrics.statement("api", "Select", 0.001)
    until(lambda: len(looked) >= 2)


def test_a_long_line_is_shortened_by_who_makes_it_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "_MOST", 10)
    monkeypatch.setattr(samples, "_PAUSE", 60.0)
    metrics = Metrics()
    for _ in range(100):
        metrics.statement("api", "Select", 0.001)
    assert len(metrics._samples._line) <= 11


def test_counting_costs_no_more_than_a_few_microseconds() -> None:
    metrics = Metrics()
    best = 1.0
    for _ in range(5):
        began = time.process_time()
        for _ in range(2000):
            metrics.request("GET", "/servers/{id}", "200", 0.002)
        metrics._samples.add_up()
        best = min(best, (time.process_time() - began) / 2000)
    assert best < 3e-6
