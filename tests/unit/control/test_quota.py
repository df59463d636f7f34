"""Limits, usage and the checks, also of requests that come together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from compute_service.config.settings import Settings
from compute_service.control import quota
from compute_service.control.create import create_servers
from compute_service.control.delete import force_delete
from compute_service.control.resize import resize
from compute_service.domain.errors import Invalid, OverQuota
from compute_service.domain.flavor import Flavor
from compute_service.store.embedded import embedded_store
from compute_service.store.mappings import InstanceMapping, instance_mapping_insert
from compute_service.store.quotas import quota_set
from tests.fakes.clock import ManualClock
from tests.unit.flows.kinds.accounts import check
from tests.unit.flows.kinds.world import ADMIN, MEMBER, World, state_of


def limit(world: World, user: str | None = None, **limits: int) -> None:
    """Set limits of the members' project, or of a user in it."""
    with world.store.api.write() as tx:
        quota_set(tx, "p1", limits, user)


def test_an_order_over_a_limit_is_told_all_that_it_exceeds(world: World) -> None:
    limit(world, instances=2, cores=3, ram=51200)
    create_servers(MEMBER, world.svc, world.order())
    with pytest.raises(OverQuota) as refused:
        create_servers(MEMBER, world.svc, world.order(flavor_ref="2", min_count=2, max_count=2))
    assert refused.value.message == (
        "Quota exceeded for cores, instances: Requested 4, 2, but already used 1, 1 of 3, 2 cores, instances"
    )
    assert refused.value.status == 403


def test_of_several_servers_as_many_are_made_as_fit(world: World) -> None:
    limit(world, cores=3)
    made = create_servers(MEMBER, world.svc, world.order(min_count=1, max_count=5)).servers
    assert [one.display_name for one in made] == ["web-1", "web-2", "web-3"]
    with pytest.raises(OverQuota, match="Requested 1, but already used 3 of 3 cores"):
        create_servers(MEMBER, world.svc, world.order(min_count=1, max_count=5))


def test_a_user_may_be_limited_further_than_the_project(world: World) -> None:
    limit(world, instances=3)
    limit(world, user="ann", instances=1)
    create_servers(MEMBER, world.svc, world.order())
    with pytest.raises(OverQuota, match="used 1 of 1 instances"):
        create_servers(MEMBER, world.svc, world.order())
    bob = MEMBER.replace(user_id="bob")
    create_servers(bob, world.svc, world.order(min_count=2, max_count=2))
    with pytest.raises(OverQuota, match="used 3 of 3 instances"):
        create_servers(bob, world.svc, world.order())


def test_unlimited_is_unlimited(world: World) -> None:
    limit(world, instances=-1, cores=-1, ram=-1)
    assert len(create_servers(MEMBER, world.svc, world.order(min_count=50, max_count=50)).servers) == 50


def test_the_noop_driver_limits_nothing(world: World) -> None:
    world.with_settings("quota", driver="nova.quota.NoopQuotaDriver", instances=0)
    assert create_servers(MEMBER, world.svc, world.order()).servers
    assert set(quota.limits(MEMBER, world.svc, "p1").values()) == {-1}


def test_deleted_servers_count_no_more(world: World) -> None:
    limit(world, instances=1)
    server = world.boot()
    force_delete(MEMBER, world.svc, server)
    world.settle()
    assert state_of(world.boot()) == ("active", None)


def test_a_resize_over_a_limit_is_refused_and_changes_nothing(world: World) -> None:
    server = world.boot()
    limit(world, cores=1)
    with pytest.raises(OverQuota, match="Requested 1, but already used 1 of 1 cores"):
        resize(MEMBER, world.svc, server, "2")
    assert state_of(world.see(server.instance.uuid)) == ("active", None)
    check(world)


def test_usage_is_what_is_in_use(world: World) -> None:
    world.boot(flavor_ref="2")
    found = quota.usage(MEMBER, world.svc, "p1")
    assert (found["instances"].in_use, found["cores"].in_use, found["ram"].in_use) == (1, 2, 1024)
    assert (found["instances"].limit, found["key_pairs"].in_use) == (10, 0)


def test_usage_may_be_counted_by_placement(world: World) -> None:
    server = world.boot()
    world.with_settings("quota", count_usage_from_placement=True)
    world.placement.release(server.instance.uuid)
    found = quota.usage(MEMBER, world.svc, "p1")
    assert (found["instances"].in_use, found["cores"].in_use) == (1, 0)


