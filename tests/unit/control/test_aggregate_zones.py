"""The zone of servers whose host comes into an availability zone, or out of it."""

from __future__ import annotations

import pytest

from compute_service.control import aggregates
from compute_service.domain.errors import Conflict
from compute_service.domain.instance import Instance
from tests.unit.flows.kinds.world import ADMIN, World


def booted(world: World) -> Instance:
    return world.boot().instance


def test_servers_follow_their_host_into_a_zone_and_out_of_it(world: World) -> None:
    server, other = booted(world), booted(world)
    assert server.host is not None
    assert server.availability_zone == "nova"
    east = aggregates.create_aggregate(ADMIN, world.svc, "e", "east")
    aggregates.add_host(ADMIN, world.svc, east.id, server.host)
    assert world.see(server.uuid).instance.availability_zone == "east"
    if other.host != server.host:
        assert world.see(other.uuid).instance.availability_zone == "nova"
    aggregates.remove_host(ADMIN, world.svc, east.id, server.host)
    seen = world.see(server.uuid).instance
    assert (seen.availability_zone, seen.updated_at) == ("nova", server.updated_at)


def test_an_aggregate_without_a_zone_leaves_servers_in_theirs(world: World) -> None:
    server = booted(world)
    assert server.host is not None
    plain = aggregates.create_aggregate(ADMIN, world.svc, "p")
    aggregates.add_host(ADMIN, world.svc, plain.id, server.host)
    assert world.see(server.uuid).instance.availability_zone == "nova"


def test_the_change_takes_no_write_from_who_read_the_server_before(world: World) -> None:
    server = booted(world)
    assert server.host is not None
    east = aggregates.create_aggregate(ADMIN, world.svc, "e", "east")
    aggregates.add_host(ADMIN, world.svc, east.id, server.host)
    assert world.see(server.uuid).instance.generation == server.generation


def test_a_host_of_servers_ordered_elsewhere_comes_into_no_zone(world: World) -> None:
    server = world.boot(availability_zone="nova").instance
    assert server.host is not None
    east = aggregates.create_aggregate(ADMIN, world.svc, "e", "east")
    with pytest.raises(Conflict, match="was ordered in nova"):
        aggregates.add_host(ADMIN, world.svc, east.id, server.host)
    assert world.see(server.uuid).instance.availability_zone == "nova"
