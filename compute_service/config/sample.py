"""The sample nova.conf and the rows of the configuration reference, both from the declarations.

python -m compute_service.config.sample > etc/nova/nova.conf.sample
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from compute_service.config.option import Option, Section
from compute_service.config.settings import all_options, section_name, sections

WIDTH = 100


def sample() -> str:
    """Return the sample file: every option with its help, commented out at its default."""
    lines = [
        "# A sample of nova.conf with every option at its default.",
        "# Take out the # before an option to change it. $name refers to another option.",
    ]
    for name, options in groupby(all_options(), key=lambda pair: pair[1].section):
        lines += ["", "", f"[{name}]"]
        for _, option in options:
            lines += ["", *_explained(option), *_commented(option)]
    return "\n".join(lines) + "\n"


def rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield section, option, type, default and help of every option, for the reference page."""
    for _, option in all_options():
        notes = option.rules.help
        if option.rules.choices is not None:
            notes += f" One of: {_choices(option.rules.choices)}."
        if option.rules.mutable:
            notes += " Read again on SIGHUP."
        yield option.section, option.name, kind(option), _text(option.shown_default), notes


def kind(option: Option) -> str:
    """Name an option's type for readers."""
    if option.rules.multi:
        return "lines"
    return {
        str: "text",
        int: "number",
        float: "decimal",
        bool: "true or false",
        tuple: "list",
        dict: "pairs",
    }[option.type]


def reference() -> str:
    """Return the reference page of all options, in Markdown."""
    lines = [
        "# Configuration",
        "",
        "Options of `nova.conf`, section by section. Generated from the declarations.",
    ]
    purposes = {section_name(attribute): section for attribute, section in sections()}
    for name, entries in groupby(rows(), key=lambda row: row[0]):
        lines += ["", f"## [{name}]", "", _purpose(purposes[name]), ""]
        lines += ["| option | type | default | meaning |", "|---|---|---|---|"]
        for _, option, type_name, default, notes in entries:
            shown = f"`{default}`" if default else ""
            lines.append(f"| `{option}` | {type_name} | {shown} | {notes.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def _purpose(section: type[Section]) -> str:
    return " ".join((section.__doc__ or "").split())


def _explained(option: Option) -> list[str]:
    rules = option.rules
    lines = textwrap.wrap(rules.help, WIDTH - 2)
    facts = [kind(option)]
    if rules.choices is not None:
        facts.append(f"one of {_choices(rules.choices)}")
    if rules.min is not None:
        facts.append(f"from {rules.min:g}")
    if rules.max is not None:
        facts.append(f"to {rules.max:g}")
    if rules.mutable:
        facts.append("read again on SIGHUP")
    if rules.secret:
        facts.append("secret")
    lines += textwrap.wrap(f"({'; '.join(facts)})", WIDTH - 2)
    return [f"# {line}" for line in lines]


def _commented(option: Option) -> list[str]:
    default = option.shown_default
    if option.rules.multi and default:
        return [f"#{option.name} = {_text(value)}" for value in default]
    return [f"#{option.name} = {_text(default)}".rstrip()]


def _choices(choices: tuple[Any, ...]) -> str:
    return ", ".join(_text(choice) or "empty" for choice in choices)


def _text(value: Any) -> str:
    if value is None:
        return "<unset>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ",".join(f"{key}:{_text(item)}" for key, item in value.items())
    return str(value)


if __name__ == "__main__":
    print(reference() if sys.argv[1:] == ["reference"] else sample(), end="")
