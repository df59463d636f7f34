"""Links in answers: `self` (with the version) and `bookmark` (without), as absolute addresses."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from compute_service.api.shape import View


class Link(View):
    """One link."""

    rel: str
    href: str


class Links:
    """The links of one request. The project is in them only when it was in the request's address."""

    __slots__ = ("bookmark", "own", "root")

    def __init__(self, root: str, version: str, project: str | None) -> None:
        self.root = root
        inside = f"/{project}" if project else ""
        self.own = f"{root}/{version}{inside}"
        self.bookmark = f"{root}{inside}"

    def of(self, path: str) -> list[Link]:
        """Return the two links of a resource, such as "servers/<uuid>"."""
        return [
            Link(rel="self", href=f"{self.own}/{path}"),
            Link(rel="bookmark", href=f"{self.bookmark}/{path}"),
        ]


def application_root(environ: dict[str, Any], prefix: str | None) -> str:
    """Return the address the API is reached under, without a version and a final slash.

    `prefix` is `[api]compute_link_prefix`: it takes the place of scheme and host, and its path goes before
    ours.
    """
    script = str(environ.get("SCRIPT_NAME", "")).rstrip("/")
    if prefix:
        parts = urlsplit(prefix)
        return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}{script}"
    scheme = environ["wsgi.url_scheme"]
    host = environ.get("HTTP_HOST")
    if not host:
        host = environ["SERVER_NAME"]
        if (scheme, environ["SERVER_PORT"]) not in (("http", "80"), ("https", "443")):
            host = f"{host}:{environ['SERVER_PORT']}"
    return f"{scheme}://{host}{script}"
