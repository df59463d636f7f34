"""Flavors."""

from __future__ import annotations

from typing import Any

import pytest

from compute_service.domain.errors import Conflict, Invalid, NotFound
from compute_service.domain.flavor import Flavor
from compute_service.store.database import Database
from compute_service.store.flavors import (
    FlavorQuery,
    flavor_add_project,
    flavor_delete,
    flavor_delete_extra_spec,
    flavor_get,
    flavor_insert,
    flavor_page,
    flavor_projects_of,
    flavor_remove_project,
    flavor_set_description,
    flavor_set_extra_specs,
    flavors_get,
)
from tests.fixtures.stores import EPOCH, Times, assert_queries


def _flavor(name: str, **fields: Any) -> Flavor:
    return Flavor(
        **{"flavorid": name, "name": f"m1.{name}", "vcpus": 1, "memory_mb": 512, "root_gb": 1, **fields}
    )


def _ids(api: Database, **query: Any) -> list[str]:
    with api.read() as tx:
        return [f.flavorid for f in flavor_page(tx, FlavorQuery(**query))]


def test_a_flavor_comes_back_as_it_was_put_in(api: Database) -> None:
    new = _flavor(
        "a",
        ephemeral_gb=2,
        swap_mb=3,
        rxtx_factor=2.5,
        is_public=False,
        disabled=True,
        description="größer",
        extra_specs={"hw:cpu_policy": "dedicated", "a": "b"},
        projects=("p1", "p2"),
    )
    with api.write() as tx:
        stored = flavor_insert(tx, new)
        assert stored == new.replace(id=stored.id, created_at=EPOCH)
        assert flavor_get(tx, "a", projects=True) == stored
        assert flavor_get(tx, "a") == stored.replace(projects=())
        assert flavor_get(tx, "unknown") is None


def test_flavors_are_read_with_extra_specs_in_two_statements(api: Database) -> None:
    with api.write() as tx:
        for n in range(5):
            flavor_insert(tx, _flavor(str(n), extra_specs={"n": str(n)}))
    with assert_queries(api, at_most=2), api.read() as tx:
        found = flavors_get(tx, ["1", "3", "unknown"])
    assert {k: f.extra_specs for k, f in found.items()} == {"1": {"n": "1"}, "3": {"n": "3"}}
    with assert_queries(api, at_most=2), api.read() as tx:
        assert len(flavor_page(tx, FlavorQuery())) == 5


@pytest.mark.parametrize(
    ("other", "message"),
    [({"flavorid": "a", "name": "n"}, "ID a"), ({"flavorid": "b", "name": "m1.a"}, "name m1.a")],
)
def test_ids_and_names_of_flavors_are_taken_once(api: Database, other: dict[str, str], message: str) -> None:
    with api.write() as tx:
        flavor_insert(tx, _flavor("a"))
        with pytest.raises(Conflict, match=message):
            flavor_insert(tx, _flavor("a").replace(**other))


def test_a_project_sees_public_flavors_and_those_it_may_use(api: Database) -> None:
    with api.write() as tx:
        flavor_insert(tx, _flavor("public"))
        flavor_insert(tx, _flavor("mine", is_public=False, projects=("p",)))
        flavor_insert(tx, _flavor("others", is_public=False, projects=("q",)))
    assert _ids(api, project_id="p") == ["mine", "public"]
    assert _ids(api, project_id="p", is_public=False) == ["mine"]
    assert _ids(api, is_public=False) == ["mine", "others"]
    assert _ids(api, is_public=True) == ["public"]
    assert _ids(api) == ["mine", "others", "public"]


def test_flavors_are_filtered_by_size_state_and_name(api: Database) -> None:
    with api.write() as tx:
        flavor_insert(tx, _flavor("a"))
        flavor_insert(tx, _flavor("b", memory_mb=1024, disabled=True))
        flavor_insert(tx, _flavor("c", memory_mb=2048, root_gb=20))
    assert _ids(api, min_ram=1024) == ["b", "c"]
    assert _ids(api, min_ram=1024, min_disk=2) == ["c"]
    assert _ids(api, disabled=False) == ["a", "c"]
    assert _ids(api, names=("m1.a", "m1.b")) == ["a", "b"]


