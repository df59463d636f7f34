"""Host aggregates."""

from __future__ import annotations

import pytest

from compute_service.domain.aggregate import Aggregate
from compute_service.domain.errors import Conflict, NotFound
from compute_service.store.aggregates import (
    aggregate_add_host,
    aggregate_delete,
    aggregate_get,
    aggregate_get_by_uuid,
    aggregate_insert,
    aggregate_list,
    aggregate_remove_host,
    aggregate_rename,
    aggregate_set_metadata,
    aggregates_of_host,
    zones_by_host,
)
from compute_service.store.database import Database
from tests.fixtures.records import new_uuid
from tests.fixtures.stores import EPOCH, Times, assert_queries


def _aggregate(name: str, zone: str | None = None, hosts: tuple[str, ...] = ()) -> Aggregate:
    metadata = {} if zone is None else {"availability_zone": zone}
    return Aggregate(uuid=new_uuid(), name=name, metadata=metadata, hosts=hosts)


def test_an_aggregate_comes_back_as_it_was_put_in(api: Database) -> None:
    new = _aggregate("a", "az", ("h1", "h2"))
    with api.write() as tx:
        stored = aggregate_insert(tx, new)
        assert stored == new.replace(id=stored.id, created_at=EPOCH)
        assert aggregate_get(tx, stored.id) == stored
        assert aggregate_get_by_uuid(tx, new.uuid) == stored
        assert aggregate_get(tx, stored.id + 1) is None


def test_names_of_aggregates_are_taken_once(api: Database) -> None:
    with api.write() as tx:
        aggregate_insert(tx, _aggregate("a"))
        other = aggregate_insert(tx, _aggregate("b"))
        with pytest.raises(Conflict, match="a already exists"):
            aggregate_insert(tx, _aggregate("a"))
        with pytest.raises(Conflict, match="a already exists"):
            aggregate_rename(tx, other.id, "a")
        assert aggregate_rename(tx, other.id, "b").name == "b"


def test_all_aggregates_are_three_statements(api: Database) -> None:
    with api.write() as tx:
        put = [aggregate_insert(tx, _aggregate(f"a{n}", f"z{n}", (f"h{n}",))) for n in range(4)]
    with assert_queries(api, at_most=3), api.read() as tx:
        assert aggregate_list(tx) == put


def test_hosts_are_found_in_their_aggregates_and_zones(api: Database) -> None:
    with api.write() as tx:
        east = aggregate_insert(tx, _aggregate("east", "az-east", ("h1", "h2")))
        ssd = aggregate_insert(tx, _aggregate("ssd", None, ("h2", "h3")))
        assert aggregates_of_host(tx, "h2") == [east, ssd]
        assert aggregates_of_host(tx, "h3") == [ssd]
        assert aggregates_of_host(tx, "h4") == []
        assert zones_by_host(tx) == {"h1": "az-east", "h2": "az-east"}


def test_metadata_is_set_and_removed_item_by_item(api: Database, times: Times) -> None:
    with api.write() as tx:
        put = aggregate_insert(tx, _aggregate("a", "az"))
        later = times.pass_by(seconds=1)
        changed = aggregate_set_metadata(tx, put.id, {"availability_zone": None, "ssd": "true"})
        assert changed == put.replace(metadata={"ssd": "true"}, updated_at=later)
        assert aggregate_set_metadata(tx, put.id, {"ssd": "false"}).metadata == {"ssd": "false"}
        assert aggregate_set_metadata(tx, put.id, {"unknown": None}).metadata == {"ssd": "false"}


def test_a_host_is_in_an_aggregate_once(api: Database) -> None:
    with api.write() as tx:
        put = aggregate_insert(tx, _aggregate("a"))
        assert aggregate_add_host(tx, put.id, "h").hosts == ("h",)
        with pytest.raises(Conflict, match="already has host h"):
            aggregate_add_host(tx, put.id, "h")
        assert aggregate_remove_host(tx, put.id, "h").hosts == ()
        with pytest.raises(NotFound, match="has no host h"):
            aggregate_remove_host(tx, put.id, "h")


def test_what_is_done_to_an_unknown_aggregate_is_refused(api: Database) -> None:
    with api.write() as tx:
        for act in (
            lambda: aggregate_rename(tx, 99999, "x"),
            lambda: aggregate_set_metadata(tx, 99999, {"a": "b"}),
            lambda: aggregate_add_host(tx, 99999, "h"),
            lambda: aggregate_remove_host(tx, 99999, "h"),
        ):
            with pytest.raises(NotFound, match="99999"):
                act()


def test_an_aggregate_is_deleted_with_what_hangs_on_it(api: Database) -> None:
    with api.write() as tx:
        put = aggregate_insert(tx, _aggregate("a", "az", ("h",)))
        assert aggregate_delete(tx, put.id)
        assert not aggregate_delete(tx, put.id)
        assert zones_by_host(tx) == {}
        assert aggregate_list(tx) == []
