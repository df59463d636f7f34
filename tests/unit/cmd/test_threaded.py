from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from compute_service.cmd.threaded import ThreadedServer


def echo(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with what was asked."""
    path = environ["PATH_INFO"]
    if path == "/slow":
        time.sleep(0.4)
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (piece for piece in (b"one,", b"", b"two"))
    if path == "/none":
        start_response("204 No Content", [])
        return []
    if path == "/unread":
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]
    seen = {name: environ.get(name) for name in ("SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_X_THING")}
    seen["body"] = environ["wsgi.input"].read().decode()
    start_response("201 Created", [("X-Reply", "a"), ("X-Reply", "b")])
    return [json.dumps(seen).encode()]


@pytest.fixture
def server() -> Iterator[ThreadedServer]:
    """A server with an application at the root and under a prefix."""
    made = ThreadedServer("127.0.0.1", 0, {"": echo, "/image": echo, "/image/v2": echo})
    made.start()
    yield made
    made.stop(1)


@pytest.fixture
def connection(server: ThreadedServer) -> Iterator[http.client.HTTPConnection]:
    """A connection to it."""
    made = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    yield made
    made.close()


def test_the_longest_prefix_that_fits_decides(
    connection: http.client.HTTPConnection,
) -> None:
    connection.request("POST", "/image/v2/a%20b?x=1&y", b"body", {"X-Thing": "t"})
    answer = connection.getresponse()
    assert answer.status == 201
    assert answer.headers.get_all("X-Reply") == ["a", "b"]
    assert json.loads(answer.read()) == {
        "SCRIPT_NAME": "/image/v2",
        "PATH_INFO": "/a b",
        "QUERY_STRING": "x=1&y",
        "HTTP_X_THING": "t",
        "body": "body",
    }
    connection.request("GET", "/images")
    assert json.loads(connection.getresponse().read())["SCRIPT_NAME"] == ""


def test_a_connection_serves_many_requests_of_every_kind(connection: http.client.HTTPConnection) -> None:
    for _ in range(3):
        connection.request("POST", "/unread", b"x" * 100_000)
        assert connection.getresponse().read() == b"ok"
        connection.request("GET", "/stream")
        assert connection.getresponse().read() == b"one,two"
        connection.request("DELETE", "/none")
        assert connection.getresponse().read() == b""
        connection.request("HEAD", "/anything")
        answer = connection.getresponse()
        assert answer.status == 201
        assert answer.read() == b""
        connection.request(
            "PUT",
            "/x",
            iter([b"one", b"two" * 10_000]),
            {"Transfer-Encoding": "chunked"},
            encode_chunked=True,
        )
        assert json.loads(connection.getresponse().read())["body"] == "one" + "two" * 10_000


def test_a_path_without_an_application_is_not_found() -> None:
    server = ThreadedServer("127.0.0.1", 0, {"/only": echo})
    server.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", "/other")
    assert connection.getresponse().status == 404
    connection.close()
    server.stop(1)


def test_stopping_finishes_the_requests_in_hand(server: ThreadedServer) -> None:
    answers: list[int] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/slow")
        answers.append(connection.getresponse().status)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.15)
    assert server.stop(5)
    for thread in threads:
        thread.join(5)
    assert answers == [201] * 4
    with pytest.raises(OSError, match="refused"):
        ask()


def test_stopping_does_not_wait_for_kept_connections(
    server: ThreadedServer, connection: http.client.HTTPConnection
) -> None:
    connection.request("GET", "/x")
    connection.getresponse().read()
    started = time.monotonic()
    assert server.stop(5)
    assert time.monotonic() - started < 1


def test_stopping_tells_when_requests_were_left(server: ThreadedServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request("GET", "/slow")
    time.sleep(0.1)
    assert not server.stop(0.05)
    connection.close()
