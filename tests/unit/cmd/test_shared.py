"""What the workers of an API share of their parent's memory."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import gc, sys
from compute_service.cmd.memory import share
from compute_service.cmd.shared import API
share(API)
assert not [name for name in API if name not in sys.modules]
assert gc.get_freeze_count() > 100_000, gc.get_freeze_count()
print(*(name for name in sys.modules if name.startswith(("dns.", "eventlet.support.greendns"))))
"""


def test_the_parent_loads_what_workers_need_and_freezes_it_without_a_resolver_that_nobody_uses() -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-W", "ignore", "-c", _PROGRAM],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
