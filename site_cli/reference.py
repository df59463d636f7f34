"""Prints the reference page of sites from the bundle: `python -m site_cli.reference docs/reference/site.md`.

A page that differs from what the bundle says fails the tests, so it cannot fall behind.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
_WITHIN = frozenset({"hosts", "services"})
"""Playbooks that others import, and nobody runs."""
_VARIABLE = re.compile(r"^(stratus_[a-z0-9_]+):")
_LONGEST = 130
"""Characters of a default that are shown; of a longer one, where it is."""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def playbooks() -> Iterator[tuple[str, str]]:
    """Give each playbook that people run, and what it does by its own first comment."""
    for path in sorted((ROOT / "playbooks").glob("*.yml")):
        if path.stem not in _WITHIN:
            comment = next(line for line in path.read_text().splitlines() if line.startswith("# "))
            yield f"`playbooks/{path.name}`", comment.removeprefix("# ")


def variables(path: Path) -> Iterator[tuple[str, str, str]]:
    """Give the variables of a file that a comment explains: name, default, the comment."""
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    said: list[str] = []
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            said.append(line.lstrip("# "))
        elif (found := _VARIABLE.match(line)) and said:
            yield f"`{found[1]}`", _shown(values[found[1]], path), " ".join(said)
            said = []


def _shown(value: object, path: Path) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{text}`" if len(text) <= _LONGEST else f"see `{path.relative_to(ROOT)}`"


def secrets() -> Iterator[tuple[str, str]]:
    """Give each secret of a site and its kind."""
    wanted = yaml.safe_load((ROOT / "playbooks/group_vars/all/secrets_wanted.yml").read_text())
    for name, kind in sorted(wanted["stratus_secrets_wanted"].items()):
        yield f"`{name}`", str(kind)


def options(role: str) -> Iterator[tuple[str, str, str, str]]:
    """Give the options of a role: name, type, default, what it says."""
    spec = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text())
    for name, option in sorted(spec["argument_specs"]["main"].get("options", {}).items()):
        yield f"`{name}`", _kind(option), _default(option), _words(option.get("description", ""))


def _kind(option: dict[str, Any]) -> str:
    kind = str(option.get("type", "str"))
    return f"{kind} of {option['elements']}" if "elements" in option else kind


def _default(option: dict[str, Any]) -> str:
    if option.get("required"):
        return "required"
    default = option.get("default")
    return "" if default is None else f"`{json.dumps(default) if not isinstance(default, str) else default}`"


def _words(description: str | list[str]) -> str:
    return description if isinstance(description, str) else " ".join(description)


def roles() -> Iterator[str]:
    """Give a chapter for each role."""
    for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        role = path.parts[-3]
        about = yaml.safe_load(path.read_text())["argument_specs"]["main"]["short_description"]
        rows = list(options(role))
        body = table(("option", "type", "default", "what it says"), rows) if rows else "No options.\n"
        yield f"### {role}\n\n{about}.\n\n{body}"


def page() -> str:
    """Return the page."""
    inventory = ROOT / "inventories/aio/group_vars/all"
    heads = ("variable", "default", "what it says")
    parts = [
        "# Sites: playbooks, variables, secrets, roles\n",
        "Printed from the bundle by `python -m site_cli.reference docs/reference/site.md`; do not edit.\n",
        "## Playbooks\n",
        table(("playbook", "what it does"), playbooks()),
        "## Variables of an inventory\n",
        "An inventory's `group_vars` or hosts may set them; what they are otherwise:\n",
        table(heads, (row for path in sorted(inventory.glob("*.yml")) for row in variables(path))),
        "## What hosts must have\n",
        table(heads, variables(ROOT / "playbooks/group_vars/all/hosts.yml")),
        "## Secrets\n",
        "Generated once, into `group_vars/all/secrets.yml` beside the inventory.\n",
        table(("secret", "kind"), secrets()),
        "## Options of the roles\n",
        "Playbooks give the roles what they need; these are for those who use a role by itself.\n",
        *roles(),
    ]
    return "\n".join(parts)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page to a file."""
    parser = argparse.ArgumentParser(prog="site_cli.reference", description=__doc__)
    parser.add_argument("file", type=Path, help="the file to write")
    parser.parse_args(argv).file.write_text(page())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
