"""Database addresses: the forms operators write, and the `{templates}` of cell mappings.

A mapping's URL may hold `{scheme}`, `{username}`, `{password}`, `{hostname}`, `{port}`, `{path}`, `{query}`
and `{fragment}`; each process fills them from its own configured URL. Where that is a transport URL with
several hosts, their parts are numbered from one: `{username2}`, `{hostname2}` and so on.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from compute_service.domain.errors import Invalid

_PLACEHOLDER = re.compile(r"\{([a-z]+[0-9]*)\}")
_DRIVERS = {
    "mysql": "mysql+pymysql",
    "mysql+mysqldb": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg2": "postgresql+psycopg",
}
_KNOWN = frozenset({"sqlite", "mysql", "postgresql"})


def database_url(text: str) -> URL:
    """Return the URL of a database as SQLAlchemy wants it. Raises Invalid when it is none we can serve."""
    scheme, separator, rest = text.partition("://")
    try:
        url = make_url(f"{_DRIVERS.get(scheme, scheme)}{separator}{rest}")
    except (ArgumentError, ValueError) as error:
        raise Invalid("A database connection is not a URL.") from error
    if url.get_backend_name() not in _KNOWN:
        raise Invalid(f"Databases of the kind {url.get_backend_name()} are not supported.")
    return url


def fill_url(template: str, own: str | None) -> str:
    """Return a mapping's URL with its templates filled from `own`. Raises Invalid when a part is missing."""
    if "{" not in template:
        return template
    parts = _parts(own) if own else {}

    def part(match: re.Match[str]) -> str:
        found = parts.get(match[1])
        if found is None:
            raise Invalid(f"The part {match[0]} of a cell's URL is not in this process's own URL.")
        return found

    return _PLACEHOLDER.sub(part, template)


def _parts(own: str) -> dict[str, str]:
    """Return the parts of a URL, still quoted as they were."""
    split = urlsplit(own)
    found = {
        "scheme": split.scheme,
        "path": split.path.removeprefix("/"),
        "query": split.query,
        "fragment": split.fragment,
    }
    for number, place in enumerate(split.netloc.split(","), start=1):
        user, _, where = place.rpartition("@")
        username, _, password = user.partition(":")
        one = SplitResult("", where, "", "", "")
        port = "" if one.port is None else str(one.port)
        host = where.removesuffix(f":{port}") if port else where
        for name, value in (
            ("username", username),
            ("password", password),
            ("hostname", host),
            ("port", port),
        ):
            found[f"{name}{number}"] = value
            found.setdefault(name, value)
    return found
