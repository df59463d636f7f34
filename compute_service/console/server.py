"""A console proxy: serves the web client's files, and opens consoles to who has a token for one.

    browser ── WebSocket, TLS ── proxy ── the hypervisor's port (VNC: encrypted as [vnc] auth_schemes says)

A request without a good token is answered 403 before any WebSocket comes to be; 503 means that nobody could
tell, and that it may be tried again.
"""

from __future__ import annotations

import http
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from compute_service.console.admission import page_may, token_of
from compute_service.console.pages import Pages
from compute_service.console.relay import relay
from compute_service.console.rfb import Refused, Scheme, negotiate
from compute_service.console.streams import Browser, Ended, Host
from compute_service.domain.console import ConsoleToken
from compute_service.domain.errors import ComputeError, NotFound

LOG = logging.getLogger(__name__)

BINARY = "binary"
"""The WebSocket subprotocol of older clients; newer ones name none."""
_CONNECT = 10.0
"""Seconds to connect to a host."""
_OPENING = 30.0
"""Seconds that a browser, and the conductor about its token, may take until the WebSocket is open."""
_LARGEST = 16 * 1024 * 1024
"""Bytes of one message from a browser: the clipboard is the largest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proxy:
    """What one proxy does."""

    kind: str
    """The type of console it opens."""
    find: Callable[[str], ConsoleToken]
    """What a token opens. Raises NotFound and other errors of ours."""
    pages: Pages
    origins: tuple[str, ...] = ()
    """Hosts whose pages may open consoles, beside the proxy's own."""
    sessions: int = 1000
    """How many may be open at a time."""
    end_with_token: bool = False
    """Whether a session ends when its token runs out."""
    schemes: Callable[[str], dict[int, Scheme]] | None = None
    """The ways to sign in to a host's VNC server; None: the host is not spoken to before the browser is."""
    clock: Callable[[], float] = time.time


class Session(ServerConnection):
    """A browser's connection, and what it was admitted to."""

    admitted: ConsoleToken | None = None


@dataclass(slots=True)
class ConsoleServer:
    """A proxy on a socket that listens."""

    proxy: Proxy
    listener: socket.socket
    tls: ssl.SSLContext | None = None
    _server: Server | None = None
    _thread: threading.Thread | None = None
    _busy: threading.Semaphore = field(init=False)
    port: int = field(init=False)

    def __post_init__(self) -> None:
        self._busy = threading.Semaphore(self.proxy.sessions)
        self.port = int(self.listener.getsockname()[1])

    def start(self) -> None:
        """Begin to serve."""
        more: dict[str, Any] = {} if self.tls is None else {"ssl": self.tls}
        self._server = serve(
            self._session,  # type: ignore[arg-type]
            sock=self.listener,
            process_request=self._answer,  # type: ignore[arg-type]
            select_subprotocol=_subprotocol,
            create_connection=Session,
            compression=None,
            server_header=None,
            open_timeout=_OPENING,
            max_size=_LARGEST,
            logger=LOG.getChild("websocket"),
            **more,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="accept", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Take no more sessions and close those there are; True when that was done in time."""
        if self._server is None:
            return True
        closing = threading.Thread(target=self._server.shutdown, name="close", daemon=True)
        closing.start()
        closing.join(timeout)
        return not closing.is_alive()

    def _answer(self, session: Session, request: Request) -> Response | None:
        """Answer a request that opens no console; None lets the WebSocket open."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return self._page(request)
        try:
            session.admitted = self._admit(request)
        except Refused as refusal:
            LOG.info("a console was refused: %s", refusal)
            return _reply(http.HTTPStatus.FORBIDDEN, "This console is not open to you.")
        except ComputeError as error:
            LOG.warning("a token could not be looked up: %s", error.message)
            return _reply(http.HTTPStatus.SERVICE_UNAVAILABLE, "The console cannot be opened at the moment.")
        return None

    def _page(self, request: Request) -> Response:
        if request.path.partition("?")[0] == "/healthcheck":
            return _reply(http.HTTPStatus.OK, "OK")
        found = self.proxy.pages.read(request.path)
        if found is None:
            return _reply(http.HTTPStatus.NOT_FOUND, "There is no such page.")
        return _reply(http.HTTPStatus.OK, found[1], found[0])

    def _admit(self, request: Request) -> ConsoleToken:
        token = token_of(request.path, request.headers.get_all("Cookie"))
        if token is None:
            raise Refused("no token was given")
        try:
            found = self.proxy.find(token)
        except NotFound as error:
            raise Refused("the token opens nothing, or no longer") from error
        console = found.console
        if console.type != self.proxy.kind:
            raise Refused(f"the token is for a console of type {console.type}")
        origin, host = request.headers.get("Origin"), request.headers.get("Host")
        if not page_may(origin, host, console.url, self.proxy.origins):
            raise Refused(f"a page of {origin} may not open consoles at {host}")
        return found

    def _session(self, session: Session) -> None:
        if session.admitted is None:
            return
        if not self._busy.acquire(blocking=False):
            LOG.error("all %d console sessions are taken", self.proxy.sessions)
            session.close(1013, "too many consoles are open")
            return
        try:
            self._carry(session, session.admitted)
        finally:
            self._busy.release()

    def _carry(self, session: Session, token: ConsoleToken) -> None:
        console, browser = token.console, Browser(session)
        name = f"{console.type} console of server {token.server}"
        LOG.info("%s opens at %s:%d", name, console.host, console.port)
        try:
            host = Host.connect(console.host, console.port, _CONNECT)
        except OSError as error:
            LOG.warning("%s: %s:%d cannot be reached: %s", name, console.host, console.port, error)
            session.close(1011, "the console cannot be reached")
            return
        try:
            self._sign_in(browser, host, console.host)
            left = token.expires - self.proxy.clock() if self.proxy.end_with_token else None
            why = relay(browser, host, left)
            LOG.info("%s closes: %s", name, why)
        except (Refused, Ended, TimeoutError, OSError, ComputeError) as error:
            LOG.warning("%s was not opened: %s", name, error)
            session.close(1011, "the console cannot be opened")
        finally:
            host.close()

    def _sign_in(self, browser: Browser, host: Host, name: str) -> None:
        if self.proxy.schemes is None:
            return
        early, told = negotiate(browser, host, self.proxy.schemes(name))
        if early:
            host.send(early)
        if told:
            browser.send(told)


def _subprotocol(_session: ServerConnection, offered: Any) -> Any:
    return BINARY if BINARY in offered else None


def _reply(status: http.HTTPStatus, body: str | bytes, kind: str = "text/plain; charset=utf-8") -> Response:
    data = body.encode() if isinstance(body, str) else body
    headers = Headers(
        {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            "Connection": "close",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        }
    )
    return Response(status.value, status.phrase, headers, data)
