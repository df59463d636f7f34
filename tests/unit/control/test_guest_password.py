from __future__ import annotations

import pytest

from compute_service.control.guest_password import (
    MOST_BYTES,
    clear_guest_password,
    guest_password,
    post_guest_password,
)
from compute_service.domain.errors import Conflict, Invalid, NotFound
from tests.unit.flows.kinds.world import CELL, MEMBER, World


def test_a_password_is_kept_once_until_it_is_cleared(world: World) -> None:
    server = world.boot()
    database = world.store.database(CELL)
    assert guest_password(server.instance) == ""
    post_guest_password(database, server.uuid, b"bG9uZw==")
    assert guest_password(world.see(server.uuid).instance) == "bG9uZw=="
    with pytest.raises(Conflict):
        post_guest_password(database, server.uuid, b"other")
    clear_guest_password(MEMBER, world.svc, world.see(server.uuid))
    clear_guest_password(MEMBER, world.svc, world.see(server.uuid))
    assert guest_password(world.see(server.uuid).instance) == ""
    post_guest_password(database, server.uuid, b"other")
    assert guest_password(world.see(server.uuid).instance) == "other"


def test_clearing_leaves_the_other_notes(world: World) -> None:
    server = world.boot()
    before = server.instance.system_metadata
    assert before
    post_guest_password(world.store.database(CELL), server.uuid, b"secret")
    clear_guest_password(MEMBER, world.svc, world.see(server.uuid))
    assert world.see(server.uuid).instance.system_metadata == before


@pytest.mark.parametrize("posted", [b"x" * (MOST_BYTES + 1), b"\xff\xfe"])
def test_what_is_no_password_is_refused(world: World, posted: bytes) -> None:
    server = world.boot()
    with pytest.raises(Invalid):
        post_guest_password(world.store.database(CELL), server.uuid, posted)
    assert guest_password(world.see(server.uuid).instance) == ""


def test_a_server_that_is_gone_keeps_nothing(world: World) -> None:
    with pytest.raises(NotFound):
        post_guest_password(world.store.database(CELL), "no-such-server", b"secret")
