from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from compute_service.clients.fake.identity import TOKEN_LIFE, FakeIdentity
from compute_service.clients.twin.auth import TokenAuth
from tests.fakes.clock import ManualClock

Environ = dict[str, Any]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def identity(clock: ManualClock) -> FakeIdentity:
    made = FakeIdentity(clock)
    made.add_domain("Default", "default")
    for role in ("member", "reader", "service", "admin"):
        made.add_role(role)
    demo, service = made.add_project("demo", project_id="p1"), made.add_project("service", project_id="p2")
    ann = made.add_user("ann", "secret", user_id="u1")
    for role in ("member", "reader"):
        made.grant(ann, role, demo)
    made.grant(ann, "admin")
    made.grant(made.add_user("nova", "secret", user_id="u2"), "service", service)
    made.add_endpoint("compute", "nova", "http://here")
    return made


class Inner:
    """The application behind the check; keeps who asked."""

    def __init__(self) -> None:
        self.seen: list[Environ] = []

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.seen.append(environ)
        start_response("200 OK", [])
        return [b"in"]


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
def guarded(inner: Inner, identity: FakeIdentity) -> TokenAuth:
    return TokenAuth(inner, identity, "http://here/identity", frozenset({"/"}))


def ask(app: TokenAuth, path: str = "/x", **headers: str) -> tuple[int, dict[str, str], bytes]:
    answer: dict[str, Any] = {}

    def start_response(status: str, given: list[tuple[str, str]]) -> None:
        answer.update(status=int(status[:3]), headers=dict(given))

    environ = {"PATH_INFO": path, "wsgi.input": io.BytesIO(), **{f"HTTP_{k}": v for k, v in headers.items()}}
    body = b"".join(app(environ, start_response))
    return answer["status"], answer["headers"], body


def token_of(identity: FakeIdentity, user: str, project: str | None, system: bool = False) -> str:
    scope = identity.projects[project] if project else None
    return identity.issue(identity.users[user], scope, system=system).id


def test_a_good_token_tells_who_asks(guarded: TokenAuth, inner: Inner, identity: FakeIdentity) -> None:
    token = token_of(identity, "u1", "p1")
    assert ask(guarded, X_AUTH_TOKEN=token)[0] == 200
    (seen,) = inner.seen
    expected = {
        "X_IDENTITY_STATUS": "Confirmed",
        "X_AUTH_TOKEN": token,
        "X_USER_ID": "u1",
        "X_USER_NAME": "ann",
        "X_USER_DOMAIN_ID": "default",
        "X_USER_DOMAIN_NAME": "Default",
        "X_PROJECT_ID": "p1",
        "X_PROJECT_NAME": "demo",
        "X_PROJECT_DOMAIN_ID": "default",
        "X_TENANT_ID": "p1",
        "X_ROLES": "member,reader",
    }
    assert {name: seen[f"HTTP_{name}"] for name in expected} == expected
    assert json.loads(seen["HTTP_X_SERVICE_CATALOG"])[0]["type"] == "compute"
    assert "HTTP_OPENSTACK_SYSTEM_SCOPE" not in seen


def test_a_system_token_has_no_project(guarded: TokenAuth, inner: Inner, identity: FakeIdentity) -> None:
    ask(guarded, X_AUTH_TOKEN=token_of(identity, "u1", None, system=True))
    assert inner.seen[0]["HTTP_OPENSTACK_SYSTEM_SCOPE"] == "all"
    assert inner.seen[0]["HTTP_X_ROLES"] == "admin"
    assert "HTTP_X_PROJECT_ID" not in inner.seen[0]


def test_a_service_token_goes_beside_it(guarded: TokenAuth, inner: Inner, identity: FakeIdentity) -> None:
    tokens = {
        "X_AUTH_TOKEN": token_of(identity, "u1", "p1"),
        "X_SERVICE_TOKEN": token_of(identity, "u2", "p2"),
    }
    assert ask(guarded, **tokens)[0] == 200
    assert inner.seen[0]["HTTP_X_SERVICE_ROLES"] == "service"
    assert inner.seen[0]["HTTP_X_SERVICE_USER_ID"] == "u2"
    assert ask(guarded, **{**tokens, "X_SERVICE_TOKEN": "bad"})[0] == 401


@pytest.mark.parametrize("headers", [{}, {"X_AUTH_TOKEN": ""}, {"X_AUTH_TOKEN": "guess"}])
def test_without_a_good_token_there_is_no_way_in(
    guarded: TokenAuth, inner: Inner, headers: dict[str, str]
) -> None:
    status, given, body = ask(guarded, **headers)
    assert status == 401
    assert given["WWW-Authenticate"] == 'Keystone uri="http://here/identity"'
    assert json.loads(body)["error"]["code"] == 401
    assert inner.seen == []


def test_a_token_that_ran_out_is_no_token(
    guarded: TokenAuth, identity: FakeIdentity, clock: ManualClock
) -> None:
    token = token_of(identity, "u1", "p1")
    clock.advance(TOKEN_LIFE.total_seconds())
    assert ask(guarded, X_AUTH_TOKEN=token)[0] == 401


def test_nobody_can_say_who_they_are(guarded: TokenAuth, inner: Inner, identity: FakeIdentity) -> None:
    claims = {
        "X_ROLES": "admin",
        "X_PROJECT_ID": "p9",
        "OPENSTACK_SYSTEM_SCOPE": "all",
        "X_SERVICE_ROLES": "s",
    }
    ask(guarded, "/", **claims)
    ask(guarded, X_AUTH_TOKEN=token_of(identity, "u1", "p1"), **claims)
    open_, closed = inner.seen
    assert not [name for name in claims if f"HTTP_{name}" in open_]
    assert (closed["HTTP_X_ROLES"], closed["HTTP_X_PROJECT_ID"]) == ("member,reader", "p1")
    assert "HTTP_OPENSTACK_SYSTEM_SCOPE" not in closed
    assert "HTTP_X_SERVICE_ROLES" not in closed


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("", 200), ("/x", 401)])
def test_open_paths_need_no_token(guarded: TokenAuth, path: str, status: int) -> None:
    assert ask(guarded, path)[0] == status
