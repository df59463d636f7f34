"""Servers of one group that are placed at the same moment, by schedulers that do not know of each other."""

from __future__ import annotations

from typing import Any

import pytest

from compute_service.control.create import create_servers
from compute_service.control.groups import create_group
from compute_service.domain.errors import Unavailable
from compute_service.domain.request import Decision, SelectRequest
from tests.unit.flows.kinds.accounts import check
from tests.unit.flows.kinds.world import MEMBER, Chooser, World, state_of


class Hesitant:
    """A scheduler (the world's takes no notice of groups) that has no answer for one server at first."""

    def __init__(self, chooser: Chooser, avoid: str | None) -> None:
        self._chooser, self.avoid = chooser, avoid
        self.consumer = ""
        self.refusals = 1

    def select(self, request: SelectRequest) -> Decision:
        if self.consumer in request.consumers and self.refusals:
            self.refusals -= 1
            raise Unavailable("Later.")
        if self.consumer in request.consumers and self.avoid:
            request = request.replace(request=request.request.replace(ignore_hosts=(self.avoid,)))
        return self._chooser.select(request)


def two(world: World, policy: Any, avoid: str | None = None, **rules: int) -> tuple[str, str]:
    """Order two servers of a group; the first is placed when the second is built."""
    group = create_group(MEMBER, world.svc, "g", policy, **rules)
    hesitant = Hesitant(world.scheduler, avoid)
    world.replace(scheduler=hesitant)
    hints = {"group": group.uuid}
    first = create_servers(MEMBER, world.svc, world.order(hints=hints)).servers[0].uuid
    hesitant.consumer = first
    world.clock.advance(0.25)
    second = create_servers(MEMBER, world.svc, world.order(hints=hints)).servers[0].uuid
    world.deliver()
    assert state_of(world.see(second)) == ("active", None)
    assert world.see(first).instance.host is None
    world.settle()
    assert hesitant.refusals == 0
    return first, second


def hosts(world: World, servers: tuple[str, ...]) -> list[str | None]:
    return [world.see(one).instance.host for one in servers]


def test_who_is_placed_later_gives_way_though_it_was_ordered_first(world: World) -> None:
    servers = two(world, "anti-affinity")
    assert hosts(world, servers) == ["h2", "h1"]
    assert [state_of(world.see(one)) for one in servers] == [("active", None)] * 2
    check(world)


def test_as_many_may_share_a_host_as_the_rule_says(world: World) -> None:
    assert hosts(world, two(world, "anti-affinity", max_per_host=2)) == ["h1", "h1"]


def test_soft_policies_part_nobody(world: World) -> None:
    assert hosts(world, two(world, "soft-anti-affinity")) == ["h1", "h1"]


def test_the_late_look_can_be_left_out(world: World) -> None:
    world.with_settings("workarounds", disable_group_policy_check_upcall=True)
    assert hosts(world, two(world, "anti-affinity")) == ["h1", "h1"]


def test_who_does_not_find_the_others_host_is_not_built_elsewhere(world: World) -> None:
    first, second = two(world, "affinity", avoid="h1")
    assert world.see(second).instance.host == "h1"
    assert state_of(world.see(first)) == ("error", None)
    fault = world.see(first).instance.fault
    assert fault is not None
    assert "would break the affinity policy" in fault.message
    check(world)


@pytest.mark.parametrize("crash", [True, False])
def test_who_was_looked_at_stays(world: World, crash: bool) -> None:
    """The step may be repeated after a crash, when the row says already that it is on its way."""
    group = create_group(MEMBER, world.svc, "g", "anti-affinity")
    order = world.order(hints={"group": group.uuid})
    if crash:
        world.network.fail_next("allocate", Unavailable("The answer is lost."), after=True)
    first = create_servers(MEMBER, world.svc, order).servers[0].uuid
    second = create_servers(MEMBER, world.svc, order).servers[0].uuid
    world.settle()
    assert sorted(map(str, hosts(world, (first, second)))) == ["h1", "h2"]
    check(world)
