"""Several WSGI applications under one address, each below a prefix of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from compute_service.clients.twin.router import Answer, send

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Mount:
    """Hands a request to the application whose prefix its path begins with, and moves that prefix to
    SCRIPT_NAME. `/` lists the prefixes."""

    def __init__(self, applications: Mapping[str, Application]) -> None:
        self._applications = dict(applications)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a WSGI request."""
        path = environ.get("PATH_INFO", "")
        for prefix, application in self._applications.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
                environ["PATH_INFO"] = path[len(prefix) :]
                return application(environ, start_response)
        if path in ("", "/"):
            return send(Answer({"services": sorted(self._applications)}), start_response)
        return send(Answer({"error": {"code": 404, "message": "Nothing is here."}}, 404), start_response)