@pytest.mark.parametrize("key", ["flavorid", "memory_mb", "description", "swap", "is_public", "vcpu_weight"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_of_flavors_join_up_to_the_whole_list(api: Database, key: str, direction: str) -> None:
    with api.write() as tx:
        for n in range(7):
            fields = {"memory_mb": n % 2, "description": (None, "d")[n % 2], "is_public": n % 3 > 0}
            flavor_insert(tx, _flavor(f"f{n}", swap_mb=n % 3, **fields))
    order = {"sort_key": key, "sort_dir": direction}
    whole = _ids(api, **order)
    paged: list[str] = []
    while page := _ids(api, **order, limit=3, marker=paged[-1] if paged else None):
        paged.extend(page)
    assert len(whole) == 7
    assert paged == whole


@pytest.mark.parametrize("query", [{"sort_key": "colour"}, {"sort_dir": "up"}, {"marker": "unknown"}])
def test_an_impossible_order_of_flavors_is_refused(api: Database, query: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        _ids(api, **query)


def test_extra_specs_are_added_changed_and_removed_one_by_one(api: Database) -> None:
    with api.write() as tx:
        flavor_insert(tx, _flavor("a", extra_specs={"kept": "1", "changed": "1"}))
        flavor_set_extra_specs(tx, "a", {"changed": "2", "new": "3"})
        assert flavor_delete_extra_spec(tx, "a", "kept")
        assert not flavor_delete_extra_spec(tx, "a", "kept")
        found = flavor_get(tx, "a")
        assert found is not None
        assert found.extra_specs == {"changed": "2", "new": "3"}
        flavor_set_extra_specs(tx, "a", {})


def test_access_is_given_and_taken_by_project(api: Database) -> None:
    with api.write() as tx:
        flavor_insert(tx, _flavor("a", is_public=False))
        flavor_add_project(tx, "a", "q")
        flavor_add_project(tx, "a", "p")
        with pytest.raises(Conflict, match="access already exists"):
            flavor_add_project(tx, "a", "p")
        assert flavor_projects_of(tx, "a") == ("p", "q")
        assert flavor_remove_project(tx, "a", "q")
        assert not flavor_remove_project(tx, "a", "q")
        assert flavor_projects_of(tx, "a") == ("p",)


def test_a_flavor_is_deleted_with_what_hangs_on_it(api: Database) -> None:
    with api.write() as tx:
        flavor_insert(tx, _flavor("a", extra_specs={"k": "v"}, projects=("p",)))
        assert flavor_delete(tx, "a")
        assert not flavor_delete(tx, "a")
        again = flavor_insert(tx, _flavor("a"))
        assert flavor_get(tx, "a", projects=True) == again


def test_a_description_can_be_changed(api: Database, times: Times) -> None:
    with api.write() as tx:
        flavor_insert(tx, _flavor("a"))
        later = times.pass_by(seconds=1)
        changed = flavor_set_description(tx, "a", "new")
        assert (changed.description, changed.updated_at) == ("new", later)
        assert flavor_set_description(tx, "a", None).description is None


def test_what_is_done_to_an_unknown_flavor_is_refused(api: Database) -> None:
    with api.write() as tx:
        for act in (
            lambda: flavor_set_description(tx, "x", "d"),
            lambda: flavor_set_extra_specs(tx, "x", {"a": "b"}),
            lambda: flavor_delete_extra_spec(tx, "x", "a"),
            lambda: flavor_projects_of(tx, "x"),
            lambda: flavor_add_project(tx, "x", "p"),
            lambda: flavor_remove_project(tx, "x", "p"),
        ):
            with pytest.raises(NotFound, match="Flavor x"):
                act()
