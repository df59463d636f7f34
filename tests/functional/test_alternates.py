"""Servers whose first host goes away while they are built there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from compute_service.cmd.allinone import AllInOne
from compute_service.cmd.allinone_seed import IMAGE
from compute_service.domain.errors import Unavailable
from tests.fixtures.all_in_one import Start
from tests.functional.caller import Caller, wait_for

BODY = {"server": {"name": "s", "imageRef": IMAGE, "flavorRef": "42", "networks": "none"}}


@pytest.fixture
def site(start_site: Start) -> AllInOne:
    return start_site(hosts=2, options={"stratus": {"resend_interval": 1}})


@pytest.fixture
def admin(site: AllInOne) -> Caller:
    return Caller(site.url, site.token())


def boot(admin: Caller) -> str:
    return str(admin.post("/servers", BODY).body["server"]["id"])


def host_once(admin: Caller, server: str, true: Callable[[dict[str, Any]], bool]) -> str:
    """Wait until something is true of a server and return the host that it is on."""
    seen: dict[str, Any] = {}

    def look() -> bool:
        seen.update(admin.server(server))
        return bool(seen["OS-EXT-SRV-ATTR:host"]) and true(seen)

    wait_for(look)
    return str(seen["OS-EXT-SRV-ATTR:host"])


def force_down(admin: Caller, host: str, down: bool = True) -> None:
    found = admin.get(f"/os-services?host={host}&binary=nova-compute").body["services"][0]
    assert admin.put(f"/os-services/{found['id']}", {"forced_down": down}).status == 200


def stands_on(site: AllInOne, server: str) -> list[str]:
    return [
        name for name, one in site.hypervisors.items() if server in {guest.uuid for guest in one.guests()}
    ]


def test_a_host_that_goes_down_before_it_is_asked_is_followed_by_another(
    site: AllInOne, admin: Caller
) -> None:
    site.network.fail_next("allocate", Unavailable("The network rests."))
    server = boot(admin)
    first = host_once(admin, server, lambda seen: bool(site.network.calls["allocate"]))
    force_down(admin, first)
    seen = admin.settled(server, "ACTIVE")
    assert seen["OS-EXT-SRV-ATTR:host"] != first
    assert stands_on(site, server) == [seen["OS-EXT-SRV-ATTR:host"]]
    assert list(site.placement.allocations(server).allocations) == [
        node["id"]
        for node in admin.get("/os-hypervisors/detail").body["hypervisors"]
        if node["service"]["host"] == seen["OS-EXT-SRV-ATTR:host"]
    ]


def test_a_host_that_goes_down_with_the_order_keeps_no_guest(site: AllInOne, admin: Caller) -> None:
    for one in site.hypervisors.values():
        one._latency["spawn"] = 3.0  # type: ignore[attr-defined]
    server = boot(admin)
    first = host_once(admin, server, lambda seen: seen["OS-EXT-STS:task_state"] == "spawning")
    force_down(admin, first)
    seen = admin.settled(server, "ACTIVE")
    assert seen["OS-EXT-SRV-ATTR:host"] != first
    wait_for(lambda: stands_on(site, server) == [seen["OS-EXT-SRV-ATTR:host"]])
    events = admin.get(f"/servers/{server}/os-instance-actions").body["instanceActions"]
    assert [one["action"] for one in events] == ["create"]
