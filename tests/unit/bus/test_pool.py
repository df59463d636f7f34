from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError

import pytest

from compute_service.bus.pool import Pool


def test_work_runs_on_as_many_threads_as_there_may_be() -> None:
    pool, meet = Pool(3, "p"), threading.Barrier(3, timeout=5)
    futures = [pool.future(meet.wait) for _ in range(3)]
    assert sorted(future.result(5) for future in futures) == [0, 1, 2]


def test_more_work_than_threads_waits_in_line() -> None:
    pool, gate, seen = Pool(1, "p"), threading.Event(), list[int]()
    pool.submit(lambda: gate.wait(5) and None)
    for number in range(5):
        pool.submit(lambda number=number: seen.append(number))  # type: ignore[misc]
    assert seen == []
    gate.set()
    assert pool.close(5)
    assert seen == [0, 1, 2, 3, 4]


def test_threads_are_used_again() -> None:
    pool = Pool(50, "p")
    names = set()
    for _ in range(20):
        names.add(pool.future(lambda: threading.current_thread().name).result(5))
        time.sleep(0.005)
    assert len(names) < 5


def test_what_work_raises_comes_back_or_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    pool = Pool(1, "p")
    with pytest.raises(ZeroDivisionError):
        pool.future(lambda: 1 // 0).result(5)
    pool.submit(lambda: 1 // 0 and None)
    assert pool.future(lambda: 7).result(5) == 7
    assert "work of p failed" in caplog.text


def test_closing_waits_and_then_drops_the_rest() -> None:
    pool, gate = Pool(1, "p"), threading.Event()
    pool.submit(lambda: gate.wait(5) and None)
    dropped = pool.future(lambda: 1)
    started = time.monotonic()
    assert not pool.close(0.1)
    assert time.monotonic() - started < 1
    gate.set()
    assert not pool.submit(lambda: None)
    assert not dropped.done()
    with pytest.raises(CancelledError):
        pool.future(lambda: 1).result(1)


def test_closing_an_idle_pool_is_immediate() -> None:
    pool = Pool(2, "p")
    pool.future(lambda: None).result(5)
    started = time.monotonic()
    assert pool.close(5)
    assert time.monotonic() - started < 0.5


def test_threads_do_not_keep_the_process_alive() -> None:
    pool = Pool(1, "p")
    assert pool.future(lambda: threading.current_thread().daemon).result(5)
