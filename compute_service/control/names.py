"""What the service makes up: host names, names of equal servers, reservations, passwords."""

from __future__ import annotations

import re
import secrets
import string

_LONGEST_HOSTNAME = 63
_TO_HYPHEN = re.compile(r"[ _.]")
_NOT_IN_HOSTNAMES = re.compile(r"[^a-z0-9-]")
_RESERVATION_LETTERS = string.ascii_lowercase + string.digits
_PASSWORD_GROUPS = (
    "23456789",
    "ABCDEFGHJKLMNPQRSTUVWXYZ",
    "abcdefghijkmnopqrstuvwxyz",
)
"""Without the signs that are mistaken for one another."""


def hostname_of(display_name: str, uuid: str) -> str:
    """Return the host name a server gets from its name: at most 63 letters, digits and hyphens.

    A name that leaves nothing gives `server-<uuid>`.
    """
    plain = display_name.encode("ascii", "ignore").decode()
    hyphened = _TO_HYPHEN.sub("-", plain).lower()
    name = _NOT_IN_HOSTNAMES.sub("", hyphened).strip("-")[:_LONGEST_HOSTNAME].rstrip("-")
    return name or f"server-{uuid}"


def names_of(name: str, count: int) -> tuple[str, ...]:
    """Return the names of `count` servers of one request: the name itself, or numbered from 1."""
    if count == 1:
        return (name,)
    return tuple(f"{name}-{number}" for number in range(1, count + 1))


def new_reservation_id() -> str:
    """Return `r-` and eight letters or digits."""
    return "r-" + "".join(secrets.choice(_RESERVATION_LETTERS) for _ in range(8))


def new_password(length: int) -> str:
    """Return a random password of which each kind of sign is in it, length permitting."""
    every = "".join(_PASSWORD_GROUPS)
    signs = [secrets.choice(group) for group in _PASSWORD_GROUPS][:length]
    signs += [secrets.choice(every) for _ in range(length - len(signs))]
    secrets.SystemRandom().shuffle(signs)
    return "".join(signs)
