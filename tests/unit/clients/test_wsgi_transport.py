from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import requests

from compute_service.clients.wsgi_transport import WsgiTransport

Environ = dict[str, Any]


@pytest.fixture
def seen() -> list[Environ]:
    return []


@pytest.fixture
def session(seen: list[Environ]) -> requests.Session:
    def echo(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.append(environ)
        start_response("201 Made", [("X-One", "1"), ("X-Many", "a"), ("X-Many", "b")])
        return [environ["wsgi.input"].read(), b"!"]

    made = requests.Session()
    made.mount("http://app.invalid/base", WsgiTransport(echo, "http://app.invalid/base"))
    return made


def test_a_request_arrives_as_wsgi_has_it(session: requests.Session, seen: list[Environ]) -> None:
    response = session.post(
        "http://app.invalid/base/a%20b/c?x=1&y=%26", data=b"body", headers={"X-Me": "you"}
    )
    (environ,) = seen
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/base", "/a b/c")
    assert (environ["QUERY_STRING"], environ["HTTP_X_ME"]) == ("x=1&y=%26", "you")
    assert (environ["CONTENT_LENGTH"], environ["HTTP_HOST"]) == ("4", "app.invalid")
    assert (response.status_code, response.reason, response.content) == (201, "Made", b"body!")
    assert (response.headers["x-one"], response.headers["X-Many"]) == ("1", "b")


@pytest.mark.parametrize("data", [b"", "text", b"\x00" * 100_000])
def test_bodies_go_there_and_back(session: requests.Session, data: bytes | str) -> None:
    answer = session.put("http://app.invalid/base", data=data).content
    assert answer == (data.encode() if isinstance(data, str) else data) + b"!"


def test_an_iterator_is_sent_in_pieces(session: requests.Session, seen: list[Environ]) -> None:
    assert session.put("http://app.invalid/base", data=iter([b"a" * 9000, b"", b"b"])).content == (
        b"a" * 9000 + b"b!"
    )
    assert "CONTENT_LENGTH" not in seen[0]


def test_an_answer_is_made_as_it_is_read_and_closed_in_the_end() -> None:
    made: list[int] = []
    closed: list[bool] = []

    def endless(environ: Environ, start_response: Callable[..., Any]) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            for number in range(1000):
                made.append(number)
                yield b"x" * 1000
        finally:
            closed.append(True)

    session = requests.Session()
    session.mount("http://app.invalid", WsgiTransport(endless, "http://app.invalid"))
    response = session.get("http://app.invalid/", stream=True)
    assert next(response.iter_content(500)) == b"x" * 500
    assert len(made) < 100
    response.close()
    assert closed == [True]
