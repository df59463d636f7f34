"""The forms that texts may have: each reader returns the value, or raises ValueError."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import unicodedata
import uuid
from collections.abc import Callable
from datetime import UTC, datetime


def printable(value: str) -> bool:
    """Tell whether a text has no control characters, line breaks or unassigned code points."""
    return value.isprintable() or all(
        unicodedata.category(c)[0] != "C" and c not in "\u2028\u2029" for c in value
    )


def read_uuid(value: str) -> str:
    """Return a UUID in its canonical form. Raises ValueError."""
    return str(uuid.UUID(value))


def read_time(value: str) -> datetime:
    """Return an ISO 8601 time as a naive datetime in UTC. Raises ValueError."""
    found = datetime.fromisoformat(value.strip())
    try:
        return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError(str(error)) from None


def read_regex(value: str) -> str:
    """Return a regular expression that compiles. Raises ValueError."""
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(str(error)) from None
    return value


def read_ip(version: int) -> Callable[[str], str]:
    """Return a reader of addresses of a version, 4 or 6; 0: of both. They are read in their shortest form."""

    def read(value: str) -> str:
        found = ipaddress.ip_address(value)
        if version not in (0, found.version):
            raise ValueError(value)
        return str(found)

    return read


def read_base64(value: str) -> str:
    """Return a text that is base64, blanks and line breaks apart. Raises ValueError."""
    try:
        base64.b64decode("".join(value.split()), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    return value
