"""The stream is the same each time, broken and whole requests are in it, and the judge sees what is wrong."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping

import pytest

from proving.fuzz.ask import Answer, Ask
from proving.fuzz.grow import Grower
from proving.fuzz.judge import Judge
from proving.fuzz.requests import RequestMaker
from proving.fuzz.spoil import spoil_bytes, spoil_value
from proving.fuzz.stock import FOREIGN, GONE, Stock
from proving.fuzz.target import environ_of

TOKENS: Mapping[str, str] = {
    role: f"{role}:p:{role}" for role in ("admin", "manager", "member", "reader", "service", "other")
}
PROJECTS: Mapping[str, str] = dict.fromkeys(TOKENS, "0" * 32)
HEADERS = (("x-compute-request-id", "req-1"), ("OpenStack-API-Version", "compute 2.104"))


@pytest.fixture
def stock() -> Stock:
    made = Stock()
    made.set("server", ("server-1", "server-2"))
    made.set("server" + GONE, ("server-gone",))
    made.set("server" + FOREIGN, ("server-foreign",))
    made.set("flavor", ("1",))
    return made


def _answer(status: int, body: object, route: str | None = None, **more: object) -> Answer:
    return Answer(status, HEADERS, json.dumps(body).encode(), 0.01, route, **more)  # type: ignore[arg-type]


def _rules(answer: Answer, method: str = "GET") -> list[str]:
    return [one.rule for one in Judge().complaints(Ask(1, 1, method, "/v2.1/x"), answer)]


def test_a_request_is_the_same_each_time_it_is_made(stock: Stock) -> None:
    first, again = (RequestMaker(7, stock, TOKENS, PROJECTS) for _ in range(2))
    assert [first.make(n) for n in range(200)] == [again.make(n) for n in range(200)]
    assert first.make(3) != RequestMaker(8, stock, TOKENS, PROJECTS).make(3)


def test_a_stream_has_all_methods_roles_and_both_whole_and_broken_bodies(stock: Stock) -> None:
    maker = RequestMaker(1, stock, TOKENS, PROJECTS)
    asks = [maker.make(n) for n in range(3000)]
    assert {"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"} <= {ask.method for ask in asks}
    tokens = {dict(ask.headers).get("X-Auth-Token") for ask in asks}
    assert set(TOKENS.values()) | {None} <= tokens
    whole = 0
    for ask in asks:
        try:
            json.loads(ask.body)
            whole += 1
        except (ValueError, RecursionError):
            continue
    assert 0 < whole < sum(1 for ask in asks if ask.body)
    assert any("server-gone" in ask.target for ask in asks)
    assert any("server-foreign" in ask.target for ask in asks)
    assert all(ask.target.isascii() and " " not in ask.target for ask in asks)


def test_every_request_can_be_told_to_an_application(stock: Stock) -> None:
    maker = RequestMaker(2, stock, TOKENS, PROJECTS)
    for n in range(500):
        environ = environ_of(maker.make(n))
        assert all(value.encode("latin-1") is not None for value in environ.values() if type(value) is str)


def test_a_grown_value_is_one_that_the_schema_allows(stock: Stock) -> None:
    from jsonschema import Draft202012Validator

    schema = {
        "type": "object",
        "properties": {
            "flavorRef": {"type": "string"},
            "count": {"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 0},
            "list": {"type": "array", "items": {"enum": [1, 2]}, "minItems": 2, "maxItems": 3},
            "when": {"anyOf": [{"type": "string", "minLength": 3, "maxLength": 5}, {"type": "null"}]},
        },
        "required": ["flavorRef", "list"],
        "additionalProperties": False,
    }
    check = Draft202012Validator(schema)
    for seed in range(200):
        value = Grower(random.Random(seed), stock, 0.5).grow(schema)
        assert check.is_valid(value), value


def test_spoiling_changes_values_and_bytes() -> None:
    rng = random.Random(1)
    order = {"server": {"name": "web", "networks": [{"uuid": "x"}]}}
    spoiled = [spoil_value(rng, json.loads(json.dumps(order))) for _ in range(50)]
    assert sum(one != order for one in spoiled) > 45
    raw = json.dumps(order).encode()
    assert sum(spoil_bytes(rng, raw) != raw for _ in range(50)) > 30


def test_the_judge_refuses_a_server_error() -> None:
    fault = {"computeFault": {"code": 500, "message": "x"}}
    assert _rules(_answer(500, fault)) == ["answers 500"]


def test_the_judge_lets_what_is_not_supported_pass() -> None:
    assert _rules(_answer(501, {"notImplemented": {"code": 501, "message": "x"}})) == []


def test_the_judge_refuses_faults_of_another_shape() -> None:
    assert _rules(_answer(404, {"itemNotFound": {"code": 404, "message": "x"}})) == []
    assert _rules(_answer(404, {"itemNotFound": {"code": 400, "message": "x"}})) == [
        "has a fault of another shape"
    ]
    assert _rules(_answer(404, {"error": "x"})) == ["has a fault of another shape"]
    assert _rules(_answer(404, {"itemNotFound": {"code": 404, "message": ""}})) == [
        "has a fault without a message"
    ]


def test_the_judge_refuses_an_answer_without_a_request_id() -> None:
    answer = Answer(200, (), b"{}", 0.01)
    assert _rules(answer) == ["has no request id"]


def test_the_judge_refuses_a_slow_answer() -> None:
    assert _rules(Answer(200, HEADERS, b"{}", 11.0)) == ["is slow"]


def test_the_judge_holds_bodies_to_the_document() -> None:
    tags = "/servers/{server_id}/tags"
    assert _rules(_answer(200, {"tags": ["a"]}, tags)) == []
    assert _rules(_answer(200, {"tags": [1]}, tags)) == ["is not as documented"]
    assert _rules(_answer(200, {"tags": [], "more": 1}, tags)) == ["is not as documented"]
    assert _rules(_answer(201, {"tags": []}, tags)) == ["has a status that is not documented"]
    assert _rules(_answer(204, {"x": 1}, tags), "DELETE") == ["has a body that is not documented"]
