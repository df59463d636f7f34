from __future__ import annotations

import threading
import time

from compute_service.cmd.timers import Timer, Timers


def test_work_comes_round_and_a_bell_brings_it_forward() -> None:
    timers, runs = Timers(), threading.Semaphore(0)
    timer = timers.every(30, runs.release, "slow")
    timers.start()
    assert runs.acquire(timeout=2)
    assert not runs.acquire(timeout=0.1)
    timer.ring()
    assert runs.acquire(timeout=2)
    assert timers.stop(2)


def test_the_interval_may_change_and_work_at_zero_rests() -> None:
    timers, runs, interval = Timers(), [], {"now": 0.0}
    timer = timers.every(lambda: interval["now"], lambda: runs.append(1), "changing")
    timers.start()
    time.sleep(0.1)
    assert runs == []
    interval["now"] = 0.02
    timer.ring()
    time.sleep(0.3)
    assert len(runs) > 3
    assert timers.stop(2)


def test_stopping_waits_for_the_run_going_on() -> None:
    timers, begun, ended = Timers(), threading.Event(), []

    def work() -> None:
        begun.set()
        time.sleep(0.3)
        ended.append(1)

    timers.every(1, work, "long")
    timers.start()
    assert begun.wait(2)
    assert not timers.stop(0.05)
    assert timers.stop(2)
    assert ended == [1]


def test_the_first_run_may_be_put_off() -> None:
    timers, runs = Timers(), threading.Event()
    timers.every(1, runs.set, "late", delay=30)
    timers.start()
    assert not runs.wait(0.1)
    assert timers.stop(2)
    assert not runs.is_set()


def test_timers_that_never_started_stop() -> None:
    timers = Timers()
    timers.every(1, lambda: None, "x")
    assert timers.stop(1)


def test_a_slow_timer_is_not_stuck() -> None:
    assert not Timer("long", lambda: 60.0, lambda: None, begun=time.monotonic() - 301).stuck
    assert Timer("short", lambda: 1.0, lambda: None, begun=time.monotonic() - 301).stuck
