from __future__ import annotations

from typing import Any

import pytest

from compute_service.cmd.conductor_part import ConductorPart
from compute_service.cmd.timers import Timers
from compute_service.domain.errors import Invalid
from compute_service.domain.flow import FlowKey
from compute_service.domain.host import Cell
from compute_service.domain.protocol import Conductor
from compute_service.store.mappings import cell_mapping_insert, cell_mapping_update
from tests.fixtures.all_in_one import Start


def register(site: Any, url: str) -> Conductor:
    """Return a client of the conductors on a bus."""
    client: Conductor = site.parts.buses.at(url).client(Conductor, "conductor", timeout=5)
    return client


def test_a_cell_that_is_mapped_later_is_served_too(
    start_site: Start, caplog: pytest.LogCaptureFixture
) -> None:
    site = start_site(hosts=1)
    new = {"two": "local:///two", "three": "kafka://127.0.0.1/"}
    with site.store.api.write() as tx:
        for number, (name, url) in enumerate(new.items()):
            uuid = f"{number}" * 8 + "-0000-4000-8000-000000000000"
            cell_mapping_insert(
                tx, Cell(uuid=uuid, name=name, transport_url=url, database_connection="sqlite://")
            )
    site.store.refresh()
    site.conductor.serve_cells()
    register(site, "local:///two").wake((FlowKey(database="nowhere", flow_id="f"),))
    assert "cell three is not served: daemons cannot talk over 'kafka'" in caplog.text


def test_where_the_api_level_has_a_broker_of_its_own_hosts_are_sent_away(start_site: Start) -> None:
    site = start_site(hosts=1, options={"DEFAULT": {"transport_url": "local:///api"}})
    with pytest.raises(Invalid, match="Hosts report on the message bus of their cell"):
        register(site, "local:///api").servers_on_host("h")
    assert register(site, "local:///").servers_on_host("h") == ()


def test_a_cell_that_gets_the_bus_of_the_api_level_is_served_there_at_once(start_site: Start) -> None:
    site = start_site(hosts=1, options={"DEFAULT": {"transport_url": "local:///api"}})
    (cell,) = site.store.cells()
    with site.store.api.write() as tx:
        cell_mapping_update(tx, cell.uuid, transport_url="local:///api")
    site.store.refresh()
    assert register(site, "local:///api").servers_on_host("h") == ()


def test_a_bus_that_no_cell_has_any_more_is_left(start_site: Start) -> None:
    site = start_site(hosts=1)
    two = Cell(
        uuid="2" * 8 + "-0000-4000-8000-000000000000",
        name="two",
        transport_url="local:///two",
        database_connection="sqlite://",
    )
    with site.store.api.write() as tx:
        cell_mapping_insert(tx, two)
    site.store.refresh()
    site.conductor.serve_cells()
    left = site.parts.buses.at("local:///two")
    with site.store.api.write() as tx:
        cell_mapping_update(tx, two.uuid, transport_url="local:///three")
    site.store.refresh()
    site.conductor.serve_cells()
    assert site.parts.buses.at("local:///two") is not left
    register(site, "local:///three").wake((FlowKey(database="nowhere", flow_id="f"),))
    assert register(site, "local:///").servers_on_host("h") == ()


def test_flows_are_not_begun_any_more_once_it_stops(start_site: Start) -> None:
    site = start_site(hosts=1)
    part = ConductorPart(site.parts, Timers())
    assert part.stop(1)
    ran: list[int] = []
    part.submit(lambda: ran.append(1))
    assert ran == []
