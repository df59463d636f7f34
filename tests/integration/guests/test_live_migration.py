"""Guests move between two hosts while they run, by what the libvirt driver does: their uptime goes on."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from proving.guest import guest_image
from proving.hosts.needs import CHECKOUT, COMPUTE_PACKAGES, SOURCE, requirements
from proving.lab import LabPlan, Unable, check_machine, lab
from proving.lab.command import Failed
from proving.process import Missing
from tests.integration.guests.driver import GUEST, IMAGE, DriverHost, Moving, Refused, Tick, guest, images

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
SPEC = guest()
NAMES = ("lv1", "lv2")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[DriverHost]]:
    """Two hosts with libvirt."""
    folder = tmp_path_factory.mktemp("images")
    try:
        check_machine()
        shutil.copy(guest_image(), folder / f"{IMAGE}.qcow2")
        plan = LabPlan(
            hosts=NAMES,
            packages=COMPUTE_PACKAGES,
            requirements=requirements(),
            binds=((str(CHECKOUT), SOURCE), images(folder)),
        )
        with lab(f"v{secrets.token_hex(4)}", plan) as made:
            both = [DriverHost(made.hosts[name]) for name in NAMES]
            for one in both:
                one.configure()
            yield both
    except (Unable, Missing) as error:
        pytest.skip(str(error))


@dataclass
class Pair:
    """The host that the guest is on, and another."""

    source: DriverHost
    target: DriverHost
    last: Tick

    def prepare(self, block: bool | None = None) -> dict[str, Any]:
        offer = self.source.do("live_offer", SPEC, block)
        ready: dict[str, Any] = self.target.do("live_prepare", SPEC, offer)
        return ready

    def end(self, ready: dict[str, Any]) -> None:
        """Let the guest be the target's, and see that it lived on all the way."""
        assert self.target.do("live_finish", SPEC) == 1
        self.source.do("live_leave", SPEC, ready["shared"])
        self.still_the_same(self.target)
        assert self.source.left() == []
        self.source, self.target = self.target, self.source

    def still_the_same(self, host: DriverHost) -> None:
        now = host.ticks_on(self.last[0])
        assert now[1] == self.last[1]
        self.last = now


@pytest.fixture
def pair(hosts: list[DriverHost]) -> Iterator[Pair]:
    source, target = hosts
    source.do("spawn", SPEC)
    yield Pair(source, target, source.ticks_on(0.0))
    for host in hosts:
        host.do("destroy", GUEST, True)
        assert host.left() == []


def test_a_guest_lives_on_at_another_host_and_comes_back(pair: Pair) -> None:
    for _ in range(2):
        ready = pair.prepare(block=True)
        before = pair.source.ticks()[-1][0]
        pair.source.do("live_migrate", SPEC, ready)
        pair.end(ready)
        assert pair.last[0] - before < 30
        assert pair.source.virsh("list", "--persistent", "--name") == [SPEC.name]
        text = " ".join(pair.source.virsh("dumpxml", GUEST))
        other = pair.target.host.address
        assert pair.source.host.address in text
        assert other not in text


def test_an_aborted_move_leaves_the_guest_here_and_nothing_there(pair: Pair) -> None:
    ready = pair.prepare()
    moving = Moving(pair.source, "live_migrate", SPEC, ready, slow=True)
    pair.source.under_way()
    pair.source.do("live_abort", GUEST)
    with pytest.raises(Refused) as refused:
        moving.result()
    assert refused.value.kind == "Cancelled"
    pair.target.do("live_discard", SPEC, ready["shared"])
    assert pair.target.left() == []
    pair.still_the_same(pair.source)
    again = pair.prepare()
    pair.source.do("live_migrate", SPEC, again)
    pair.end(again)


def test_a_move_goes_on_while_the_process_is_killed_that_looks_on(pair: Pair) -> None:
    ready = pair.prepare()
    moving = Moving(pair.source, "live_migrate", SPEC, ready, slow=True)
    pair.source.under_way()
    pair.source.kill("live_migrate")
    with pytest.raises(Failed):
        moving.result()
    moving = Moving(pair.source, "live_migrate", SPEC, ready, slow=True)
    pair.source.host.run("virsh", "migrate-setspeed", GUEST, "1000")
    moving.result()
    pair.end(ready)


def test_a_forced_move_ends_by_a_pause(pair: Pair) -> None:
    ready = pair.prepare()
    moving = Moving(pair.source, "live_migrate", SPEC, ready, slow=True)
    pair.source.under_way()
    pair.source.do("live_force", GUEST)
    assert pair.source.virsh("domstate", GUEST)[0] == "paused"
    pair.source.host.run("virsh", "migrate-setspeed", GUEST, "1000")
    moving.result()
    pair.end(ready)


def test_a_guest_that_is_paused_arrives_so(pair: Pair) -> None:
    pair.source.do("pause", GUEST)
    ready = pair.prepare()
    pair.source.do("live_migrate", SPEC, ready)
    assert pair.target.do("live_finish", SPEC) == 3
    pair.source.do("live_leave", SPEC, ready["shared"])
    pair.target.do("unpause", GUEST)
    pair.still_the_same(pair.target)
