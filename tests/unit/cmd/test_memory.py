from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, threading
from compute_service.cmd.memory import hold_little
if not hold_little():
    raise SystemExit(3)
take = ctypes.CDLL(None).malloc
take.restype, take.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
ready, heaps = threading.Barrier(24), set()
def work():
    ready.wait()
    # A heap of a thread begins at a multiple of its greatest size.
    heaps.add((take(1000) or 0) >> 26)
    ready.wait()
threads = [threading.Thread(target=work) for _ in range(24)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(heaps))
"""


def test_many_threads_share_two_heaps() -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=50, check=False
    )
    if done.returncode == 3:
        pytest.skip("the C library here has no mallopt")
    assert done.returncode == 0, done.stderr
    # The main heap may lie across a border of such multiples.
    assert int(done.stdout) <= 3
