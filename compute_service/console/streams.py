"""The two ends of a session as streams of bytes: the browser's WebSocket and the host's socket."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from typing import Protocol

from websockets.sync.server import ServerConnection

CHUNK = 65_536
_PATIENCE = 60.0
"""Seconds that a host may take to accept what is sent to it."""


class Ended(Exception):
    """A side closed its end."""


class Stream(Protocol):
    """Bytes in and out, in any pieces."""

    def receive(self, timeout: float | None = None) -> bytes:
        """Return the next bytes, at least one. Raises Ended, TimeoutError."""

    def send(self, data: bytes) -> None:
        """Send all of it. Raises Ended."""

    def close(self) -> None:
        """End both directions, whoever waits for them."""


class Browser:
    """The WebSocket of a browser."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    def receive(self, timeout: float | None = None) -> bytes:
        """Return the next message."""
        from websockets.exceptions import ConnectionClosed

        while True:
            try:
                message = self._connection.recv(timeout)
            except ConnectionClosed as closed:
                raise Ended("the browser left") from closed
            if message:
                return message.encode() if isinstance(message, str) else message

    def send(self, data: bytes) -> None:
        """Send one message."""
        from websockets.exceptions import ConnectionClosed

        try:
            self._connection.send(data)
        except ConnectionClosed as closed:
            raise Ended("the browser left") from closed

    def close(self) -> None:
        """Close the WebSocket."""
        self._connection.close()


class Host:
    """The socket of a guest's console; after `encrypt`, TLS on it.

    One thread may receive while another sends. An encrypted socket must not be used by two threads at once,
    so each waits outside the lock and only takes or gives what can be had at once.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        sock.setblocking(False)

    @classmethod
    def connect(cls, host: str, port: int, timeout: float) -> Host:
        """Connect. Raises OSError."""
        sock = socket.create_connection((host, port), timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return cls(sock)

    def encrypt(self, context: ssl.SSLContext, host: str, timeout: float) -> None:
        """Begin TLS on the socket. Raises OSError (ssl.SSLError is one)."""
        self._sock.settimeout(timeout)
        self._sock = context.wrap_socket(self._sock, server_hostname=host)
        self._sock.setblocking(False)

    def receive(self, timeout: float | None = None) -> bytes:
        """Return what has come."""
        while True:
            try:
                with self._lock:
                    data = self._sock.recv(CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(timeout, reads=True)
            except ssl.SSLWantWriteError:
                self._wait(timeout, reads=False)
            except (OSError, ValueError) as error:
                raise Ended(f"the host's console broke off: {error}") from error
            else:
                if not data:
                    raise Ended("the host's console closed")
                return data

    def send(self, data: bytes) -> None:
        """Send all of it."""
        left = memoryview(data)
        while left:
            try:
                with self._lock:
                    left = left[self._sock.send(left) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(_PATIENCE, reads=False)
            except ssl.SSLWantReadError:
                self._wait(_PATIENCE, reads=True)
            except (OSError, ValueError) as error:
                raise Ended(f"the host's console broke off: {error}") from error

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _wait(self, timeout: float | None, reads: bool) -> None:
        poll = select.poll()
        try:
            poll.register(self._sock, select.POLLIN if reads else select.POLLOUT)
        except (OSError, ValueError) as error:
            raise Ended("the session was closed") from error
        if not poll.poll(None if timeout is None else max(timeout, 0.0) * 1000):
            raise TimeoutError("the host's console is silent")


class Exactly:
    """Reads a stream in pieces of known length, for as long as two sides agree on something."""

    def __init__(self, stream: Stream, timeout: float) -> None:
        self._stream, self._timeout = stream, timeout
        self._held = b""

    def read(self, length: int) -> bytes:
        """Return just so many bytes. Raises Ended, TimeoutError."""
        while len(self._held) < length:
            self._held += self._stream.receive(self._timeout)
        found, self._held = self._held[:length], self._held[length:]
        return found

    def rest(self) -> bytes:
        """Return what was received beyond what was read."""
        found, self._held = self._held, b""
        return found
