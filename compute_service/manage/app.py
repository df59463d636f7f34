"""`nova-manage`: all categories under one command line."""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import traceback
from collections.abc import Mapping, Sequence

from compute_service.domain.errors import ComputeError
from compute_service.manage.tools import FAILED, OK, UNEXPECTED, Command, Options, Tools, add_commands, told
from compute_service.version import VERSION

LOG = logging.getLogger(__name__)

CATEGORIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "api_db": ("The API database's schema.", ("api_db",)),
    "cell_v2": ("Cells, and what is in them.", ("cells", "hosts", "cell_instances")),
    "db": ("A cell database's schema and old rows.", ("db",)),
    "flow": ("Work that goes on or got stuck.", ("flow",)),
    "image_property": ("What servers keep of their images' properties.", ("image_property",)),
    "libvirt": ("Guests on libvirt.", ("libvirt",)),
    "placement": ("What placement and the databases hold of each other.", ("placement",)),
}
"""Category → what it is about, and the modules with its commands."""


def commands_of(category: str) -> tuple[Command, ...]:
    """Return a category's commands."""
    modules = (importlib.import_module(f"compute_service.manage.{name}") for name in CATEGORIES[category][1])
    return tuple(command for module in modules for command in module.COMMANDS)


def parser(wanted: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all categories; only the one that is wanted has its commands."""
    made = argparse.ArgumentParser(prog="nova-manage", description="Manage a compute service.")
    made.add_argument("--version", action="version", version=VERSION)
    categories = made.add_subparsers(dest="category", metavar="CATEGORY", required=True)
    categories.add_parser("version", help="Print the release.").set_defaults(run=print_version)
    completion = categories.add_parser("bash-completion", help="Print words that can follow.")
    completion.add_argument("query_category", nargs="?", help="The category whose commands to print.")
    completion.set_defaults(run=print_words)
    for name, (about, _) in CATEGORIES.items():
        category = categories.add_parser(name, help=about, description=about)
        if name == wanted:
            add_commands(category, commands_of(name))
    return made


def print_version(options: Options, tools: Tools) -> int:
    """Print the release."""
    tools.say(VERSION)
    return OK


def print_words(options: Options, tools: Tools) -> int:
    """Print the categories, or the commands of one."""
    wanted = options.query_category
    words = [command.name for command in commands_of(wanted)] if wanted in CATEGORIES else list(CATEGORIES)
    tools.say(" ".join(sorted(words)))
    return OK


def main(argv: Sequence[str], tools: Tools) -> int:
    """Run one command; returns its exit code.

    Raises SystemExit with 2 for a command line that cannot be understood. What goes wrong for a reason is
    told and gives 1 unless the command says otherwise; anything unexpected is told with its trace and gives
    255.
    """
    wanted = next((word for word in argv if not word.startswith("-")), None)
    return run(parser(wanted).parse_args(argv), tools)


def run(options: Options, tools: Tools) -> int:
    """Run a parsed command."""
    try:
        return int(options.run(options, tools))
    except ComputeError as error:
        tools.say(f"ERROR: {told(error)}")
        return FAILED
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        tools.say(f"error: {type(error).__name__}: {error}")
        return UNEXPECTED
