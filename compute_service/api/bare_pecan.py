"""Pecan's core, without the template engines that it loads where they are installed: 40 ms of each start.

The API answers JSON alone. Mako has to be there, but need not bring Pygments to colour pages of errors.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

ENGINES = ("jinja2", "genshi", "kajiki", "pygments")


@contextmanager
def _absent(names: tuple[str, ...]) -> Iterator[None]:
    """Let imports of modules that are not loaded yet fail as if they were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        # The import system's own sign for what is not there.
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _absent(ENGINES):
    from pecan.core import ExplicitPecan

__all__ = ["ExplicitPecan"]
