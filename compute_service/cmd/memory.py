"""How processes come by with little memory: they share what they load, and give back what they used.

By itself the C library's allocator gives threads up to eight heaps a processor, which each keep what was
freed in them. Threads of Python take turns, so two heaps serve them as well; and blocks as large as a long
list's answer go back at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
from collections.abc import Callable, Iterable

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters of mallopt(3)."""
_LARGE = 256 * 1024


def hold_little() -> bool:
    """Set the allocator up, for this process and those that it forks; False where it is another one."""
    with contextlib.suppress(OSError, AttributeError):
        set_to = ctypes.CDLL(None).mallopt
        wanted = ((_ARENA_MAX, 2), (_MMAP_THRESHOLD, _LARGE), (_TRIM_THRESHOLD, _LARGE))
        return all([bool(set_to(name, value)) for name, value in wanted])
    return False


def share(modules: Iterable[str], rehearse: Callable[[], object] | None = None) -> None:
    """Load what processes will need that are forked from this one, whose memory they then share.

    The collector is kept from all that is there: what it writes into it would make copies.
    """
    for name in modules:
        importlib.import_module(name)
    if rehearse is not None:
        rehearse()
    gc.collect()
    gc.freeze()
