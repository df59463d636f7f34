from __future__ import annotations

import pytest

from compute_service.bus.local import LocalBus
from compute_service.clients.fake.identity import FakeIdentity
from compute_service.clients.fake.images import FakeImages
from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.fake.placement import FakePlacement
from compute_service.cmd.databases import engine_options
from compute_service.cmd.metrics import Metrics
from compute_service.cmd.wiring import Buses, Outside, parts_of, store_of
from compute_service.config.settings import settings_of
from compute_service.domain.errors import ComputeError, Invalid, NotFound
from compute_service.store.embedded import embedded_cell, embedded_store


@pytest.fixture
def outside() -> Outside:
    """The services beside compute, in memory."""
    return Outside(FakeIdentity(), FakeImages(), FakeNetwork(), FakePlacement())


def test_there_is_one_bus_an_address() -> None:
    buses = Buses(
        settings_of({"DEFAULT": {"transport_url": "local:///", "rpc_response_timeout": 7}}), Metrics()
    )
    assert isinstance(buses.api, LocalBus)
    assert buses.api.timeout == 7
    assert buses.at("local:///") is buses.api
    assert buses.at("local:///other") is not buses.api
    buses.close()


def test_an_address_that_cannot_carry_calls_is_refused() -> None:
    with pytest.raises(ComputeError, match="cannot talk over 'kafka'"):
        Buses(settings_of({}), Metrics()).at("kafka://127.0.0.1:9092/")


def test_a_daemon_with_a_database_needs_its_address() -> None:
    with pytest.raises(Invalid, match=r"\[api_database\] connection is not set"):
        store_of(settings_of({}), Metrics())


def test_the_larger_pool_of_both_sections_counts() -> None:
    settings = settings_of({"database": {"max_pool_size": 3}, "api_database": {"max_pool_size": 9}})
    options = engine_options(settings)
    assert (options.pool_size, options.max_overflow, options.pool_timeout) == (9, 50, 30.0)


def test_the_parts_reach_agents_on_the_bus_of_their_cell(outside: Outside) -> None:
    settings = settings_of({"DEFAULT": {"transport_url": "local:///"}})
    store = embedded_store(transport_url="local:///cell")
    parts = parts_of(settings, outside, Metrics(), store)
    heard: list[str] = []

    class Agent:
        def console_output(self, uuid: str, length: int | None) -> str:
            heard.append(uuid)
            return "text"

        def __getattr__(self, name: str) -> object:
            return lambda **_: None

    from compute_service.domain.protocol import ComputeAgent

    parts.buses.at("local:///cell").serve(ComputeAgent, "compute", "h1", Agent())
    assert parts.svc.agent(embedded_cell("cell1"), "h1").console_output("u-1", None) == "text"
    assert heard == ["u-1"]
    with pytest.raises(NotFound, match="Cell nowhere could not be found"):
        parts.svc.agent("nowhere", "h1")
    parts.close()
