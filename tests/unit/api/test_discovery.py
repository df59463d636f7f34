from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compute_service.api.app import Parts, application
from compute_service.api.context import no_auth
from compute_service.api.policy import Policy
from compute_service.config.settings import Settings
from tests.unit.api.wsgi import Caller


class Outside:
    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()


def caller_of(settings: Settings | None = None) -> Caller:
    app: Any = application(Parts(Outside(settings), Policy(())), no_auth)  # type: ignore[arg-type]
    return Caller(app, token=None)


@pytest.fixture
def caller() -> Caller:
    return caller_of()


def test_the_root_lists_the_versions(caller: Caller) -> None:
    reply = caller.call("GET", "/", headers={"OpenStack-API-Version": "compute 9.9"})
    assert reply.status == 200
    assert [(v["id"], v["status"], v["version"]) for v in reply.body["versions"]] == [
        ("v2.0", "DEPRECATED", ""),
        ("v2.1", "CURRENT", "2.104"),
    ]
    assert reply.body["versions"][1]["links"] == [{"rel": "self", "href": "http://127.0.0.1:8774/v2.1/"}]
    assert reply.header("OpenStack-API-Version") == []


def test_no_path_at_all_is_redirected(caller: Caller) -> None:
    reply = caller.call("GET", "")
    assert (reply.status, reply.header("Location")) == (302, ["http://127.0.0.1:8774/"])


@pytest.mark.parametrize("path", ["/v2.1", "/v2.1/"])
def test_a_version_is_described_without_a_token(caller: Caller, path: str) -> None:
    reply = caller.call("GET", path)
    version = reply.body["version"]
    assert version["media-types"] == [
        {"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}
    ]
    assert [link["rel"] for link in version["links"]] == ["self", "describedby"]
    assert reply.header("OpenStack-API-Version") == ["compute 2.1"]


def test_a_versions_document_looks_at_the_version_headers(caller: Caller) -> None:
    headers = {"OpenStack-API-Version": "compute 2.999"}
    assert caller.call("GET", "/v2.1/", headers=headers).status == 406
    assert caller.call("GET", "/v2/", headers=headers).status == 200


def test_a_path_without_a_version_is_multiple_choices(caller: Caller) -> None:
    reply = caller.call("GET", "/servers/1")
    assert reply.status == 300
    assert [choice["links"][0]["href"] for choice in reply.body["choices"]] == [
        "http://127.0.0.1:8774/v2/servers/1",
        "http://127.0.0.1:8774/v2.1/servers/1",
    ]


def test_a_health_check_by_head_gets_no_body(caller: Caller) -> None:
    reply = caller.call("HEAD", "/")
    assert (reply.status, reply.raw) == (200, b"")


def test_a_link_prefix_takes_the_place_of_the_address() -> None:
    api = dataclasses.replace(Settings().api, compute_link_prefix="https://cloud.example/compute/")
    reply = caller_of(dataclasses.replace(Settings(), api=api)).call("GET", "/v2.1/")
    assert reply.body["version"]["links"][0]["href"] == "https://cloud.example/compute/v2.1/"


def test_a_proxys_headers_are_believed_only_when_told_to() -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "cloud.example"}
    plain = caller_of().call("GET", "/v2.1/", headers=headers)
    assert plain.body["version"]["links"][0]["href"] == "http://127.0.0.1:8774/v2.1/"
    middleware = dataclasses.replace(Settings().oslo_middleware, enable_proxy_headers_parsing=True)
    told = caller_of(dataclasses.replace(Settings(), oslo_middleware=middleware))
    reply = told.call("GET", "/v2.1/", headers=headers)
    assert reply.body["version"]["links"][0]["href"] == "https://cloud.example/v2.1/"
