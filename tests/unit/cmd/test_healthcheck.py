from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from typing import Any

import pytest

from compute_service.cmd.healthcheck import Remembered, with_health


def inner(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Stands in for the API."""
    start_response("401 Unauthorized", [])
    return [b"token?"]


def ask(
    path: str, ready: bool = True, method: str = "GET", accept: str = ""
) -> tuple[str, dict[str, str], bytes]:
    """Return status, headers and body of one request."""
    seen: list[Any] = []
    environ = {"PATH_INFO": path, "REQUEST_METHOD": method, "HTTP_ACCEPT": accept}
    body = b"".join(with_health(inner, lambda: ready)(environ, lambda *answer: seen.extend(answer)))
    return seen[0], dict(seen[1]), body


def test_health_is_answered_without_a_token_and_all_else_is_passed_on() -> None:
    assert ask("/healthcheck")[0::2] == ("200 OK", b"OK")
    assert ask("/healthcheck/live")[0::2] == ("200 OK", b"OK")
    for path in ("/", "/v2.1/servers", "/healthcheck/more", "/healthchecks"):
        assert ask(path)[0::2] == ("401 Unauthorized", b"token?")


def test_who_is_not_ready_is_alive_and_says_no_more_than_that() -> None:
    assert ask("/healthcheck", ready=False)[0::2] == ("503 Service Unavailable", b"Service Unavailable")
    assert ask("/healthcheck/live", ready=False)[0] == "200 OK"


def test_json_is_answered_where_it_is_asked_for() -> None:
    status, headers, body = ask("/healthcheck", accept="application/json")
    assert (status, headers["Content-Type"]) == ("200 OK", "application/json")
    assert json.loads(body) == {"detailed": False, "reasons": ["OK"]}


def test_a_head_has_no_body_and_others_are_refused() -> None:
    status, headers, body = ask("/healthcheck", method="HEAD")
    assert (status, headers["Content-Length"], body) == ("200 OK", "2", b"")
    status, headers, _ = ask("/healthcheck", method="POST")
    assert (status, headers["Allow"]) == ("405 Method Not Allowed", "GET, HEAD")


def test_answers_are_not_kept_by_proxies() -> None:
    assert ask("/healthcheck")[1]["Cache-Control"] == "no-store"


def test_an_outcome_is_believed_for_a_while() -> None:
    looks: list[int] = []
    check = Remembered(lambda: looks.append(1), fresh=0.2)
    assert [check() for _ in range(5)] == [True] * 5
    assert len(looks) == 1
    time.sleep(0.25)
    check()
    assert len(looks) == 2


def test_a_check_that_hangs_holds_one_thread_only() -> None:
    let, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        let.wait(10)
        raise RuntimeError("no database")

    check = Remembered(hang)
    first = threading.Thread(target=check)
    first.start()
    assert begun.wait(5)
    began = time.monotonic()
    assert check() is True, "by the last outcome"
    assert time.monotonic() - began < 1
    let.set()
    first.join(5)
    assert check() is False


def test_a_failure_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    broken = [True]

    def look() -> None:
        if broken[0]:
            raise RuntimeError("no database")

    check = Remembered(look, fresh=0.0)
    assert not check()
    assert not check()
    broken[0] = False
    assert check()
    assert [record.getMessage() for record in caplog.records] == ["not ready: no database", "ready again"]
