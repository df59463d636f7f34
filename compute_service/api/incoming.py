"""Reading a request's path and body from WSGI."""

from __future__ import annotations

from typing import Any

import msgspec

from compute_service.api.context import Environ
from compute_service.api.discovery import MEDIA
from compute_service.api.edge import JSON
from compute_service.api.errors import BadMediaType
from compute_service.domain.errors import Invalid


def path_of(environ: Environ) -> str:
    """Return the path as text; one that is not UTF-8 leads nowhere."""
    path: str = environ.get("PATH_INFO", "")
    if path.isascii():
        return path
    return path.encode("latin-1").decode("utf-8", "replace")


_JSON_TYPES = (JSON, MEDIA, "text/plain", "")


def raw_body(environ: Environ) -> bytes:
    """Return the body. Raises BadMediaType, or Invalid when it is shorter than announced."""
    kind = (environ.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower()
    if kind not in _JSON_TYPES:
        raise BadMediaType(f"Unsupported Content-Type {kind}")
    stream, length = environ["wsgi.input"], environ.get("CONTENT_LENGTH") or ""
    if length.isdigit():
        raw: bytes = stream.read(int(length))
        if len(raw) < int(length):
            raise Invalid("The request body ended early.")
        return raw
    return stream.read() if environ.get("HTTP_TRANSFER_ENCODING") else b""


def decoded(raw: bytes) -> Any:
    """Return a JSON body. Raises Invalid."""
    if not raw:
        raise Invalid("Malformed request body")
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid("Malformed request body") from None


def action_of(raw: bytes) -> tuple[str, Any]:
    """Return the name and the value of the only key of a body. Raises Invalid."""
    body = decoded(raw)
    if not isinstance(body, dict) or len(body) != 1:
        raise Invalid("Malformed request body")
    return next(iter(body.items()))
