"""Guests move between two hosts while they run, as their administrator asks: their uptime goes on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from proving.hosts.compute import ComputeHost
from tests.functional.caller import wait_for
from tests.integration.guests.conftest import Boot
from tests.integration.guests.owner import SECONDS, Owner
from tests.integration.guests.remains import no_remains

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
AUTO = {"host": None, "block_migration": "auto"}
TICK = r"tick ([\d.]+) (\S+)"
STRIKES: dict[str, Callable[[ComputeHost], None]] = {
    "nova-compute": ComputeHost.restart_killed,
    "libvirtd": ComputeHost.restart_killed_libvirtd,
}


def other(owner: Owner, host: ComputeHost) -> ComputeHost:
    (found,) = (one for one in owner.cloud.computes.values() if one is not host)
    return found


def moves(owner: Owner, server: str) -> list[str]:
    """Return what became of a server's moves, the newest first."""
    rows = owner.caller.get(f"/os-migrations?instance_uuid={server}").body["migrations"]
    return [str(row["status"]) for row in rows if row["migration_type"] == "live-migration"]


def under_way(owner: Owner, server: str) -> dict[str, Any]:
    """Wait until libvirt has carried something of a guest, and return the migration."""
    source = owner.host(server).host

    def carried() -> bool:
        told = source.run("sh", "-c", f"virsh domjobinfo {server} || true")
        return re.search(r"Data processed: +[1-9]", told) is not None

    wait_for(carried, SECONDS, lambda: f"{server} does not leave {source.name}")
    (move,) = owner.caller.get(f"/servers/{server}/migrations").body["migrations"]
    return dict(move)


def hurry(owner: Owner, server: str) -> None:
    """Let a guest that is on its way go as fast as it can, if it still is."""
    for one in owner.cloud.computes.values():
        one.host.run("sh", "-c", f"virsh migrate-setspeed {server} 1000 2>/dev/null || true")


def lives_on(owner: Owner, server: str, boot: str, uptime: float) -> float:
    """See that a guest is of the same boot where it now is; return its uptime."""
    seen: list[tuple[float, str]] = []

    def ticks() -> bool:
        seen[:] = [(float(at), of) for at, of in re.findall(TICK, "\n".join(owner.console(server)))]
        return bool(seen) and (seen[-1][0] > uptime or seen[-1][1] != boot)

    wait_for(ticks, SECONDS, lambda: f"no sign of life after {uptime}: {seen[-3:]}")
    assert {of for _, of in seen} == {boot}
    return seen[-1][0]


def started(owner: Owner, server: str) -> tuple[str, float]:
    """Wait until a guest is up, and return which boot it is, and its uptime."""
    owner.told(server, "ready")
    tick = owner.told(server, TICK)
    return tick[2], float(tick[1])


def test_a_guest_goes_to_the_other_host_and_back_in_one_boot(owner: Owner, boot: Boot) -> None:
    server = boot("victor")
    first = owner.host(server)
    second = other(owner, first)
    instance, uptime = started(owner, server)
    owner.ssh(server, "echo mine >/state/mark; sync")
    for asked, target in ((AUTO, second), (AUTO | {"host": first.host.name}, first)):
        reply = owner.caller.act(server, "os-migrateLive", asked)
        assert reply.status == 202, reply
        under_way(owner, server)
        hurry(owner, server)
        owner.caller.settled(server, "ACTIVE", SECONDS)
        assert owner.host(server) is target
        uptime = lives_on(owner, server, instance, uptime)
        assert owner.ssh(server, "cat /state/mark /state/boots") == "mine\n1\n"
        no_remains(owner)
    assert moves(owner, server) == ["completed", "completed"]
    assert not any(owner.cloud.site.network.tables.bindings.values())


def test_a_guest_whose_move_is_aborted_stays_as_if_nothing_had_been(owner: Owner, boot: Boot) -> None:
    server = boot("whiskey")
    first = owner.host(server)
    instance, uptime = started(owner, server)
    assert owner.caller.act(server, "os-migrateLive", AUTO).status == 202
    move = under_way(owner, server)
    path = f"/servers/{server}/migrations/{move['id']}"
    wait_for(lambda: owner.caller.get(path).body["migration"]["memory_total_bytes"], SECONDS)
    assert owner.caller.delete(path).status == 202
    owner.caller.settled(server, "ACTIVE", SECONDS)
    assert (owner.host(server) is first, moves(owner, server)) == (True, ["cancelled"])
    lives_on(owner, server, instance, uptime)
    no_remains(owner)


@pytest.mark.slow
@pytest.mark.parametrize("victim", STRIKES)
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_guest_outlives_what_dies_beside_it_on_its_way(
    owner: Owner, boot: Boot, side: str, victim: str
) -> None:
    server = boot(f"xray-{side}-{victim}")
    first = owner.host(server)
    instance, uptime = started(owner, server)
    assert owner.caller.act(server, "os-migrateLive", AUTO).status == 202
    under_way(owner, server)
    STRIKES[victim](first if side == "source" else other(owner, first))
    hurry(owner, server)
    owner.caller.settled(server, "ACTIVE", SECONDS)
    lives_on(owner, server, instance, uptime)
    (status,) = moves(owner, server)
    assert (status == "completed") == (owner.host(server) is not first)
    no_remains(owner)
