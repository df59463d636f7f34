from __future__ import annotations

import threading

import pytest

from compute_service.agent.lanes import Lanes, Stepper
from compute_service.agent.pool import ThreadPool


@pytest.fixture
def stepper() -> Stepper:
    return Stepper()


def test_one_lane_runs_in_order_and_one_at_a_time(stepper: Stepper) -> None:
    lanes, seen = Lanes(stepper), list[int]()
    for number in range(3):
        lanes.submit("a", lambda n=number: seen.append(n))
    assert stepper.ready == 1
    stepper.run()
    assert seen == [0, 1, 2]


def test_lanes_may_run_in_any_order_among_each_other(stepper: Stepper) -> None:
    lanes, seen = Lanes(stepper), list[str]()
    lanes.submit("a", lambda: seen.append("a"))
    lanes.submit("b", lambda: seen.append("b"))
    stepper.step(1)
    stepper.step(0)
    assert seen == ["b", "a"]


def test_a_kind_waits_for_its_limit_without_taking_a_thread(stepper: Stepper) -> None:
    lanes, seen = Lanes(stepper, {"build": 2}), list[str]()
    for name in "abc":
        lanes.submit(name, lambda n=name: seen.append(n), kind="build")
    lanes.submit("d", lambda: seen.append("d"))
    assert stepper.ready == 3
    assert lanes.pending("build") == 3
    stepper.step(2)
    stepper.step(0)
    assert stepper.ready == 2
    stepper.run()
    assert seen == ["d", "a", "b", "c"]


def test_a_limit_of_zero_is_none(stepper: Stepper) -> None:
    lanes = Lanes(stepper, {"build": 0})
    for name in "abc":
        lanes.submit(name, lambda: None, kind="build")
    assert stepper.ready == 3


def test_failed_work_does_not_stop_its_lane(stepper: Stepper) -> None:
    lanes, seen = Lanes(stepper, {"build": 1}), list[str]()

    def fail() -> None:
        raise ValueError("no")

    lanes.submit("a", fail, kind="build")
    lanes.submit("a", lambda: seen.append("a"), kind="build")
    lanes.submit("b", lambda: seen.append("b"), kind="build")
    stepper.run()
    assert sorted(seen) == ["a", "b"]
    assert not lanes.busy("a")


def test_drain_takes_no_new_work_and_drops_what_has_not_begun(stepper: Stepper) -> None:
    lanes, dropped = Lanes(stepper, {"build": 1}), list[str]()
    lanes.submit("a", lambda: None, kind="build")
    lanes.submit("a", lambda: None, dropped=lambda: dropped.append("a2"))
    lanes.submit("b", lambda: None, kind="build", dropped=lambda: dropped.append("b"))
    lanes.submit("b", lambda: None, dropped=lambda: dropped.append("b2"))
    assert not lanes.drain(0.01)
    assert sorted(dropped) == ["a2", "b", "b2"]
    assert not lanes.submit("c", lambda: None)
    assert stepper.run() == 1
    assert lanes.drain(0.01)


def test_threads_keep_order_within_lanes_and_the_limit_of_a_kind() -> None:
    pool = ThreadPool(8)
    lanes = Lanes(pool, {"build": 2})
    lock = threading.Lock()
    seen: dict[str, list[int]] = {}
    at_once = {"now": 0, "most": 0}
    meeting = threading.Barrier(2)

    def work(lane: str, number: int) -> None:
        with lock:
            at_once["now"] += 1
            at_once["most"] = max(at_once["most"], at_once["now"])
        if number == 0 and lane in ("lane-0", "lane-1"):
            meeting.wait(10)
        with lock:
            at_once["now"] -= 1
            seen.setdefault(lane, []).append(number)

    for number in range(20):
        for lane in range(10):
            lanes.submit(f"lane-{lane}", lambda a=f"lane-{lane}", b=number: work(a, b), kind="build")
    assert lanes.drain(20)
    assert all(numbers == list(range(20)) for numbers in seen.values())
    assert len(seen) == 10
    assert at_once["most"] == 2
    pool.close()


def test_the_pool_is_bounded_and_reuses_its_threads() -> None:
    pool = ThreadPool(3, "bounded")
    names, done = set[str](), threading.Semaphore(0)

    def work() -> None:
        names.add(threading.current_thread().name)
        done.release()

    for _ in range(50):
        pool.submit(work)
    assert all(done.acquire(timeout=5) for _ in range(50))
    assert names <= {"bounded-1", "bounded-2", "bounded-3"}
    pool.close()
    with pytest.raises(RuntimeError):
        pool.submit(work)
