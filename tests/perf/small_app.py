"""A WSGI application for measuring servers: some work, a usual body, and slow answers on demand."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

_SERVER = {
    "id": "6e2c8f3e-2f0c-4b7c-9a2b-2f5b0d1c7a11",
    "name": "server",
    "links": [{"rel": "self", "href": "/"}],
}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with ten servers; `/slow/300` waits 300 ms first, as for a database."""
    path = environ["PATH_INFO"]
    if path.startswith("/slow/"):
        time.sleep(int(path[6:]) / 1000)
    if environ["REQUEST_METHOD"] == "POST":
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    body = json.dumps({"servers": [_SERVER] * 10}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