def test_limits_are_found_from_the_user_to_the_configuration(world: World) -> None:
    quota.update_class(ADMIN, world.svc, "default", {"cores": 7, "ram": 7})
    limit(world, ram=8, instances=8)
    limit(world, user="ann", instances=9)
    found = quota.limits(MEMBER, world.svc, "p1", "ann")
    assert (found["instances"], found["ram"], found["cores"], found["key_pairs"]) == (9, 8, 7, 100)
    assert quota.default_limits(MEMBER, world.svc)["cores"] == 7
    quota.delete_quotas(ADMIN, world.svc, "p1")
    assert quota.limits(MEMBER, world.svc, "p1", "ann")["instances"] == 10


@pytest.fixture
def settable(world: World) -> World:
    world.identity.project_exists = lambda project: project != "nobody"  # type: ignore[method-assign]
    return world


def test_a_limit_may_not_fall_below_what_is_in_use(settable: World) -> None:
    settable.boot()
    with pytest.raises(Invalid, match="greater than or equal to already used and reserved 1"):
        quota.update_quotas(ADMIN, settable.svc, "p1", {"instances": 0})
    assert quota.update_quotas(ADMIN, settable.svc, "p1", {"instances": 0}, force=True)["instances"] == 0
    assert quota.update_quotas(ADMIN, settable.svc, "p1", {"instances": -1})["instances"] == -1


def test_a_users_limit_stays_within_the_projects(settable: World) -> None:
    for value in (11, -1):
        with pytest.raises(Invalid, match="less than or equal to 10"):
            quota.update_quotas(ADMIN, settable.svc, "p1", {"instances": value}, user_id="ann")
    quota.update_quotas(ADMIN, settable.svc, "p1", {"instances": 5}, user_id="ann")
    with pytest.raises(Invalid, match="reserved 5"):
        quota.update_quotas(ADMIN, settable.svc, "p1", {"instances": 4})


@pytest.mark.parametrize(("name", "value"), [("instances", -2), ("nothing", 1)])
def test_impossible_limits_are_refused(settable: World, name: str, value: int) -> None:
    with pytest.raises(Invalid):
        quota.update_quotas(ADMIN, settable.svc, "p1", {name: value})
    with pytest.raises(Invalid):
        quota.update_class(ADMIN, settable.svc, "default", {name: value})


def test_limits_of_a_project_that_does_not_exist_cannot_be_set(settable: World) -> None:
    with pytest.raises(Invalid, match="not a valid project"):
        quota.update_quotas(ADMIN, settable.svc, "nobody", {"instances": 1})


def test_requests_that_come_together_do_not_pass_a_limit_together(tmp_path: Path) -> None:
    clock = ManualClock()
    store = embedded_store(tmp_path, now=clock.now)
    flavor = Flavor(flavorid="1", name="f", vcpus=1, memory_mb=1, root_gb=1)
    settings = Settings()
    nothing = quota.Counted({}, {})

    def take(number: int) -> int:
        with store.api.write() as tx:
            left = quota.budget(tx, settings, "p", "u", nothing)
            try:
                left.fitting(flavor, 1, 1)
            except OverQuota:
                return 0
            instance_mapping_insert(
                tx,
                InstanceMapping(
                    uuid=f"{number}",
                    project_id="p",
                    user_id="u",
                    vcpus=1,
                    memory_mb=1,
                    created_at=clock.now(),
                ),
            )
            return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(40))) == settings.quota.instances
    store.close()


@pytest.mark.parametrize(
    ("limits", "most", "fit"),
    [
        ({"instances": 7}, 5, 5),
        ({"instances": 7}, 2**31 - 1, 7),
        ({"cores": 9}, 10**18, 4),
        ({"ram": 3}, 3, 3),
    ],
)
def test_as_many_fit_as_the_limits_let_however_many_are_wanted(
    tmp_path: Path, limits: dict[str, int], most: int, fit: int
) -> None:
    store = embedded_store(tmp_path, now=ManualClock().now)
    flavor = Flavor(flavorid="1", name="f", vcpus=2, memory_mb=1, root_gb=1)
    settings = Settings()
    unlimited = {"instances": -1, "cores": -1, "ram": -1}
    settings = replace(settings, quota=replace(settings.quota, **(unlimited | limits)))
    with store.api.write() as tx:
        left = quota.budget(tx, settings, "p", "u", quota.Counted({}, {}))
        assert left.fitting(flavor, 1, most) == fit
        with pytest.raises(OverQuota):
            left.fitting(flavor, fit + 8, most + 8)
    store.close()
