from __future__ import annotations

import dataclasses
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from compute_service.clients.fake.identity import FakeIdentity
from compute_service.clients.http import RestClient, part, reach_of
from compute_service.clients.twin.identity import identity_app
from compute_service.config.settings import Settings, settings_of
from compute_service.domain import request_id
from compute_service.domain.context import Context
from compute_service.domain.errors import (
    ComputeError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Timeout,
    Unavailable,
)
from tests.fakes.clock import ManualClock
from tests.fixtures.mount import Mount

ADDRESS = "http://cloud.invalid"

Step = tuple[int, bytes] | Exception


@dataclass
class Script:
    """A service that answers by a script, the last line again and again, and keeps what it was asked."""

    steps: list[Step] = field(default_factory=lambda: [(200, b"{}")])
    content_type: str = "application/json"
    asked: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.asked.append({**environ, "body": environ["wsgi.input"].read()})
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        start_response(f"{step[0]} Whatever", [("Content-Type", self.content_type)])
        return [step[1]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def identity() -> FakeIdentity:
    found = FakeIdentity()
    found.add_domain("Default", "default")
    found.add_role("admin")
    project = found.add_project("service", project_id="service")
    found.grant(found.add_user("nova", "secret"), "admin", project)
    found.add_endpoint("network", "neutron", f"{ADDRESS}/network/v2.0/")
    return found


@pytest.fixture
def script() -> Script:
    return Script()


CREDENTIALS = {
    "auth_type": "password",
    "auth_url": f"{ADDRESS}/identity",
    "username": "nova",
    "password": "secret",
    "user_domain_id": "default",
    "project_id": "service",
}


@dataclass
class Lab:
    """Makes clients of the scripted service."""

    identity: FakeIdentity
    script: Script
    clock: ManualClock

    def client(self, settings: Settings | None = None, **options: Any) -> RestClient:
        settings = settings or settings_of({"neutron": {**CREDENTIALS, **options}})
        mount = Mount({"/identity": identity_app(self.identity), "/network": self.script})
        mounts = {ADDRESS: mount}
        return RestClient(reach_of(settings, "neutron", mounts=mounts, clock=self.clock))


@pytest.fixture
def lab(identity: FakeIdentity, script: Script, clock: ManualClock) -> Lab:
    return Lab(identity, script, clock)


def user(token: str | None) -> Context:
    return Context(
        request_id="req-own", global_request_id="req-theirs", user_id="ann", project_id="p", token=token
    )


def test_the_service_signs_in_and_calls_where_the_catalog_says(lab: Lab) -> None:
    lab.script.steps = [(200, b'{"ports": []}')]
    assert lab.client().json("GET", "/v2.0/ports", query=[("name", "a b&c"), ("name", "d")]) == {"ports": []}
    (asked,) = lab.script.asked
    assert (asked["REQUEST_METHOD"], asked["PATH_INFO"]) == ("GET", "/v2.0/ports")
    assert asked["QUERY_STRING"] == "name=a+b%26c&name=d"
    assert lab.identity.validate(asked["HTTP_X_AUTH_TOKEN"]).user.name == "nova"
    assert "HTTP_X_SERVICE_TOKEN" not in asked


def test_a_body_is_json(lab: Lab) -> None:
    lab.client().call("POST", "/v2.0/ports", body={"port": {"name": "ä"}})
    (asked,) = lab.script.asked
    assert json.loads(asked["body"]) == {"port": {"name": "ä"}}
    assert asked["CONTENT_TYPE"] == "application/json"


def test_a_token_that_ran_out_is_replaced(lab: Lab) -> None:
    client = lab.client()
    client.call("GET", "/")
    lab.script.steps = [(401, b"{}"), (200, b"{}")]
    client.call("GET", "/")
    tokens = [asked["HTTP_X_AUTH_TOKEN"] for asked in lab.script.asked]
    assert tokens[0] == tokens[1] != tokens[2]


def test_data_is_never_sent_twice(lab: Lab) -> None:
    lab.script.steps = [(401, b"{}"), (200, b"{}")]
    with pytest.raises(Unavailable):
        lab.client().call("PUT", "/", data=iter([b"once"]))
    assert [asked["body"] for asked in lab.script.asked] == [b"once"]


def test_a_user_calls_with_the_users_token(lab: Lab) -> None:
    lab.client().call("GET", "/", ctx=user("users-token"))
    assert lab.script.asked[0]["HTTP_X_AUTH_TOKEN"] == "users-token"
    assert "HTTP_X_SERVICE_TOKEN" not in lab.script.asked[0]


def test_the_services_token_goes_along_when_configured(lab: Lab) -> None:
    settings = settings_of(
        {"neutron": CREDENTIALS, "service_user": {**CREDENTIALS, "send_service_user_token": True}}
    )
    client = lab.client(settings)
    client.call("GET", "/", ctx=user("users-token"))
    client.call("GET", "/", ctx=user(None))
    with_user, alone = lab.script.asked
    assert with_user["HTTP_X_AUTH_TOKEN"] == "users-token"
    assert lab.identity.validate(with_user["HTTP_X_SERVICE_TOKEN"]).user.name == "nova"
    assert "HTTP_X_SERVICE_TOKEN" not in alone


def test_a_users_bad_token_is_forbidden_and_ours_is_unavailable(lab: Lab) -> None:
    lab.script.steps = [(401, b'{"error": {"message": "no"}}')]
    with pytest.raises(Forbidden):
        lab.client().call("GET", "/", ctx=user("old"))
    with pytest.raises(Unavailable):
        lab.client().call("GET", "/")


def test_the_request_id_goes_along(lab: Lab) -> None:
    client = lab.client()
    client.call("GET", "/", ctx=user("t"))
    with request_id.bound("req-of-a-flow"):
        client.call("GET", "/")
    client.call("GET", "/")
    ids = [asked.get("HTTP_X_OPENSTACK_REQUEST_ID") for asked in lab.script.asked]
    assert ids == ["req-theirs", "req-of-a-flow", None]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (302, Unavailable),
        (400, Invalid),
        (403, Forbidden),
        (404, NotFound),
        (406, Unavailable),
        (409, Conflict),
        (413, Invalid),
        (422, Invalid),
        (429, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
    ],
)
def test_a_failure_has_its_kind(lab: Lab, code: int, kind: type[ComputeError]) -> None:
    lab.script.steps = [(code, b'{"error": {"message": "because"}}')]
    with pytest.raises(ComputeError, match="because") as caught:
        lab.client().call("POST", "/")
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("application/json", b'{"NeutronError": {"type": "T", "message": "a port", "detail": ""}}', "a port"),
        ("application/json", b'{"errors": [{"title": "T", "detail": "a consumer"}]}', "a consumer"),
        ("application/json", b'"just words"', "just words"),
        ("application/json", b'{"x": 1}', "409 Whatever"),
        ("application/json", b"not json", "409 Whatever"),
        (
            "text/html",
            b"<html><head><title>409</title></head><body><h1>409</h1>An &lt;image&gt;<br/></body></html>",
            "An <image>",
        ),
    ],
)
def test_the_services_words_are_kept(lab: Lab, content_type: str, body: bytes, message: str) -> None:
    lab.script.content_type, lab.script.steps = content_type, [(409, body)]
    with pytest.raises(Conflict) as caught:
        lab.client().call("POST", "/")
    assert caught.value.message == message


