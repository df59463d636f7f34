"""The metadata service as a WSGI application.

It answers health checks; guests' paths come with the hypervisor driver that has guests to ask them, and are
`404 Not Found` until then, which cloud-init takes for "no metadata here" and moves on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

StartResponse = Callable[[str, list[tuple[str, str]]], object]


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request."""
    healthy = environ.get("PATH_INFO") == "/healthcheck"
    body = b"OK" if healthy else b"404 Not Found\n"
    start_response(
        "200 OK" if healthy else "404 Not Found",
        [("Content-Type", "text/plain; charset=UTF-8"), ("Content-Length", str(len(body)))],
    )
    return [b""] if environ.get("REQUEST_METHOD") == "HEAD" else [body]
