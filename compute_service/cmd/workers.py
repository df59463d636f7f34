"""Runs a daemon in this process or, where its configuration asks for several, in processes of its own."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from compute_service.cmd.family import run_family
from compute_service.cmd.member import Child
from compute_service.config.load import ConfigError, load
from compute_service.config.settings import Settings

BAD_CONFIGURATION = 78


def run_workers(child: Child, count_of: Callable[[Settings], int | None], argv: Sequence[str] | None) -> int:
    """Run as many as `count_of` says (None and 0: one); returns the exit code.

    The daemon's function takes its arguments and the settings that were read; its child's takes the first.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    try:
        settings = load(given, prog=child.name)
    except ConfigError as error:
        print(f"{child.name}: {error}", file=sys.stderr)
        return BAD_CONFIGURATION
    count = count_of(settings) or 1
    if count > 1:
        return run_family(child.name, [child.given(given)] * count, settings)
    module, _, name = child.main.partition(":")
    main: Callable[[Any, Settings], int] = getattr(importlib.import_module(module), name)
    return main(argv, settings)
