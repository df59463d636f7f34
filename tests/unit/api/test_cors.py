"""Pages of other sites that use the API from a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from compute_service.config.settings import settings_of
from tests.unit.api.world import World, make_world
from tests.unit.api.wsgi import Caller, Reply

PORTAL = "https://portal.example.org"
ASKING = {"Access-Control-Request-Method": "POST"}


def world_of(*origins: str, **options: object) -> World:
    return make_world(settings_of({"cors": {"allowed_origin": origins, **options}}))


@pytest.fixture
def world() -> Iterator[World]:
    made = world_of(PORTAL)
    yield made
    made.store.close()


@pytest.fixture
def member(world: World) -> Caller:
    return world.caller()


def allowed(reply: Reply) -> dict[str, str]:
    start = "access-control-"
    return {
        name.lower().removeprefix(start): value
        for name, value in reply.headers
        if name.lower().startswith(start)
    }


def preflight(member: Caller, origin: str = PORTAL, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    bare = Caller(member.app, token=None)
    return bare.call("OPTIONS", "/v2.1/servers", headers={"Origin": origin, **ASKING, **named})


def test_a_preflight_is_answered_without_a_token(member: Caller) -> None:
    reply = preflight(member, Access_Control_Request_Headers="x-auth-token, OpenStack-API-Version")
    assert reply.status == 200
    assert allowed(reply) == {
        "allow-origin": PORTAL,
        "allow-credentials": "true",
        "allow-methods": "POST",
        "allow-headers": "x-auth-token,OpenStack-API-Version",
        "max-age": "3600",
    }
    assert "Origin" in reply.header("Vary")


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        ("https://elsewhere.example.org", {}),
        ("http://portal.example.org", {}),
        (PORTAL, {"Access_Control_Request_Method": "TRACE"}),
        (PORTAL, {"Access_Control_Request_Headers": "x-auth-token,x-unheard-of"}),
    ],
)
def test_what_is_not_allowed_gets_no_word_of_it(member: Caller, origin: str, headers: dict[str, str]) -> None:
    reply = preflight(member, origin, **headers)
    assert (reply.status, allowed(reply)) == (200, {})


def test_an_answer_may_be_read_by_pages_of_allowed_sites_alone(member: Caller) -> None:
    reply = member.call("GET", "/v2.1/servers", headers={"Origin": PORTAL})
    assert reply.status == 200
    assert allowed(reply)["allow-origin"] == PORTAL
    assert "X-Openstack-Request-Id" in allowed(reply)["expose-headers"].split(",")
    for headers in ({}, {"Origin": "https://elsewhere.example.org"}):
        other = member.call("GET", "/v2.1/servers", headers=headers)
        assert (other.status, allowed(other)) == (200, {})
        assert "Origin" in other.header("Vary")


def test_a_refusal_may_be_read_too(member: Caller) -> None:
    reply = Caller(member.app, token=None).call("GET", "/v2.1/servers", headers={"Origin": PORTAL})
    assert reply.status == 401
    assert allowed(reply)["allow-origin"] == PORTAL


def test_any_site_may_if_a_star_says_so_but_without_credentials() -> None:
    world = world_of("*", max_age=None)
    reply = preflight(world.caller(), "https://anywhere.example.org")
    assert allowed(reply) == {"allow-origin": "*", "allow-methods": "POST"}
    world.store.close()


def test_without_the_option_nothing_is_added() -> None:
    world = make_world()
    reply = world.caller().call("GET", "/v2.1/servers", headers={"Origin": PORTAL})
    assert allowed(reply) == {}
    assert "Origin" not in reply.header("Vary")
    world.store.close()
