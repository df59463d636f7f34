from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from proving.bench.processes import cpu_seconds, pss_megabytes, tree

_CHILD = """
import subprocess, sys
with subprocess.Popen([sys.executable, "-c", "print('up', flush=True)\\nwhile True: pass"]) as child:
    child.wait()
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _CHILD], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    yield process
    os.killpg(process.pid, 9)
    process.stdout.close()
    process.wait()


def test_a_tree_has_the_children_and_their_cpu_time(parent: subprocess.Popen[str]) -> None:
    assert len(tree([parent.pid])) == 2
    alone = cpu_seconds({"test": [os.getpid()]})
    assert alone["test"] > 0
    before = cpu_seconds({"it": [parent.pid]})["it"]
    deadline = time.monotonic() + 20
    while cpu_seconds({"it": [parent.pid]})["it"] < before + 0.1:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_processes_that_are_gone_cost_nothing(parent: subprocess.Popen[str]) -> None:
    missing = 2**22 + 1
    assert cpu_seconds({"none": [missing]}) == {"none": 0.0}
    assert pss_megabytes({"none": [missing]}) == {"none": 0.0}
    assert pss_megabytes({"it": [parent.pid]})["it"] > 2
