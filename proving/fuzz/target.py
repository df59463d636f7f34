"""Where requests go: a whole site in this process, asked without a socket."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from compute_service.api.app import ROUTE
from proving.fuzz.ask import Answer, Ask

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Target(Protocol):
    """Answers requests."""

    def send(self, ask: Ask) -> Answer:
        """Send one and return its answer."""
        ...


class Traces(logging.Handler):
    """Keeps where the last error that a thread logged was raised."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._last = threading.local()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one."""
        if record.exc_info is None or record.exc_info[1] is None:
            return
        error = record.exc_info[1]
        trace = error.__traceback__
        frames = []
        while trace is not None:
            frames.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
            trace = trace.tb_next
        said = " ".join(str(error).split())
        self._last.trace = f"{type(error).__name__} at {' > '.join(frames[-4:])}: {said[:300]}"

    def take(self) -> str:
        """Return what this thread's last one said, once."""
        said: str = getattr(self._last, "trace", "")
        self._last.trace = ""
        return said


class InProcess:
    """A WSGI application, called directly."""

    def __init__(self, app: WsgiApp) -> None:
        self._app = app
        self._traces = Traces()
        logging.getLogger("compute_service").addHandler(self._traces)

    def close(self) -> None:
        """Stop listening to the log."""
        logging.getLogger("compute_service").removeHandler(self._traces)

    def send(self, ask: Ask) -> Answer:
        """Send one and return its answer; an exception that escapes is a status of 599."""
        environ = environ_of(ask)
        seen: list[tuple[str, list[tuple[str, str]]]] = []
        began = time.monotonic()
        try:
            parts = self._app(environ, lambda status, headers, exc=None: seen.append((status, headers)))
            body = b"".join(parts)
        except Exception as error:
            logging.getLogger("compute_service").exception("escaped")
            seen, body = [("599 Escaped", [])], repr(error).encode()
        status, headers = seen[-1]
        return Answer(
            int(status.split(" ", 1)[0]),
            tuple(headers),
            body,
            time.monotonic() - began,
            environ.get(ROUTE),
            self._traces.take(),
        )


def environ_of(ask: Ask) -> dict[str, Any]:
    """Return what a server would tell the application of a request."""
    path, _, query = ask.target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": ask.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8774",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8774",
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.input": io.BytesIO(ask.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if ask.body:
        environ["CONTENT_LENGTH"] = str(len(ask.body))
    for name, value in ask.headers:
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    return environ
