"""Addresses of databases and brokers as operators see and derive them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SECRETS = re.compile(r"(?i)([?&](?:password|passwd|ssl_password|token)=)[^&]*")


def masked(url: str) -> str:
    """Return a URL with its passwords as ****, in the user's part of each host and in the query.

    A URL without a host is written short, as none:/ for none:///.
    """
    split = urlsplit(url)
    if not split.netloc and not split.query and split.path in ("", "/"):
        return f"{split.scheme}:{split.path}"
    start = url.find("://")
    if start < 0:
        return url
    head, rest = url[: start + 3], url[start + 3 :]
    netloc, slash, tail = rest.partition("/")
    hosts = [_hidden(place) for place in _places(netloc)]
    return _SECRETS.sub(r"\1****", head + ",".join(hosts) + slash + tail)


def _places(netloc: str) -> list[str]:
    """Split `user:password@host,user:password@host`; a comma in a password belongs to the password."""
    places: list[str] = []
    for part in netloc.split(","):
        if places and "@" not in places[-1] and ":" in places[-1] and "@" in part:
            places[-1] += f",{part}"
        else:
            places.append(part)
    return places


def _hidden(place: str) -> str:
    user, at, host = place.rpartition("@")
    name, colon, _ = user.partition(":")
    return f"{name}:****@{host}" if at and colon else place


def cell0_url(connection: str) -> str:
    """Return where cell0's database is by convention: the cell's own, with _cell0 behind its name."""
    base, mark, query = connection.partition("?")
    return f"{base}_cell0{mark}{query}"
