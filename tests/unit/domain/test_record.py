"""Records that many threads meet at once."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, threading, types
sys.setswitchinterval(1e-6)
import msgspec
from compute_service.domain import record

def classes(count):
    source = "from __future__ import annotations\\nfrom compute_service.domain.record import Record\\n"
    for number in range(count):
        below = f"    below: C{number - 1} | None = None\\n" if number else ""
        fields = "    name: str = ''\\n    sizes: dict[str, int] = {}\\n"
        source += f"class C{number}(Record):\\n{fields}{below}"
    module = sys.modules["made"] = types.ModuleType("made")
    exec(source, module.__dict__)
    return getattr(module, f"C{count - 1}")

for _ in range(40):
    kind, together = classes(12), threading.Barrier(12)
    record.learn_types()

    def meet():
        together.wait()
        msgspec.convert({"below": {"sizes": {"a": 1}, "below": {"below": {"name": "b"}}}}, kind)

    threads = [threading.Thread(target=meet) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_types_that_were_learned_can_be_met_by_many_threads_at_once() -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr}"
