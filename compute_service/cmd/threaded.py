"""Serves WSGI applications from threads of this process, on one port: for trying things out and for tests.

Applications are mounted under path prefixes; connections are kept open between requests.
"""

from __future__ import annotations

import io
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote_to_bytes

LOG = logging.getLogger(__name__)

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_LARGEST_CHUNK = 16 * 1024 * 1024


class ThreadedServer:
    """Listens from the start; `start` begins to answer. Port 0 takes any free one; see `port`."""

    def __init__(self, address: str, port: int, mounts: Mapping[str, WsgiApp]) -> None:
        self.mounts = dict(mounts)
        """Path prefix (`/compute`, or `` for the rest) → application; the longest that fits answers."""
        self._busy = 0
        self._idle = threading.Condition()
        self._sockets: set[socket.socket] = set()
        self._server = _Server((address, port), _Handler, self)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="http", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Take no more connections and finish the requests in hand; True when that was done in time."""
        if self._thread.ident is not None:
            self._server.shutdown()
        self._server.server_close()
        deadline = time.monotonic() + timeout
        with self._idle:
            while self._busy:
                left = deadline - time.monotonic()
                if left <= 0 or not self._idle.wait(left):
                    break
            done = not self._busy
            kept = list(self._sockets)
        for one in kept:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        return done

    def find(self, path: str) -> tuple[str, WsgiApp] | None:
        """Return the prefix and application of a path."""
        best: tuple[str, WsgiApp] | None = None
        for prefix, app in self.mounts.items():
            fits = not prefix or path == prefix or path.startswith(f"{prefix}/")
            if fits and (best is None or len(prefix) > len(best[0])):
                best = prefix, app
        return best

    def begin(self) -> None:
        """Note that a request is in hand."""
        with self._idle:
            self._busy += 1

    def end(self) -> None:
        """Note that a request was answered."""
        with self._idle:
            self._busy -= 1
            self._idle.notify_all()

    def keep(self, connection: socket.socket) -> None:
        """Note an open connection."""
        with self._idle:
            self._sockets.add(connection)

    def drop(self, connection: socket.socket) -> None:
        """Note that a connection is closed."""
        with self._idle:
            self._sockets.discard(connection)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[_Handler], site: ThreadedServer) -> None:
        self.site = site
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are no errors of ours."""
        LOG.debug("connection of %s ended", client_address, exc_info=sys.exc_info())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True
    timeout = 60

    def setup(self) -> None:
        super().setup()
        self.server.site.keep(self.connection)

    def finish(self) -> None:
        self.server.site.drop(self.connection)
        super().finish()

    def _answer(self) -> None:
        self.server.site.begin()
        try:
            self._run()
        finally:
            self.server.site.end()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _answer

    def _run(self) -> None:
        path, _, query = self.path.partition("?")
        found = self.server.site.find(path)
        if found is None:
            self.send_error(404)
            return
        body = _Body(self.rfile, self.headers)
        reply = _Reply(self)
        chunks = found[1](self._environ(found[0], path, query, body), reply.start)
        try:
            reply.send(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        if not body.drain():
            self.close_connection = True

    def _environ(self, prefix: str, path: str, query: str, body: _Body) -> dict[str, Any]:
        host, port = self.server.server_address[:2]
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": prefix,
            "PATH_INFO": unquote_to_bytes(path[len(prefix) :]).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BufferedReader(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        if "Content-Length" in self.headers:
            environ["CONTENT_LENGTH"] = self.headers["Content-Length"]
        for name in self.headers:
            key = "HTTP_" + name.upper().replace("-", "_")
            if key not in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"):
                environ[key] = ",".join(self.headers.get_all(name, []))
        return environ

    def log_message(self, format: str, *args: Any) -> None:
        LOG.debug(format, *args)


class _Reply:
    """Collects what the application says and sends it."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler
        self._status = "500 Internal Server Error"
        self._headers: list[tuple[str, str]] = []

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., Any]:
        """WSGI's start_response, without the old `write`."""
        self._status, self._headers = status, headers
        return _no_write

    def send(self, chunks: Iterable[bytes]) -> None:
        """Send the answer: whole when it is a list, else piece by piece."""
        pieces = iter(chunks)
        first = next(pieces, b"")
        code, _, reason = self._status.partition(" ")
        names = {name.lower() for name, _ in self._headers}
        bodiless = code in ("204", "304") or self._handler.command == "HEAD"
        known = "content-length" in names or bodiless
        if not known and isinstance(chunks, list):
            first, pieces = b"".join([first, *pieces]), iter(())
            self._headers.append(("Content-Length", str(len(first))))
            known = True
        handler = self._handler
        handler.send_response(int(code), reason)
        for name, value in self._headers:
            handler.send_header(name, value)
        if not known:
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        if bodiless:
            return
        self._write(first, known)
        for piece in pieces:
            self._write(piece, known)
        if not known:
            handler.wfile.write(b"0\r\n\r\n")

    def _write(self, piece: bytes, plain: bool) -> None:
        if not piece:
            return
        self._handler.wfile.write(piece if plain else b"%x\r\n%b\r\n" % (len(piece), piece))


class _Body(io.RawIOBase):
    """A request's body, whichever way its length is told."""

    def __init__(self, stream: Any, headers: Any) -> None:
        self._stream = stream
        self._chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        length = headers.get("Content-Length", "0")
        self._left = 0 if self._chunked or not length.isdigit() else int(length)
        self._ended = not self._chunked and not self._left

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with what comes next; 0 at the end."""
        if not self._ended and not self._left and self._chunked:
            self._next_chunk()
        if self._ended:
            return 0
        data = self._stream.read(min(len(buffer), self._left))
        if not data:
            self._ended = True
            return 0
        buffer[: len(data)] = data
        self._left -= len(data)
        if not self._left:
            if self._chunked:
                self._stream.readline(8)
            else:
                self._ended = True
        return len(data)

    def drain(self) -> bool:
        """Read what the application left, within reason; False when there is more."""
        rest = bytearray(65536)
        for _ in range(16):
            if self.readinto(rest) == 0:
                return True
        return self._ended

    def _next_chunk(self) -> None:
        try:
            self._left = int(self._stream.readline(64).split(b";")[0], 16)
        except ValueError:
            self._left = 0
        if not 0 < self._left <= _LARGEST_CHUNK:
            self._left, self._ended = 0, True
            self._stream.readline(8)


def _no_write(_data: bytes) -> None:
    raise NotImplementedError("answers are returned, not written")
