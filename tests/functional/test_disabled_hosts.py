"""A host that an operator has just disabled gets no server any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.functional.caller import Caller, wait_for
from tests.functional.cloud import Cloud

Order = Callable[..., dict[str, Any]]


@pytest.fixture
def disabled(cloud: Cloud, admin: Caller) -> Iterator[str]:
    """All hosts but the last, disabled one by one; the name of that one."""
    services = admin.get("/os-services?binary=nova-compute").body["services"]
    found = {one["host"]: one["id"] for one in services}
    *others, last = cloud.hosts

    def put(status: str) -> None:
        for host in others:
            assert admin.put(f"/os-services/{found[host]}", {"status": status}).status == 200

    put("disabled")
    yield last
    put("enabled")


def host_of(admin: Caller, server: str) -> str:
    wait_for(lambda: admin.server(server)["status"] != "BUILD", 60)
    return str(admin.server(server)["OS-EXT-SRV-ATTR:host"])


def test_a_host_that_was_just_disabled_gets_no_server(
    cloud: Cloud, member: Caller, admin: Caller, order: Order, request: pytest.FixtureRequest
) -> None:
    # So that schedulers know the hosts as they were.
    host_of(admin, member.post("/servers", order()).body["server"]["id"])
    last = request.getfixturevalue("disabled")
    made = [member.post("/servers", order()).body["server"]["id"] for _ in range(6)]
    assert {host_of(admin, server) for server in made} == {last}
