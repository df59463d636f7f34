"""How an option of nova.conf is declared: once, as a field of its section's dataclass.

Everything else is derived from the declaration: the oslo.config option that reads it (`load.py`), the sample
file and the reference page (`sample.py`). The annotation gives the type: `str`, `int`, `float`, `bool`,
`tuple[str, ...]` (comma separated) or `dict[str, str]` (key:value pairs), each also `| None`.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_KEY = "option"


@dataclass(frozen=True, kw_only=True)
class Section:
    """The base of every section."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What is declared of an option besides its type and default."""

    help: str
    choices: tuple[Any, ...] | None = None
    min: float | None = None
    max: float | None = None
    secret: bool = False
    """Masked in the sample, the logs and `repr`."""
    mutable: bool = False
    """Read again on SIGHUP."""
    multi: bool = False
    """May stand several times; each line is one value."""
    shown: str | None = None
    """What the sample says of a default that is computed on each host."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option, complete."""

    section: str
    """As it stands in nova.conf: `DEFAULT`, `quota`, …"""
    name: str
    type: type[Any]
    optional: bool
    default: Any
    rules: Rules

    @property
    def shown_default(self) -> Any:
        """The default as a reader of the sample should see it."""
        return self.default if self.rules.shown is None else self.rules.shown


def opt(default: Any, help: str, *, computed: Callable[[], Any] | None = None, **rules: Any) -> Any:
    """Declare an option as a dataclass field. `rules` are those of `Rules`.

    With `computed` the default is worked out on each host and `default` is what the sample shows.
    """
    if computed is not None:
        rules["shown"] = default
    metadata = {_KEY: Rules(help=help, **rules)}
    shown = not rules.get("secret", False)
    if computed is not None:
        return dataclasses.field(default_factory=computed, metadata=metadata, repr=shown)
    return dataclasses.field(default=default, metadata=metadata, repr=shown)


def options_of(section: type[Section], name: str) -> Iterator[Option]:
    """Yield the options a section declares, in the order of declaration."""
    hints = typing.get_type_hints(section)
    for field in dataclasses.fields(section):
        kind, optional = _plain(hints[field.name])
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        yield Option(
            section=name,
            name=field.name,
            type=kind,
            optional=optional,
            default=default,
            rules=field.metadata[_KEY],
        )


def _plain(hint: Any) -> tuple[type[Any], bool]:
    """Split `X | None` into X and True; containers become their plain class."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        return _plain(inner[0])[0], True
    return typing.get_origin(hint) or hint, False
