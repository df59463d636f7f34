"""Takes a site's secrets out of text that is kept or shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from site_cli.vault import opened

HIDDEN = "********"
_SHORTEST = 6


def secrets_of(inventory: Path) -> tuple[str, ...]:
    """Return the secrets that a site's inventory holds, the longest first; none of a file that stays shut."""
    import yaml

    folder = inventory if inventory.is_dir() else inventory.parent
    try:
        told = yaml.safe_load(opened(folder / "group_vars/all/secrets.yml"))
    except (OSError, yaml.YAMLError):
        return ()
    found = {text for text in _texts(told) if len(text) >= _SHORTEST} if isinstance(told, dict) else set()
    return tuple(sorted(found, key=len, reverse=True))


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Return the text without any of the secrets."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value
