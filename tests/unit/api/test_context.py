from __future__ import annotations

from typing import Any

import pytest

from compute_service.api.context import GLOBAL_REQUEST_ID, context_of, name_request, no_auth
from compute_service.api.errors import Unauthenticated
from compute_service.api.policy import Policy

GLOBAL = "req-8c19174f-4220-44f0-824a-cd1eeef10287"


def environ(**headers: str) -> dict[str, Any]:
    made: dict[str, Any] = {f"HTTP_{name}": value for name, value in headers.items()}
    made["REMOTE_ADDR"] = "10.9.8.7"
    name_request(made)
    return made


def test_the_middlewares_headers_say_who_asks() -> None:
    ctx = context_of(
        environ(
            X_USER_ID="u",
            X_PROJECT_ID="p",
            X_ROLES="Member,reader, ",
            X_USER_DOMAIN_ID="ud",
            X_PROJECT_DOMAIN_ID="pd",
            X_SERVICE_ROLES="service",
            X_AUTH_TOKEN="secret",
            X_OPENSTACK_REQUEST_ID=GLOBAL,
        ),
        Policy(()),
    )
    assert (ctx.user_id, ctx.project_id, ctx.roles) == ("u", "p", ("member", "reader"))
    assert (ctx.user_domain_id, ctx.project_domain_id, ctx.service_roles) == ("ud", "pd", ("service",))
    assert (ctx.token, ctx.remote_address, ctx.is_admin) == ("secret", "10.9.8.7", False)
    assert ctx.global_request_id == GLOBAL
    assert ctx.request_id.startswith("req-")
    assert ctx.request_id != GLOBAL
    assert "secret" not in repr(ctx)


def test_the_role_admin_makes_an_admin() -> None:
    assert context_of(environ(X_USER_ID="u", X_ROLES="admin"), Policy(())).is_admin


def test_a_system_scoped_token_is_told() -> None:
    made = environ(X_USER_ID="u", X_ROLES="admin", OPENSTACK_SYSTEM_SCOPE="all")
    assert context_of(made, Policy(())).system_scope == "all"


def test_without_a_user_nobody_asks() -> None:
    with pytest.raises(Unauthenticated):
        context_of(environ(X_PROJECT_ID="p", X_ROLES="admin"), Policy(()))


@pytest.mark.parametrize("given", ["req-1", "abc", f"{GLOBAL}x", "req-" + "g" * 36, ""])
def test_what_is_no_request_id_is_not_taken_for_one(given: str) -> None:
    assert environ(X_OPENSTACK_REQUEST_ID=given)[GLOBAL_REQUEST_ID] is None


def believed(token: str | None, **headers: str) -> dict[str, Any]:
    seen: list[dict[str, Any]] = []

    def app(given: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(given)
        return []

    made = environ(**headers)
    if token is not None:
        made["HTTP_X_AUTH_TOKEN"] = token
    no_auth(app)(made, lambda *_: None)
    return seen[0]


@pytest.mark.parametrize(
    ("token", "user", "project", "roles"),
    [
        ("ann:p1", "ann", "p1", "member,reader"),
        ("ann", "ann", "ann", "member,reader"),
        ("admin:p1", "admin", "p1", "admin,manager,member,reader"),
        ("ann:p1:manager", "ann", "p1", "manager,member,reader"),
        ("ann:p1:reader,service", "ann", "p1", "reader,service"),
    ],
)
def test_a_token_without_keystone_says_who_it_is(token: str, user: str, project: str, roles: str) -> None:
    made = believed(token)
    assert (made["HTTP_X_USER_ID"], made["HTTP_X_PROJECT_ID"], made["HTTP_X_ROLES"]) == (user, project, roles)


def test_headers_alone_do_not_make_anybody() -> None:
    made = believed(None, X_USER_ID="root", X_ROLES="admin", X_SERVICE_ROLES="service")
    assert not {"HTTP_X_USER_ID", "HTTP_X_ROLES", "HTTP_X_SERVICE_ROLES"} & made.keys()