def test_an_answer_that_is_not_json_is_a_failing_service(lab: Lab) -> None:
    lab.script.steps = [(200, b"<html>")]
    with pytest.raises(Unavailable, match="not JSON"):
        lab.client().json("GET", "/")


def test_503_is_tried_again_a_few_times(lab: Lab) -> None:
    lab.script.steps = [(503, b""), (503, b""), (200, b"{}")]
    assert lab.client().json("GET", "/") == {}
    assert lab.clock.slept == [0.5, 1.0]
    lab.script.asked.clear()
    lab.script.steps = [(503, b"")]
    with pytest.raises(Unavailable):
        lab.client(status_code_retries=2, status_code_retry_delay=7.0).call("GET", "/")
    assert len(lab.script.asked) == 3
    assert lab.clock.slept[2:] == [7.0, 7.0]


def test_a_broken_connection_is_tried_again_a_few_times(lab: Lab) -> None:
    lab.script.steps = [requests.ConnectionError("reset"), (200, b"{}")]
    assert lab.client().json("PUT", "/", body={}) == {}
    lab.script.asked.clear()
    lab.script.steps = [requests.ConnectionError("reset")]
    with pytest.raises(Unavailable, match="reset"):
        lab.client(connect_retries=5).call("DELETE", "/")
    assert len(lab.script.asked) == 6
    assert max(lab.clock.slept) == 4.0


