from __future__ import annotations

import io
import json
from typing import Any

import pytest

from compute_service.clients.twin.router import Answer, Request, Route, Router
from compute_service.domain.errors import ComputeError, Conflict
from tests.fixtures.mount import Mount


def error_body(error: ComputeError) -> Answer:
    return Answer({"said": error.message}, error.status)


def things(request: Request, thing: str) -> Answer:
    return Answer({"thing": thing, "query": request.query, "root": request.root})


def keep(request: Request) -> Answer:
    return Answer(request.member("thing"), 202, (("X-Kept", "yes"),))


def stream(request: Request) -> Answer:
    return Answer(iter([b"a", b"b"]), content_type="text/plain")


def conflict(request: Request) -> Answer:
    raise Conflict("no")


def broken(request: Request) -> Answer:
    raise ZeroDivisionError


@pytest.fixture
def router() -> Router:
    routes = [
        Route("GET", "/things/{thing}", things),
        Route("POST", "/things", keep),
        Route("GET", "/stream", stream),
        Route("GET", "/conflict", conflict),
        Route("GET", "/broken", broken),
    ]
    return Router(routes, error_body)


Said = tuple[int, dict[str, str], bytes]


def ask(app: Any, method: str, path: str, body: bytes = b"", query: str = "", **environ: Any) -> Said:
    answer: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        answer.update(status=int(status[:3]), headers=dict(headers))

    given = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "here:1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        **environ,
    }
    data = b"".join(app(given, start_response))
    return answer["status"], answer["headers"], data


def test_a_path_finds_its_handler(router: Router) -> None:
    status, headers, body = ask(router, "GET", "/things/a b/", query="x=1&x=2&y=", SCRIPT_NAME="/base")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body) == {
        "thing": "a b",
        "query": [["x", "1"], ["x", "2"], ["y", ""]],
        "root": "http://here:1/base",
    }
    assert headers["Content-Length"] == str(len(body))


def test_head_is_get_without_the_body(router: Router) -> None:
    status, headers, body = ask(router, "HEAD", "/things/a")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 0


def test_a_body_is_read_to_its_length(router: Router) -> None:
    whole = b'{"thing": {"a": 1}}'
    found = ask(router, "POST", "/things", whole + b"of the next request", CONTENT_LENGTH=str(len(whole)))
    assert (found[0], json.loads(found[2]), found[1]["X-Kept"]) == (202, {"a": 1}, "yes")


def test_a_body_without_a_length_ends_where_the_server_says(router: Router) -> None:
    body = b'{"thing": {}}'
    assert (
        ask(router, "POST", "/things", body, CONTENT_LENGTH="", **{"wsgi.input_terminated": True})[0] == 202
    )
    chunked = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    assert ask(router, "POST", "/things", body, **chunked)[0] == 400


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"thing": 1}', b'{"other": {}}', b'"' + b"x" * 5_000_000]
)
def test_a_bad_body_is_told_of(router: Router, body: bytes) -> None:
    status, _, said = ask(router, "POST", "/things", body)
    assert status == 400
    assert json.loads(said)["said"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/things/a/b", 404),
        ("PUT", "/things/a", 405),
        ("GET", "/conflict", 409),
        ("GET", "/broken", 500),
    ],
)
def test_what_fails_has_its_status(router: Router, method: str, path: str, status: int) -> None:
    found, _, body = ask(router, method, path)
    assert found == status
    assert "division" not in body.decode()


def test_a_stream_has_no_length(router: Router) -> None:
    status, headers, body = ask(router, "GET", "/stream")
    assert (status, body, headers["Content-Type"]) == (200, b"ab", "text/plain")
    assert "Content-Length" not in headers


@pytest.mark.parametrize(
    ("path", "status"), [("/a/things/x", 200), ("/a", 404), ("/ab/things/x", 404), ("/", 200), ("/b", 404)]
)
def test_a_mount_hands_on_by_prefix(router: Router, path: str, status: int) -> None:
    assert ask(Mount({"/a": router}), "GET", path)[0] == status


def test_a_mount_moves_the_prefix(router: Router) -> None:
    body = ask(Mount({"/a": router}), "GET", "/a/things/x", SCRIPT_NAME="/base")[2]
    assert json.loads(body)["root"] == "http://here:1/base/a"
