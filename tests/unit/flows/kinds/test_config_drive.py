"""Config drives of servers that are built and rebuilt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from compute_service.control import rebuild
from compute_service.control.create import create_servers
from compute_service.domain.errors import Unavailable
from compute_service.domain.metadata.facts import ServerFacts
from compute_service.domain.order import RebuildOrder
from tests.unit.flows.kinds.world import IMAGE, MEMBER, World, state_of


class Operator:
    """An operator's source of vendor data."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.broken = False

    def static(self) -> dict[str, Any]:
        return {"org": "us"}

    def dynamic(self, facts: ServerFacts) -> dict[str, Any]:
        if self.broken:
            raise Unavailable("The vendor data service ad failed.")
        self.asked.append(facts.uuid)
        return {"ad": {"token": "t"}}


@pytest.fixture
def operator(world: World) -> Operator:
    made = Operator()
    world.svc = replace(world.svc, vendor_data=made)
    world.engine = world._engine()
    return made


def told(world: World, host: str, uuid: str, name: str = "meta_data.json") -> dict[str, Any]:
    files = world.hosts[host].config_drive(uuid)
    found: dict[str, Any] = msgspec.json.decode(files[f"openstack/latest/{name}"])
    return found


def test_a_server_is_built_with_the_drive_it_asked_for(world: World, operator: Operator) -> None:
    made = create_servers(MEMBER, world.svc, world.order(config_drive=True, metadata={"role": "web"}))
    world.settle()
    [server] = [world.see(one.uuid).instance for one in made.servers]
    meta = told(world, server.host or "", server.uuid)
    assert (meta["uuid"], meta["meta"]) == (server.uuid, {"role": "web"})
    assert meta["admin_pass"] == made.admin_password
    assert meta["availability_zone"] == "nova"
    assert told(world, server.host or "", server.uuid, "vendor_data2.json") == {
        "static": {"org": "us"},
        "ad": {"token": "t"},
    }
    [network] = told(world, server.host or "", server.uuid, "network_data.json")["networks"]
    assert network["type"] == "ipv4_dhcp"


def test_a_server_that_did_not_ask_has_none_and_nobody_is_asked(world: World, operator: Operator) -> None:
    server = world.boot().instance
    assert world.hosts[server.host or ""].config_drive(server.uuid) == {}
    assert world.specs[0].facts is None
    assert operator.asked == []


def test_a_build_fails_without_vendor_data_where_that_is_fatal(world: World, operator: Operator) -> None:
    operator.broken = True
    made = create_servers(MEMBER, world.svc, world.order(config_drive=True))
    world.settle()
    server = world.see(made.servers[0].uuid)
    assert state_of(server) == ("error", None)
    assert server.instance.fault is not None
    assert "vendor data" in server.instance.fault.message


def test_a_rebuild_makes_the_drive_anew(world: World, operator: Operator) -> None:
    made = create_servers(MEMBER, world.svc, world.order(config_drive=True))
    world.settle()
    located = world.see(made.servers[0].uuid)
    order = RebuildOrder(image_ref=IMAGE, admin_password="N3w", changes={"display_name": "other"})
    rebuild.rebuild(MEMBER, world.svc, located, order)
    world.settle()
    meta = told(world, located.instance.host or "", located.uuid)
    assert (meta["admin_pass"], meta["name"]) == ("N3w", "other")


def test_a_start_asks_no_vendor_data(world: World, operator: Operator) -> None:
    from compute_service.control import power

    made = create_servers(MEMBER, world.svc, world.order(config_drive=True))
    world.settle()
    power.stop(MEMBER, world.svc, world.see(made.servers[0].uuid))
    world.settle()
    power.start(MEMBER, world.svc, world.see(made.servers[0].uuid))
    world.settle()
    assert operator.asked == [made.servers[0].uuid]
    assert told(world, "h1", made.servers[0].uuid, "vendor_data2.json")["ad"] == {"token": "t"}
