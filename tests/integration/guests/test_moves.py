"""Guests move while they are off, and are made anew when their host has failed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from proving.hosts.compute import ComputeHost
from tests.functional.caller import wait_for
from tests.integration.guests.conftest import Boot
from tests.integration.guests.owner import SECONDS, Owner
from tests.integration.guests.remains import held, no_remains

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

Outage = Callable[[Callable[[], None]], Callable[[], None]]


@pytest.fixture
def outage() -> Iterator[Outage]:
    """Given how a host is brought back, return what does that once: the test, or else the end of it."""
    left: list[Callable[[], None]] = []

    def begin(bring: Callable[[], None]) -> Callable[[], None]:
        left.append(bring)

        def end() -> None:
            if bring in left:
                left.remove(bring)
                bring()

        return end

    yield begin
    for bring in left:
        bring()


def is_up(owner: Owner, name: str) -> bool:
    reply = owner.caller.get(f"/os-services?binary=nova-compute&host={name}")
    return bool(reply.body["services"][0]["state"] == "up")


def has_of(host: ComputeHost, server: str) -> list[str]:
    """Return a host's domain and directories of a server."""
    has = held(host)
    return [uuid for uuid in has.domains if uuid == server] + [f for f in has.files if f.startswith(server)]


def evacuate(owner: Owner, server: str, version: str, status: str) -> None:
    """Wait until a server's host is taken for failed, and have the server made anew elsewhere."""
    name = owner.host(server).host.name
    wait_for(lambda: not is_up(owner, name), SECONDS, lambda: f"{name} is up")
    reply = owner.caller.act(server, "evacuate", {}, version)
    assert reply.status == 200, reply
    owner.caller.settled(server, status, SECONDS)


def migrations(owner: Owner, server: str) -> list[tuple[str, str]]:
    rows = owner.caller.get(f"/os-migrations?instance_uuid={server}").body["migrations"]
    return [(row["migration_type"], row["status"]) for row in rows]


def test_a_guest_moves_with_its_disk_and_goes_back_with_what_it_had(owner: Owner, boot: Boot) -> None:
    server = boot("romeo")
    first = owner.host(server)
    owner.ssh(server, "echo first >/state/mark; sync")
    owner.act(server, "migrate", None, "VERIFY_RESIZE")
    second = owner.host(server)
    assert second is not first
    assert owner.ssh(server, "cat /state/mark; echo second >/state/mark; sync") == "first\n"
    owner.act(server, "revertResize", None, "ACTIVE")
    assert owner.host(server) is first
    assert owner.ssh(server, "cat /state/mark") == "first\n"
    no_remains(owner)
    assert migrations(owner, server) == [("migration", "reverted")]


def test_a_guest_that_is_off_moves_and_stays_off(owner: Owner, boot: Boot) -> None:
    server = boot("sierra")
    first = owner.host(server)
    owner.ssh(server, "echo kept >/state/mark; sync")
    owner.act(server, "os-stop", None, "SHUTOFF")
    owner.act(server, "migrate", None, "VERIFY_RESIZE")
    second = owner.host(server)
    assert (held(second).domains[server], second is first) == ("shut off", False)
    owner.act(server, "confirmResize", None, "SHUTOFF")
    wait_for(lambda: has_of(first, server) == [], SECONDS, lambda: str(has_of(first, server)))
    no_remains(owner)
    owner.act(server, "os-start", None, "ACTIVE")
    assert owner.ssh(server, "cat /state/mark") == "kept\n"
    assert migrations(owner, server) == [("migration", "confirmed")]


def test_a_guest_is_made_anew_when_its_host_has_lost_power(owner: Owner, boot: Boot, outage: Outage) -> None:
    server = boot("tango")
    address, first = owner.address(server), owner.host(server)
    owner.told(server, "ready")
    name = first.host.name
    back = outage(lambda: owner.cloud.power_up(name))
    first.host.kill()
    evacuate(owner, server, "2.94", "ACTIVE")
    second = owner.host(server)
    assert second is not first
    assert owner.address(server) == address
    assert owner.ssh(server, "cat /state/boots") == "1\n"
    assert migrations(owner, server) == [("evacuation", "done")]
    back()
    no_remains(owner)
    wait_for(lambda: migrations(owner, server) == [("evacuation", "completed")], SECONDS)
    assert owner.ssh(server, "cat /state/boots") == "1\n"


def test_a_guest_that_still_runs_on_the_host_it_was_taken_from_ends_there(
    owner: Owner, boot: Boot, outage: Outage
) -> None:
    server = boot("uniform")
    first = owner.host(server)
    owner.told(server, "ready")
    back = outage(first.start)
    first.stop()
    evacuate(owner, server, "2.95", "SHUTOFF")
    second = owner.host(server)
    assert held(second).domains[server] == "shut off"
    assert held(first).domains[server] == "running"
    back()
    no_remains(owner)
    assert has_of(first, server) == []
    owner.act(server, "os-start", None, "ACTIVE")
    owner.told(server, "ready")
