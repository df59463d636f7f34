"""An admin says what a server is while something is being done to it."""

from __future__ import annotations

import pytest

from compute_service.control.create import create_servers
from compute_service.control.reset import reset_state
from compute_service.domain.errors import HostRejected
from compute_service.domain.states import VmState
from tests.unit.flows.kinds.accounts import check
from tests.unit.flows.kinds.world import ADMIN, MEMBER, World, state_of


@pytest.mark.parametrize("state", [VmState.ERROR, VmState.ACTIVE])
def test_a_server_that_was_reset_while_it_was_built_is_not_built_elsewhere(
    world: World, state: VmState
) -> None:
    world.hosts["h1"].faults.add("spawn", HostRejected("full"))
    (made,) = create_servers(MEMBER, world.svc, world.order()).servers
    while not world.specs:
        world.messages.popleft()()
    reset_state(ADMIN, world.svc, world.see(made.uuid), state)
    world.settle()
    seen = world.see(made.uuid)
    assert (seen.instance.host, *state_of(seen)) == (None, "error", None)
    assert world.held(made.uuid) == {}
    assert not world.ports_of(made.uuid)
    check(world)
