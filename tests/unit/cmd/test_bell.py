from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from compute_service.cmd.bell import Bell


@pytest.fixture
def bell() -> Iterator[Bell]:
    """A bell that signals ring too."""
    made = Bell()
    made.attach()
    before = signal.signal(signal.SIGUSR1, lambda *_: made.set())
    yield made
    signal.signal(signal.SIGUSR1, before)
    made.detach()


def test_a_wait_ends_by_time_or_by_a_ring(bell: Bell) -> None:
    started = time.monotonic()
    assert not bell.wait(0.1)
    assert 0.1 <= time.monotonic() - started < 0.5
    threading.Timer(0.1, bell.set).start()
    assert bell.wait(5)
    assert bell.is_set()
    assert bell.wait(0)
    bell.clear()
    assert not bell.wait(0.05)


def test_a_signal_handed_to_another_thread_wakes_the_main_one(bell: Bell) -> None:
    def other() -> None:
        time.sleep(0.1)
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        time.sleep(1)

    thread = threading.Thread(target=other)
    thread.start()
    started = time.monotonic()
    assert bell.wait(5)
    assert time.monotonic() - started < 1
    thread.join()


def test_ringing_often_blocks_nobody(bell: Bell) -> None:
    for _ in range(100_000):
        bell.set()
    assert bell.wait(0)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert bell.wait(1)


def test_a_ring_after_the_end_harms_nobody_and_the_pipe_goes_with_the_bell() -> None:
    made = Bell()
    made.attach()
    ends = (made._read, made._write)
    made.detach()
    made.set()
    assert made.wait(0)
    assert [os.fstat(end) for end in ends]
    del made
    for end in ends:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(end)
