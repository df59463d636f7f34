from __future__ import annotations

import subprocess
import sys

from compute_service.api.bare_pecan import ENGINES

_LOOK = """
import sys
import compute_service.api.bare_pecan
print([name for name in sys.argv[1:] if name in sys.modules])
import {first}
"""


def test_the_api_loads_no_template_engine_and_hides_none_from_others() -> None:
    look = _LOOK.format(first=ENGINES[0])
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", look, *ENGINES], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