@pytest.mark.parametrize("step", [(503, b""), requests.ConnectionError("reset")])
def test_a_post_is_not_tried_again(lab: Lab, step: Step) -> None:
    lab.script.steps = [step]
    with pytest.raises(Unavailable):
        lab.client().call("POST", "/", body={})
    assert len(lab.script.asked) == 1


def test_which_codes_are_tried_again_is_configured(lab: Lab) -> None:
    lab.script.steps = [(502, b""), (200, b"{}")]
    lab.client(retriable_status_codes=("502",)).call("GET", "/")
    assert len(lab.script.asked) == 2


def test_addresses_are_used_in_turn(lab: Lab) -> None:
    other = Script()
    settings = settings_of({"neutron": CREDENTIALS})
    mounts = {
        f"{ADDRESS}/network": lab.script,
        "http://second.invalid": other,
        ADDRESS: Mount({"/identity": identity_app(lab.identity)}),
    }
    addresses = (f"{ADDRESS}/network/v2.0", "http://second.invalid")
    reach = reach_of(settings, "neutron", mounts=mounts, clock=lab.clock, addresses=addresses)
    client = RestClient(reach)
    for _ in range(4):
        client.call("GET", "/x")
    assert (len(lab.script.asked), len(other.asked)) == (2, 2)


def test_a_service_that_the_catalog_does_not_list_is_unavailable(lab: Lab) -> None:
    lab.identity.endpoints.clear()
    with pytest.raises(Unavailable, match="neutron"):
        lab.client().call("GET", "/")


def test_wrong_credentials_are_told_of_by_section(lab: Lab) -> None:
    with pytest.raises(Unavailable, match=r"\[neutron\]"):
        lab.client(password="wrong").call("GET", "/")


def test_a_section_without_credentials_uses_the_services_own(lab: Lab) -> None:
    client = lab.client(settings_of({"service_user": CREDENTIALS}))
    client.call("GET", "/")
    assert lab.identity.validate(lab.script.asked[0]["HTTP_X_AUTH_TOKEN"]).user.name == "nova"


@pytest.mark.parametrize(
    "sections",
    [{}, {"neutron": {"auth_type": "no such"}}, {"neutron": {"auth_type": "password"}}],
)
def test_missing_credentials_are_told_of_at_once(lab: Lab, sections: dict[str, dict[str, Any]]) -> None:
    with pytest.raises(Unavailable, match="neutron"):
        reach_of(settings_of(sections), "neutron")


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_silence_has_an_end(lab: Lab, silent: str) -> None:
    with pytest.raises(Timeout):
        lab.client(endpoint_override=silent, timeout=0.2).call("GET", "/")


def test_nobody_there_is_unavailable(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(Unavailable):
        lab.client(endpoint_override=f"http://127.0.0.1:{port}").call("GET", "/")
    assert len(lab.clock.slept) == 3


def test_many_threads_share_a_client(lab: Lab) -> None:
    client = lab.client()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                client.call("GET", "/")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not failures
    assert len(lab.script.asked) == 160
    assert lab.identity.calls["issue"] == 1


@pytest.mark.parametrize("text", ["", ".", ".."])
def test_a_part_of_a_path_leads_nowhere_else(text: str) -> None:
    with pytest.raises(NotFound):
        part(text)
    assert part("a/b?c#d") == "a%2Fb%3Fc%23d"


def test_each_try_is_counted_by_its_outcome(lab: Lab) -> None:
    seen: list[tuple[str, str, str]] = []
    mounts = {ADDRESS: Mount({"/identity": identity_app(lab.identity), "/network": lab.script})}
    settings = settings_of({"neutron": CREDENTIALS})
    reach = dataclasses.replace(
        reach_of(settings, "neutron", mounts=mounts, clock=lab.clock),
        observe=lambda service, method, outcome, seconds: seen.append((service, method, outcome)),
    )
    lab.script.steps = [requests.ConnectionError("reset"), (503, b""), (404, b"{}")]
    with pytest.raises(NotFound):
        RestClient(reach).call("GET", "/v2.0/ports/1")
    assert seen == [("neutron", "GET", outcome) for outcome in ("unreachable", "503", "404")]
