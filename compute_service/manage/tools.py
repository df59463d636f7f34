"""What operators' commands are made of and what they are handed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

from compute_service.config.settings import Settings
from compute_service.domain.errors import ComputeError, Invalid
from compute_service.manage.table import Table
from compute_service.ports.clock import Clock
from compute_service.ports.placement import Placement
from compute_service.store.engine import Store

OK = 0
FAILED = 1
BAD_INPUT = 127
UNEXPECTED = 255

Options = argparse.Namespace


@dataclass(frozen=True, slots=True)
class Tools:
    """The collaborators of a command. What connects to something is made only when a command needs it.

    `versions` takes the name of a section of nova.conf (placement, cinder) and returns the highest
    microversion that service has; it raises Unavailable when the service cannot be asked.
    """

    settings: Settings
    clock: Clock
    out: TextIO
    open_store: Callable[[], Store]
    open_placement: Callable[[], Placement]
    versions: Callable[[str], str]

    def say(self, text: object = "") -> None:
        """Print a line."""
        print(text, file=self.out)

    def show(self, table: Table, options: Options) -> None:
        """Print a table, or its rows as JSON where that was asked for."""
        self.say(table.to_json() if getattr(options, "json", False) else table)

    def show_json(self, value: Any) -> None:
        """Print a value as JSON."""
        self.say(json.dumps(value, indent=2, default=str))

    def store(self) -> Store:
        """Return the databases. Raises Invalid when the API database is not configured."""
        if not self.settings.api_database.connection:
            raise Invalid("The option connection in [api_database] is not set.")
        return self.open_store()


def told(error: ComputeError) -> str:
    """Return what to tell an operator of an error: its message, and what the database said where it did.

    What users are told leaves the cause out; an operator needs it. Drivers' messages hold no passwords.
    """
    said = getattr(error.__cause__, "orig", None)
    words = said.args[-1] if isinstance(said, Exception) and said.args else None
    return f"{error.message} ({words})" if words else error.message


@dataclass(frozen=True)
class Argument:
    """One argument, in argparse's terms."""

    names: tuple[str, ...]
    options: dict[str, Any]


def argument(*names: str, **options: Any) -> Argument:
    """Declare an argument. Long options may be written with hyphens or underscores alike."""
    spellings = dict.fromkeys(
        spelling
        for name in names
        for spelling in (
            (name, _respelled(name, "_", "-"), _respelled(name, "-", "_"))
            if name.startswith("--")
            else (name,)
        )
    )
    if names[0].startswith("--"):
        options.setdefault("dest", names[0].removeprefix("--").replace("-", "_"))
    return Argument(tuple(spellings), options)


def _respelled(name: str, old: str, new: str) -> str:
    return "--" + name.removeprefix("--").replace(old, new)


def switch(name: str, about: str) -> Argument:
    """Declare an option that is there or not."""
    return argument(name, action="store_true", help=about)


JSON = switch("--json", "Print JSON instead of a table.")
VERBOSE = switch("--verbose", "Tell what is done.")
CELL_UUID = argument("--cell_uuid", metavar="UUID", help="The cell.")
ONE_CELL = argument("--cell_uuid", metavar="UUID", required=True, help="The cell.")


@dataclass(frozen=True)
class Command:
    """One command of a category: `run` returns the exit code."""

    name: str
    about: str
    run: Callable[[Options, Tools], int]
    arguments: tuple[Argument, ...] = ()


def add_commands(parser: argparse.ArgumentParser, commands: tuple[Command, ...]) -> None:
    """Give a category's parser its commands."""
    verbs = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in commands:
        verb = verbs.add_parser(command.name, help=command.about, description=command.about)
        for one in command.arguments:
            verb.add_argument(*one.names, **one.options)
        verb.set_defaults(run=command.run)
