"""nova-compute and libvirtd are killed in the middle of what is done to real guests.

Where the kills fall is random, by the seed in STRATUS_KILLS_SEED. Each server ends as it was asked to be, or
as it was before; one that ends as it was is asked again, without a kill.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from proving.hosts.cloud import IMAGE
from proving.hosts.compute import ComputeHost
from tests.functional.caller import Caller, wait_for
from tests.integration.guests.owner import SECONDS, Owner
from tests.integration.guests.remains import no_remains

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(1200)]
SEED = int(os.environ.get("STRATUS_KILLS_SEED", "1"))
VICTIMS: dict[str, Callable[[ComputeHost], None]] = {
    "nova-compute": ComputeHost.restart_killed,
    "libvirtd": ComputeHost.restart_killed_libvirtd,
}


@dataclass(frozen=True)
class Verb:
    """What is asked of a server, and the status that leads to."""

    name: str
    argument: Any
    asked: str
    span: float
    """The kill falls within so many seconds."""
    moves: bool = False
    """Both hosts work on it, and either is struck; otherwise the server's."""


VERBS = (
    Verb("reboot", {"type": "SOFT"}, "ACTIVE", 6.0),
    Verb("reboot", {"type": "HARD"}, "ACTIVE", 3.0),
    Verb("os-stop", None, "SHUTOFF", 5.0),
    Verb("os-start", None, "ACTIVE", 3.0),
    Verb("pause", None, "PAUSED", 2.0),
    Verb("unpause", None, "ACTIVE", 2.0),
    Verb("suspend", None, "SUSPENDED", 5.0),
    Verb("resume", None, "ACTIVE", 5.0),
    Verb("createImage", {"name": "struck"}, "ACTIVE", 4.0),
    Verb("rescue", {"rescue_image_ref": IMAGE}, "RESCUE", 6.0),
    Verb("unrescue", None, "ACTIVE", 6.0),
    Verb("resize", {"flavorRef": "larger"}, "VERIFY_RESIZE", 8.0, moves=True),
    Verb("confirmResize", None, "ACTIVE", 2.0, moves=True),
    Verb("resize", {"flavorRef": "largest"}, "VERIFY_RESIZE", 8.0, moves=True),
    Verb("revertResize", None, "ACTIVE", 5.0, moves=True),
)
REBUILD = Verb("rebuild", {"imageRef": IMAGE}, "ACTIVE", 6.0)
CREATION, DELETION = 4.0, 3.0


@dataclass
class Striker:
    """Kills one kind of process, at random times, on random hosts."""

    owner: Owner
    victim: str
    rnd: random.Random
    told: list[str] = field(default_factory=list)

    def strike(self, what: str, span: float, host: str | None = None) -> None:
        """Kill on a host, or any, within `span` seconds, and wait until what was killed is back."""
        name = host or self.rnd.choice(sorted(self.owner.cloud.computes))
        delay = self.rnd.uniform(0, span)
        time.sleep(delay)
        began = time.monotonic()
        VICTIMS[self.victim](self.owner.cloud.computes[name])
        line = (
            f"{what}: {self.victim} of {name} after {delay:.2f} s, back in {time.monotonic() - began:.1f} s"
        )
        self.told.append(line)
        print(line, flush=True)

    def __str__(self) -> str:
        return "\n".join([f"seed {SEED}", *self.told])


def idle(owner: Owner, server: str, striker: Striker) -> str:
    """Wait until nothing is done to a server, and return its status."""

    def rests() -> bool:
        row = owner.caller.server(server)
        return row["OS-EXT-STS:task_state"] is None and row["status"] != "BUILD"

    wait_for(rests, SECONDS, lambda: f"{owner.caller.server(server)}\n{striker}")
    return str(owner.caller.server(server)["status"])


def lead(owner: Owner, server: str, verb: Verb, striker: Striker) -> None:
    """Ask for a verb, strike, and see that the server is what it was asked to be or what it was."""
    before = str(owner.caller.server(server)["status"])
    host = None if verb.moves else owner.host(server).host.name
    reply = owner.caller.act(server, verb.name, verb.argument)
    assert reply.status in (200, 202, 204), (reply, str(striker))
    striker.strike(verb.name, verb.span, host)
    status = idle(owner, server, striker)
    assert status in (verb.asked, before), (owner.caller.server(server).get("fault"), str(striker))
    if verb.name == "createImage":
        image_is_whole_or_gone(owner, str(reply.body["image_id"]))
    if status != verb.asked:
        assert owner.caller.act(server, verb.name, verb.argument).status in (200, 202, 204)
        owner.caller.settled(server, verb.asked, SECONDS)
    if verb.asked != "VERIFY_RESIZE":
        no_remains(owner)


def image_is_whole_or_gone(owner: Owner, image: str) -> None:
    site = owner.cloud.site
    glance = Caller(site.image_url, site.token())

    def settled() -> bool:
        reply = glance.get(f"/v2/images/{image}", None)
        return reply.status == 404 or reply.body["status"] == "active"

    wait_for(settled, SECONDS, lambda: f"image {image} is neither whole nor gone")


def order(owner: Owner, name: str) -> str:
    """Order a server, and do not wait for it."""
    wanted = {
        "name": name,
        "imageRef": IMAGE,
        "flavorRef": owner.flavor("guest"),
        "networks": [{"uuid": owner.network}],
        "key_name": "mine",
    }
    reply = owner.caller.post("/servers", {"server": wanted})
    assert reply.status == 202, reply
    return str(reply.body["server"]["id"])


@pytest.mark.parametrize("victim", VICTIMS)
def test_a_server_is_what_was_asked_or_what_it_was_and_nothing_is_left(owner: Owner, victim: str) -> None:
    striker = Striker(owner, victim, random.Random(f"{SEED} {victim}"))
    owner.flavor("larger", ram=160, disk=1)
    owner.flavor("largest", ram=192, disk=1)
    no_remains(owner)
    server = order(owner, f"struck-{victim}")
    try:
        striker.strike("create", CREATION)
        assert idle(owner, server, striker) == "ACTIVE", (owner.caller.server(server), str(striker))
        owner.ssh(server, "echo kept >/state/mark; sync")
        for verb in VERBS:
            lead(owner, server, verb, striker)
        assert owner.ssh(server, "cat /state/mark") == "kept\n"
        lead(owner, server, REBUILD, striker)
        host = owner.host(server).host.name
        assert owner.caller.delete(f"/servers/{server}").status == 204
        striker.strike("delete", DELETION, host)
    finally:
        owner.delete(server)
    no_remains(owner)
