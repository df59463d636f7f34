from __future__ import annotations

import threading

import pytest

from compute_service.domain.errors import Timeout
from compute_service.virt.libvirt.calls import Calls


def test_a_call_gives_what_it_returns_or_raises() -> None:
    calls = Calls("x")
    assert calls.run(lambda: 7, 30) == 7
    with pytest.raises(ZeroDivisionError):
        calls.run(lambda: 1 // 0, 30)


def test_a_call_that_hangs_is_left_behind() -> None:
    release = threading.Event()
    calls = Calls("libvirt", most=2)
    with pytest.raises(Timeout, match=r"libvirt did not answer within 0\.05 seconds"):
        calls.run(release.wait, 0.05)
    assert calls.run(lambda: 1, 30) == 1
    release.set()


def test_no_call_is_begun_when_too_many_hang() -> None:
    release = threading.Event()
    calls = Calls("libvirt", most=1)
    with pytest.raises(Timeout):
        calls.run(release.wait, 0.05)
    with pytest.raises(Timeout, match="too many calls wait"):
        calls.run(lambda: 1, 0.05)
    release.set()
    assert calls.run(lambda: 1, 30) == 1
