"""Runs a daemon in this process or, where its configuration asks for several, in processes of its own."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence

from compute_service.cmd.family import BAD_CONFIGURATION, run_family
from compute_service.cmd.member import Child
from compute_service.config.load import ConfigError, load
from compute_service.config.settings import Settings


def run_workers(child: Child, count_of: Callable[[Settings], int | None], argv: Sequence[str] | None) -> int:
    """Run as many as `count_of` says (None and 0: one); returns the exit code."""
    given = sys.argv[1:] if argv is None else list(argv)
    try:
        count = count_of(load(given, prog=child.name)) or 1
    except ConfigError as error:
        print(f"{child.name}: {error}", file=sys.stderr)
        return BAD_CONFIGURATION
    if count > 1:
        return run_family(child.name, lambda _: [child] * count, given)
    module, _, name = child.main.partition(":")
    main: Callable[[Sequence[str] | None], int] = getattr(importlib.import_module(module), name)
    return main(argv)
