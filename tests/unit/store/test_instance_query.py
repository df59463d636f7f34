"""Lists of servers: filters, orders and pages."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.dialects import mysql

from compute_service.domain.errors import Invalid
from compute_service.domain.instance import Instance
from compute_service.domain.states import TaskState, VmState, states_of
from compute_service.domain.vif import FixedIp, Vif
from compute_service.store.database import Database
from compute_service.store.instance_query import page_statement
from compute_service.store.instances import InstanceQuery, instance_delete, instance_insert, instance_page
from tests.fixtures.records import SMALL, an_instance, new_uuid
from tests.fixtures.stores import EPOCH, assert_queries


def _put(cell: Database, **servers: dict[str, Any]) -> dict[str, Instance]:
    with cell.write() as tx:
        return {
            name: instance_insert(tx, an_instance(**{"display_name": name, **fields}))
            for name, fields in servers.items()
        }


def _names(cell: Database, **query: Any) -> list[str]:
    query.setdefault("sort_keys", ("display_name",))
    query.setdefault("sort_dirs", ("asc",))
    with cell.read() as tx:
        return [found.display_name for found in instance_page(tx, InstanceQuery(**query))]


def _vif(address: str, version: int = 4, floating: tuple[str, ...] = ()) -> Vif:
    ip = FixedIp(address=address, version=6 if version == 6 else 4, floating=floating)
    return Vif(port_id=new_uuid(), network_id=new_uuid(), network_label="net", mac="", fixed_ips=(ip,))


def test_a_list_without_wishes_is_newest_first(cell: Database) -> None:
    _put(cell, **{f"s{n}": {"created_at": EPOCH + timedelta(seconds=n)} for n in range(3)})
    with cell.read() as tx:
        assert [i.display_name for i in instance_page(tx, InstanceQuery())] == ["s2", "s1", "s0"]


def test_a_project_sees_its_own_servers(cell: Database) -> None:
    _put(cell, mine={}, other={"project_id": "other"})
    assert _names(cell, project_id="project") == ["mine"]
    assert _names(cell) == ["mine", "other"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("web", ["Web-1", "web-2"]), ("^web-2$", ["web-2"]), ("b-[0-9]", ["Web-1", "web-2"]), ("nothing", [])],
)
def test_a_name_is_searched_for_a_regular_expression_whatever_the_case(
    cell: Database, pattern: str, found: list[str]
) -> None:
    _put(cell, **{"Web-1": {}, "web-2": {}, "db": {}})
    assert _names(cell, filters={"name": pattern}) == found


def test_a_broken_regular_expression_is_refused(cell: Database) -> None:
    with pytest.raises(Invalid, match="regular expression"):
        _names(cell, filters={"name": "("})


def test_filters_all_have_to_hold_and_any_value_of_one_will_do(cell: Database) -> None:
    _put(
        cell,
        a={"host": "h1", "image_ref": "i1"},
        b={"host": "h2", "image_ref": "i1"},
        c={"host": "h2", "image_ref": "i2"},
    )
    assert _names(cell, filters={"host": "h2", "image": "i1"}) == ["b"]
    assert _names(cell, filters={"host": ("h1", "h2"), "image": ("i1",)}) == ["a", "b"]
    assert _names(cell, filters={"host": ()}) == []


def test_whole_values_are_not_searched_within(cell: Database) -> None:
    _put(cell, a={"host": "host1"}, b={"host": "host10"})
    assert _names(cell, filters={"host": "host1"}) == ["a"]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("config_drive", True, ["a"]),
        ("config_drive", "true", ["a"]),
        ("config_drive", "0", ["b"]),
        ("locked", True, ["b"]),
        ("progress", 40, ["a"]),
        ("progress", "40", ["a"]),
        ("progress", "many", []),
        ("progress", "--5", []),
        ("progress", "²", []),
        ("progress", "11111111111111111111", []),
        ("power_state", 1, []),
        ("created_at", EPOCH, ["a", "b"]),
        ("created_at", "2026-01-01T13:00:00+01:00", ["a", "b"]),
        ("created_at", "yesterday", []),
        ("created_at", "0001-01-01T00:00:00+14:00", []),
        ("task_state", None, ["b"]),
        ("task_state", TaskState.DELETING, ["a"]),
        ("flavor", "1", ["a", "b"]),
    ],
)
def test_a_filter_compares_as_its_column_is(cell: Database, name: str, value: Any, found: list[str]) -> None:
    _put(
        cell,
        a={"config_drive": True, "progress": 40, "task_state": TaskState.DELETING},
        b={"locked_by": "owner"},
    )
    assert _names(cell, filters={name: value}) == found


@pytest.mark.parametrize("name", ["colour", "metadata", "fault", "deleted", "generation", "vifs"])
def test_an_unknown_filter_is_refused(cell: Database, name: str) -> None:
    with pytest.raises(Invalid, match="cannot be filtered"):
        _names(cell, filters={name: "x"})


def test_addresses_are_searched_one_by_one_and_by_version(cell: Database) -> None:
    _put(
        cell,
        a={"vifs": (_vif("10.0.0.4"), _vif("10.0.0.15", floating=("203.0.113.9",)))},
        b={"vifs": (_vif("10.0.0.1"), _vif("fd00::10", 6))},
        c={},
    )
    assert _names(cell, filters={"ip": r"^10\.0\.0\.1$"}) == ["b"]
    assert _names(cell, filters={"ip": r"^10\.0\.0\.1"}) == ["a", "b"]
    assert _names(cell, filters={"ip": "203.0"}) == ["a"]
    assert _names(cell, filters={"ip6": "10$"}) == ["b"]
    assert _names(cell, filters={"ip": "fd00"}) == []


def test_a_status_finds_its_pairs_of_states(cell: Database) -> None:
    _put(
        cell,
        idle={"vm_state": VmState.ACTIVE},
        pausing={"vm_state": VmState.ACTIVE, "task_state": TaskState.PAUSING},
        rebooting={"vm_state": VmState.ACTIVE, "task_state": TaskState.REBOOTING},
        stopped={"vm_state": VmState.STOPPED},
        resizing={"vm_state": VmState.STOPPED, "task_state": TaskState.RESIZE_PREP},
    )

    def of(*statuses: str) -> list[str]:
        return _names(cell, states=tuple(pair for status in statuses for pair in states_of(status) or ()))

    assert of("ACTIVE") == ["idle", "pausing"]
    assert of("reboot") == ["rebooting"]
    assert of("RESIZE") == ["resizing"]
    assert of("SHUTOFF", "ACTIVE") == ["idle", "pausing", "stopped"]
    assert of("BUILD") == []


def test_soft_deleted_servers_show_only_when_asked_for(cell: Database) -> None:
    found = _put(cell, living={}, soft={"vm_state": VmState.SOFT_DELETED}, gone={})
    with cell.write() as tx:
        instance_delete(tx, found["gone"], EPOCH)
    assert _names(cell) == ["living"]
    assert _names(cell, soft_deleted=True) == ["living", "soft"]
    assert _names(cell, filters={"vm_state": VmState.SOFT_DELETED}) == ["soft"]
    assert _names(cell, states=tuple(states_of("SOFT_DELETED") or ())) == ["soft"]
    assert _names(cell, deleted=True) == ["gone"]
    assert _names(cell, deleted=True, soft_deleted=True) == ["gone", "soft"]
    assert _names(cell, deleted=None) == ["gone", "living", "soft"]


def test_changes_are_found_by_time(cell: Database) -> None:
    hour = timedelta(hours=1)
    _put(cell, early={"updated_at": EPOCH - hour}, fresh={}, late={"updated_at": EPOCH + hour})
    assert _names(cell, changes_since=EPOCH, deleted=None) == ["fresh", "late"]
    assert _names(cell, changes_before=EPOCH, deleted=None) == ["early", "fresh"]
    assert _names(cell, changes_since=EPOCH, changes_before=EPOCH) == ["fresh"]


def test_servers_that_ran_within_a_time_are_found(cell: Database) -> None:
    day = timedelta(days=1)
    _put(
        cell,
        before={"launched_at": EPOCH - 3 * day, "terminated_at": EPOCH - 2 * day},
        across={"launched_at": EPOCH - 3 * day, "terminated_at": EPOCH},
        still={"launched_at": EPOCH - 3 * day},
        after={"launched_at": EPOCH + day},
        never={},
    )
    assert _names(cell, active_between=(EPOCH - day, EPOCH + day)) == ["across", "still"]


def test_tags_are_combined_as_asked(cell: Database) -> None:
    _put(cell, ab={"tags": ("a", "b")}, a={"tags": ("a",)}, b={"tags": ("b",)}, none={})
    assert _names(cell, tags=("a", "b")) == ["ab"]
    assert _names(cell, tags_any=("a", "b")) == ["a", "ab", "b"]
    assert _names(cell, not_tags=("a", "b")) == ["a", "b", "none"]
    assert _names(cell, not_tags_any=("a", "b")) == ["none"]
    assert _names(cell, tags=("a",), not_tags_any=("b",)) == ["a"]


def test_tags_come_with_a_page_only_when_asked_for(cell: Database) -> None:
    _put(cell, s={"tags": ("b", "a")})
    with cell.read() as tx:
        assert instance_page(tx, InstanceQuery())[0].tags == ()
        assert instance_page(tx, InstanceQuery(with_tags=True))[0].tags == ("a", "b")


@pytest.mark.parametrize("count", [1, 300])
def test_a_page_is_one_statement_whatever_its_size(cell: Database, count: int) -> None:
    _put(cell, **{f"s{number}": {"tags": ("t",)} for number in range(count)})
    with assert_queries(cell, at_most=1), cell.read() as tx:
        assert len(instance_page(tx, InstanceQuery(with_tags=True))) == count


def test_case_does_not_fold_in_an_order(cell: Database) -> None:
    _put(cell, **{name: {} for name in ("b", "A", "a", "B", "Ä", "_")})
    assert _names(cell) == ["A", "B", "_", "a", "b", "Ä"]


@pytest.mark.parametrize("directions", list(itertools.product(("asc", "desc"), repeat=2)))
@pytest.mark.parametrize("key", ["host", "launched_at", "progress", "locked"])
def test_pages_join_up_to_the_whole_list_in_any_order(
    cell: Database, key: str, directions: tuple[str, str]
) -> None:
    times: list[datetime | None] = [None, EPOCH, EPOCH + timedelta(seconds=1)]
    _put(
        cell,
        **{
            f"s{n}": {
                "host": (None, "h1", "H1", "h2")[n % 4],
                "launched_at": times[n % 3],
                "progress": n % 3,
                "locked_by": (None, "owner")[n % 2],
                "display_description": (None, "d")[n % 2],
            }
            for n in range(13)
        },
    )
    order: dict[str, Any] = {"sort_keys": (key, "display_description"), "sort_dirs": directions}
    with cell.read() as tx:
        whole = [i.uuid for i in instance_page(tx, InstanceQuery(**order))]
        paged: list[str] = []
        while page := instance_page(tx, InstanceQuery(**order, limit=4, marker=paged[-1] if paged else None)):
            paged.extend(i.uuid for i in page)
    assert len(whole) == 13
    assert paged == whole


def test_nothing_sorts_before_anything(cell: Database) -> None:
    _put(cell, a={"host": "h"}, b={})
    assert _names(cell, sort_keys=("host",), sort_dirs=("asc",)) == ["b", "a"]
    assert _names(cell, sort_keys=("host",), sort_dirs=("desc",)) == ["a", "b"]


def test_a_direction_holds_for_the_keys_left_over(cell: Database) -> None:
    _put(cell, a={"progress": 1}, b={"progress": 2}, c={"progress": 2})
    assert _names(cell, sort_keys=("progress", "display_name"), sort_dirs=("desc",)) == ["c", "b", "a"]


def test_servers_sort_by_flavor(cell: Database) -> None:
    _put(cell, a={"flavor": SMALL.replace(flavorid="2")}, b={})
    assert _names(cell, sort_keys=("instance_type_id",), sort_dirs=("asc",)) == ["b", "a"]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"sort_keys": ("colour",)}, "sorted by colour"),
        ({"sort_dirs": ("up",)}, "sort direction"),
        ({"marker": "unknown"}, r"marker \[unknown\] not found"),
    ],
)
def test_an_impossible_order_is_refused(cell: Database, query: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        _names(cell, **query)


def test_a_marker_may_be_a_deleted_server(cell: Database) -> None:
    found = _put(cell, a={}, b={}, c={})
    with cell.write() as tx:
        instance_delete(tx, found["b"], EPOCH)
    assert _names(cell, marker=found["b"].uuid) == ["c"]


def test_no_uuids_find_no_servers(cell: Database) -> None:
    _put(cell, a={})
    with assert_queries(cell, at_most=0):
        assert _names(cell, uuids=()) == []


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({}, "instances_all"),
        ({"project_id": "p"}, "instances_project"),
        ({"project_id": "p", "filters": {"name": "web"}}, "instances_project"),
        ({"filters": {"host": "h"}}, None),
        ({"filters": {"project_id": "p"}}, None),
        ({"sort_keys": ("display_name",)}, None),
        ({"deleted": True}, None),
        ({"changes_since": EPOCH}, None),
        ({"tags": ("blue",)}, None),
        ({"uuids": ("u",)}, None),
        ({"states": ((VmState.ERROR, None),)}, None),
    ],
)
def test_mariadb_is_told_an_index_where_nothing_narrows_a_list_down(
    query: dict[str, Any], index: str | None
) -> None:
    spelt = str(
        page_statement("mysql", InstanceQuery(limit=10, **query), None).compile(dialect=mysql.dialect())
    )
    assert ("FORCE INDEX" in spelt) == (index is not None)
    assert index is None or f"FORCE INDEX ({index})" in spelt
    assert "FORCE INDEX" not in str(page_statement("sqlite", InstanceQuery(limit=10, **query), None))
