"""Passing requests on as the user who asks: to a twin in this process, and over HTTP."""

from __future__ import annotations

import pytest

from compute_service.clients.http import reach_of
from compute_service.clients.neutron_http import network_error
from compute_service.clients.relay import HttpRelay
from compute_service.clients.twin.image import image_app
from compute_service.clients.twin.network import network_app
from compute_service.clients.twin.relay import TwinRelay
from compute_service.config.settings import Settings
from compute_service.domain.context import Context
from compute_service.domain.errors import Forbidden, NotFound, OverQuota, Unavailable
from compute_service.ports.relay import NoRelay, Relay
from tests.contract.clients.conftest import ADDRESS, OTHERS, OURS, context
from tests.fixtures.around import World

NOTHING = "5a8e2b1c-0000-4000-8000-00000000dead"


@pytest.fixture(params=["here", "over http"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def member(world: World) -> Context:
    return context(world, "ann", with_token=True)


@pytest.fixture
def network(kind: str, world: World, cloud: Settings) -> Relay:
    if kind == "here":
        return TwinRelay(network_app(world.network))
    mounts = {ADDRESS: world.application(ADDRESS)}
    return HttpRelay(reach_of(cloud, "neutron", mounts=mounts), network_error)


@pytest.fixture
def image(kind: str, world: World, cloud: Settings) -> Relay:
    if kind == "here":
        return TwinRelay(image_app(world.images))
    return HttpRelay(reach_of(cloud, "glance", mounts={ADDRESS: world.application(ADDRESS)}))


def test_a_user_sees_what_is_the_users(network: Relay, world: World, member: Context) -> None:
    ours = world.network.add_network("ours", "10.0.0.0/24", OURS)
    theirs = world.network.add_network("theirs", "10.0.1.0/24", OTHERS)
    seen = network.ask(member, "GET", "/v2.0/networks", query=[("fields", "id")])["networks"]
    assert ours in [one["id"] for one in seen]
    assert theirs not in [one["id"] for one in seen]
    with pytest.raises(NotFound, match=theirs):
        network.ask(member, "GET", f"/v2.0/networks/{theirs}")


def test_what_is_made_is_the_users_and_is_removed_without_an_answer(network: Relay, member: Context) -> None:
    body = {"security_group": {"name": "made", "description": ""}}
    made = network.ask(member, "POST", "/v2.0/security-groups", body=body)["security_group"]
    assert made["project_id"] == OURS
    assert network.ask(member, "DELETE", f"/v2.0/security-groups/{made['id']}") is None


def test_errors_are_in_our_terms(network: Relay, image: Relay, world: World, member: Context) -> None:
    body = {"network": {"name": "theirs", "project_id": OTHERS}}
    with pytest.raises(Forbidden):
        network.ask(member, "POST", "/v2.0/networks", body=body)
    with pytest.raises(NotFound):
        image.ask(member, "GET", f"/v2/images/{NOTHING}")


def test_each_tells_where_the_service_is(network: Relay, image: Relay) -> None:
    assert network.address().startswith("http://")
    assert image.address().startswith("http://")


def test_without_a_service_nothing_is_passed_on(member: Context) -> None:
    with pytest.raises(Unavailable):
        NoRelay().ask(member, "GET", "/v2.0/networks")
    with pytest.raises(Unavailable):
        NoRelay().address()


def test_an_exhausted_quota_is_told_as_one(network: Relay, world: World, member: Context) -> None:
    world.network.tables.quotas[OURS] = {"security_group": 0}
    body = {"security_group": {"name": "one more", "description": ""}}
    with pytest.raises(OverQuota):
        network.ask(member, "POST", "/v2.0/security-groups", body=body)
