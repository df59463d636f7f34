"""Passing a user's request on to a twin in this process."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from compute_service.clients.http import kind_of, text_of
from compute_service.clients.neutron_http import NETWORK_ERRORS
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class TwinRelay:
    """The `Relay` port over a WSGI application before which nothing checks tokens."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def address(self) -> str:
        """Return where the service would be."""
        return "http://twin"

    def ask(
        self,
        ctx: Context,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the answer's JSON, or None where it has no body."""
        sent = b"" if body is None else msgspec.json.encode(body)
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": urlencode(query),
            "CONTENT_LENGTH": str(len(sent)),
            "CONTENT_TYPE": (headers or {}).get("Content-Type", "application/json"),
            "SERVER_NAME": "twin",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(sent),
            "HTTP_X_USER_ID": ctx.user_id,
            "HTTP_X_PROJECT_ID": ctx.project_id,
            "HTTP_X_ROLES": ",".join(ctx.roles),
        }
        status: list[int] = []
        answer = b"".join(self._app(environ, lambda line, headers: status.append(int(line.split()[0]))))
        if status[0] >= 300:
            raise _error(status[0], answer)
        return msgspec.json.decode(answer) if answer else None


def _error(status: int, answer: bytes) -> ComputeError:
    """Return what a failed answer says, in JSON or as a page."""
    try:
        body = msgspec.json.decode(answer)
    except msgspec.DecodeError:
        return kind_of(status)(text_of(answer.decode(errors="replace")))
    told = body.get("NeutronError") if isinstance(body, dict) else None
    if not isinstance(told, dict):
        return kind_of(status)(str(body))
    return NETWORK_ERRORS.get(told["type"], kind_of(status))(told["message"])
