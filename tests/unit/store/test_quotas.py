"""Quotas: limits and what counts against them."""

from __future__ import annotations

from compute_service.domain.quota import ServerUsage
from compute_service.store.database import Database
from compute_service.store.mappings import instance_mapping_mark_deleted, instance_mappings_insert
from compute_service.store.quotas import (
    DEFAULT_CLASS,
    quota_class_get,
    quota_class_set,
    quota_delete,
    quota_get_set,
    quota_limits,
    quota_limits_of_both,
    quota_lock,
    quota_set,
    quota_usage,
    quota_usages,
    quota_users_set,
)
from tests.fixtures.records import a_mapping, an_instance
from tests.fixtures.stores import EAST, assert_queries

CONFIGURED = {"instances": 10, "cores": 20, "ram": 51200}


def test_a_limit_is_the_nearest_that_was_set(api: Database) -> None:
    with api.write() as tx:
        assert quota_limits(tx, "p", "u", defaults=CONFIGURED) == CONFIGURED
        quota_class_set(tx, DEFAULT_CLASS, {"instances": 11, "cores": 21, "unknown": 1})
        quota_set(tx, "p", {"cores": 22})
        quota_set(tx, "p", {"ram": 23}, "u")
        assert quota_limits(tx, "p", "u", defaults=CONFIGURED) == {"instances": 11, "cores": 22, "ram": 23}
        assert quota_limits(tx, "p", defaults=CONFIGURED) == {"instances": 11, "cores": 22, "ram": 51200}
        assert quota_limits(tx, "q", "u", defaults=CONFIGURED) == {"instances": 11, "cores": 21, "ram": 51200}
        assert quota_limits_of_both(tx, "p", "u", defaults=CONFIGURED) == (
            {"instances": 11, "cores": 22, "ram": 51200},
            {"instances": 11, "cores": 22, "ram": 23},
        )


def test_limits_are_one_statement(api: Database) -> None:
    with assert_queries(api, at_most=1), api.read() as tx:
        quota_limits(tx, "p", "u", defaults=CONFIGURED)


def test_limits_are_changed_and_taken_back(api: Database) -> None:
    with api.write() as tx:
        quota_set(tx, "p", {"cores": 1, "ram": 2})
        quota_set(tx, "p", {"cores": 3})
        quota_set(tx, "p", {"cores": 4}, "u")
        quota_set(tx, "p", {"cores": 5}, "v")
        assert quota_get_set(tx, "p") == {"cores": 3, "ram": 2}
        assert quota_get_set(tx, "p", "u") == {"cores": 4}
        assert quota_users_set(tx, "p") == {"cores": 5}
        quota_delete(tx, "p", "v")
        assert quota_users_set(tx, "p") == {"cores": 4}
        quota_delete(tx, "p")
        assert quota_get_set(tx, "p") == quota_get_set(tx, "p", "u") == {}


def test_limits_of_a_class_are_changed_one_by_one(api: Database) -> None:
    with api.write() as tx:
        quota_class_set(tx, "gold", {"cores": 1})
        quota_class_set(tx, "gold", {"ram": -1})
        quota_class_set(tx, "gold", {})
        assert quota_class_get(tx, "gold") == {"cores": 1, "ram": -1}
        assert quota_class_get(tx, "silver") == {}


def test_living_servers_count_wherever_they_are(api: Database) -> None:
    new = [
        a_mapping(an_instance(user_id="u"), None, vcpus=2, memory_mb=100),
        a_mapping(an_instance(user_id="v"), EAST, vcpus=3, memory_mb=200),
        a_mapping(an_instance(user_id="v"), EAST, vcpus=4, memory_mb=400),
        a_mapping(an_instance(project_id="other"), None, vcpus=8, memory_mb=800),
    ]
    with api.write() as tx:
        instance_mappings_insert(tx, new)
        instance_mapping_mark_deleted(tx, new[2].uuid)
    with assert_queries(api, at_most=3), api.read() as tx:
        whole = ServerUsage(instances=2, cores=5, ram=300)
        assert quota_usage(tx, "project") == whole
        assert quota_usage(tx, "project", "v") == ServerUsage(instances=1, cores=3, ram=200)
        assert quota_usages(tx, "project", "u") == (whole, ServerUsage(instances=1, cores=2, ram=100))


def test_nobody_uses_nothing(api: Database) -> None:
    with api.read() as tx:
        assert quota_usage(tx, "nobody") == ServerUsage()
        assert quota_usages(tx, "nobody", "u") == (ServerUsage(), ServerUsage())


def test_a_lock_is_at_most_one_statement_and_may_be_taken_twice(api: Database) -> None:
    with assert_queries(api, at_most=1), api.write() as tx:
        quota_lock(tx, "p")
    with api.write() as tx:
        quota_lock(tx, "p")
        quota_lock(tx, "p")
