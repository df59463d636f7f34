"""Other passwords for a site: written into its secrets.yml, as an operator does it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import yaml

_FILE = "group_vars/all/secrets.yml"
_KEY = "stratus_secrets"


def told_secrets(inventory: Path) -> dict[str, str]:
    """Return the secrets of a site that are text, by name; none for one that has none yet."""
    path = inventory / _FILE
    if not path.exists():
        return {}
    found = yaml.safe_load(path.read_text())[_KEY]
    return {name: value for name, value in found.items() if isinstance(value, str)}


def rotate(inventory: Path) -> list[str]:
    """Give every password another value, and return their names."""
    path = inventory / _FILE
    document = yaml.safe_load(path.read_text())
    names = [name for name in document[_KEY] if name.endswith("_password")]
    document[_KEY] |= {name: secrets.token_urlsafe(24) for name in names}
    temporary = path.with_suffix(".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        yaml.safe_dump(document, file)
    temporary.replace(path)
    return names
