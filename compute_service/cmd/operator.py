"""The frame of operators' commands: configuration, logs, and what a command may use.

Options such as --config-file and --debug are taken from anywhere on the line, the rest is the command's.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial

from compute_service.clients.clock import SystemClock
from compute_service.cmd.databases import open_store
from compute_service.cmd.logs import configure
from compute_service.config.load import ConfigError, load
from compute_service.config.settings import Settings
from compute_service.manage.tools import FAILED, Tools
from compute_service.ports.placement import Placement

_VALUES = ("--config-file", "--config-dir", "--log-file", "--log-dir")
_SWITCHES = ("--debug", "--use-journal")


def split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the configuration's options on a line, and the rest."""
    known = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in _VALUES:
        known.add_argument(name, action="append", default=[])
    for name in _SWITCHES:
        known.add_argument(name, action="store_true")
    found, rest = known.parse_known_args(list(argv))
    flags = [
        word
        for name in _VALUES
        for value in getattr(found, name[2:].replace("-", "_"))
        for word in (name, value)
    ]
    flags += [name for name in _SWITCHES if getattr(found, name[2:].replace("-", "_"))]
    return flags, rest


def operate(program: str, argv: Sequence[str] | None, command: Callable[[Sequence[str], Tools], int]) -> int:
    """Run a command with the configuration that its line and the usual files give; returns its exit code."""
    flags, rest = split(sys.argv[1:] if argv is None else argv)
    try:
        settings = load(flags, prog=program)
    except ConfigError as error:
        print(f"{program}: {error}", file=sys.stderr)
        return FAILED
    _begin_logs(settings, program)
    tools = tools_of(settings)
    try:
        return command(rest, tools)
    finally:
        sys.stdout.flush()


def _begin_logs(settings: Settings, program: str) -> None:
    """A command's logs go where the configuration says; to the terminal go warnings, or all with --debug."""
    configure(settings, program)
    options = settings.default
    if not (options.log_dir or options.log_file or options.use_journal or options.debug):
        logging.getLogger().setLevel(logging.WARNING)


def tools_of(settings: Settings) -> Tools:
    """Return what commands use; databases and services are connected to when they are asked for."""
    return Tools(
        settings=settings,
        clock=SystemClock(),
        out=sys.stdout,
        open_store=cache(partial(open_store, settings)),
        open_placement=partial(_placement, settings),
        versions=partial(_version, settings),
    )


def _placement(settings: Settings) -> Placement:
    from compute_service.cmd.outside import placement_service

    return placement_service(settings)


def _version(settings: Settings, service: str) -> str:
    from compute_service.clients.versions import highest_version

    return highest_version(settings, service)
