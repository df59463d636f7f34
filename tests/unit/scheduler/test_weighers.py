"""Each weigher, and how their scores add up."""

from __future__ import annotations

import random
from typing import Any

import pytest

from compute_service.config.settings import Settings
from compute_service.domain.group import ServerGroup
from compute_service.domain.image import Image
from compute_service.scheduler.ask import Ask, HostView
from compute_service.scheduler.ranking import Ranking, draw
from compute_service.scheduler.reasons import Unplaceable
from compute_service.scheduler.weighers import WEIGHERS
from tests.unit.scheduler.world import (
    CELL2,
    PROJECT,
    FakeHosts,
    aggregate,
    ask_of,
    fleet_of,
    node,
    settings_with,
    view_of,
)


def scores(name: str, ask: Ask, views: list[HostView]) -> list[float] | None:
    score = WEIGHERS[name].weigher(ask)
    return None if score is None else [score(view) for view in views]


def ranked(ask: Ask, views: list[HostView], *names: str) -> list[float]:
    """Return the weights by some weighers, or by all."""
    entries = [entry for name, entry in WEIGHERS.items() if not names or name in names]
    return [round(weight, 6) for weight in Ranking(views, entries, ask).weights]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("RAMWeigher", "memory_mb"),
        ("CPUWeigher", "vcpus"),
        ("DiskWeigher", "disk_gb"),
        ("NumInstancesWeigher", "instances"),
        ("IoOpsWeigher", "busy"),
    ],
)
def test_what_is_free_and_what_goes_on_is_scored_as_it_is(name: str, field: str) -> None:
    fleet = fleet_of([node("a"), node("b")])
    views = [view_of(fleet, "a", **{field: 3}), view_of(fleet, "b", **{field: 7})]
    assert scores(name, ask_of(fleet), views) == [3, 7]


def test_hypervisor_version_prefers_newer() -> None:
    fleet = fleet_of([node("old", hypervisor_version=7_000_000), node("new", hypervisor_version=8_000_000)])
    views = [view_of(fleet, "old"), view_of(fleet, "new")]
    assert ranked(ask_of(fleet), views, "HypervisorVersionWeigher") == [0.0, 1.0]


def test_build_failures_outweigh_everything() -> None:
    fleet = fleet_of([node("bad", stats={"failed_builds": 2}), node("good")])
    views = [view_of(fleet, "bad", memory_mb=9e9, vcpus=9e9, disk_gb=9e9), view_of(fleet, "good")]
    assert ranked(ask_of(fleet), views) == [-1_000_000.0 + 3, 0.0]


def test_cross_cell_prefers_the_cell_of_a_moved_server() -> None:
    fleet = fleet_of([node("a"), node("b", cell=CELL2)])
    views = [view_of(fleet, "a"), view_of(fleet, "b")]
    assert scores("CrossCellWeigher", ask_of(fleet), views) is None
    assert ranked(ask_of(fleet, current_host="b"), views, "CrossCellWeigher") == [0.0, 1_000_000.0]


@pytest.mark.parametrize(
    ("policy", "soft_affinity", "soft_anti_affinity"),
    [
        ("soft-affinity", [2, 0], None),
        ("soft-anti-affinity", None, [-2, 0]),
        ("affinity", None, None),
    ],
)
def test_soft_groups(policy: Any, soft_affinity: Any, soft_anti_affinity: Any) -> None:
    fleet = fleet_of([node("a"), node("b")])
    group = ServerGroup(uuid="g", project_id=PROJECT, user_id="u", name="g", policy=policy)
    ask = ask_of(fleet, group=group, members={"a": 2})
    views = [view_of(fleet, "a"), view_of(fleet, "b")]
    assert scores("ServerGroupSoftAffinityWeigher", ask, views) == soft_affinity
    assert scores("ServerGroupSoftAntiAffinityWeigher", ask, views) == soft_anti_affinity


@pytest.mark.parametrize(
    ("setting", "expected"), [((), [3, 1]), (("os_distro=2",), [4, 2]), (("os_type=-1",), [-1, 0])]
)
def test_image_properties_counts_like_servers(setting: tuple[str, ...], expected: list[float]) -> None:
    fleet = fleet_of([node("a"), node("b")])
    counts = {
        "a": {("os_distro", "debian"): 2, ("os_type", "linux"): 1},
        "b": {("os_distro", "debian"): 1, ("os_type", "windows"): 5},
    }
    image = Image(id="i", properties={"os_distro": "debian", "os_type": "linux"})
    settings = settings_with(image_props_weight_setting=setting)
    ask = ask_of(fleet, settings, image=image, image_properties=lambda: counts)
    views = [view_of(fleet, "a"), view_of(fleet, "b")]
    assert scores("ImagePropertiesWeigher", ask, views) == expected


def test_image_properties_are_not_counted_while_they_weigh_nothing() -> None:
    def unasked() -> Any:
        raise AssertionError("nobody should count")

    fleet = fleet_of([node("a"), node("b")])
    ask = ask_of(fleet, image=Image(id="i", properties={"a": "b"}), image_properties=unasked)
    assert ranked(ask, [view_of(fleet, "a"), view_of(fleet, "b")]) == [0.0, 0.0]


@pytest.mark.parametrize(
    ("required", "expected"),
    [(False, [1.5, -10000.0]), (True, None)],
)
def test_metrics(required: bool, expected: list[float] | None) -> None:
    fleet = fleet_of([node("a", metrics={"x": 2.0, "y": 1.0}), node("b", metrics={"x": 3.0})])
    settings = settings_with("metrics", weight_setting=("x=1.0", "y=-0.5"), required=required)
    views = [view_of(fleet, "a"), view_of(fleet, "b")]
    if expected is None:
        with pytest.raises(Unplaceable, match="Host b does not report the metric y"):
            scores("MetricsWeigher", ask_of(fleet, settings), views)
    else:
        assert scores("MetricsWeigher", ask_of(fleet, settings), views) == expected
    assert scores("MetricsWeigher", ask_of(fleet), views) is None


def test_pci_weighs_nothing() -> None:
    assert scores("PCIWeigher", ask_of(fleet_of([node("a")])), []) is None


def test_free_resources_are_weighed_from_zero_and_others_from_the_lowest() -> None:
    fleet = fleet_of([node("a"), node("b")])
    settings = settings_with(num_instances_weight_multiplier=1.0)
    views = [
        view_of(fleet, "a", memory_mb=50.0, instances=5),
        view_of(fleet, "b", memory_mb=100.0, instances=10),
    ]
    assert ranked(ask_of(fleet, settings), views, "RAMWeigher") == [0.5, 1.0]
    assert ranked(ask_of(fleet, settings), views, "NumInstancesWeigher") == [0.0, 1.0]


def test_an_aggregate_gives_its_own_multiplier_and_the_lowest_counts() -> None:
    hosts = FakeHosts(
        aggregates=[
            aggregate("x", "a", ram_weight_multiplier="4"),
            aggregate("y", "a", ram_weight_multiplier="-2"),
            aggregate("z", "b", ram_weight_multiplier="much"),
            aggregate("f", "c", build_failure_weight_multiplier="1"),
        ]
    )
    nodes = [node("a"), node("b"), node("c", stats={"failed_builds": 1})]
    fleet = fleet_of(nodes, hosts)
    views = [view_of(fleet, name, memory_mb=100.0) for name in "abc"]
    assert ranked(ask_of(fleet), views, "RAMWeigher") == [-2.0, 1.0, 1.0]
    assert ranked(ask_of(fleet), views, "BuildFailureWeigher") == [0.0, 0.0, -1.0]


def test_updating_one_host_equals_weighing_all_again() -> None:
    chance = random.Random(5)
    fleet = fleet_of([node(f"h{n}", hypervisor_version=chance.randrange(9)) for n in range(12)])
    views = [
        view_of(
            fleet,
            f"h{n}",
            memory_mb=chance.randrange(100),
            vcpus=chance.randrange(9),
            busy=chance.randrange(3),
        )
        for n in range(12)
    ]
    ask = ask_of(fleet)
    entries = list(WEIGHERS.values())
    ranking = Ranking(views, entries, ask)
    for _ in range(300):
        index = chance.randrange(12)
        views[index].memory_mb += chance.choice((-7, 7))
        views[index].busy = chance.randrange(5)
        ranking.update(index)
        assert ranking.weights == Ranking(views, entries, ask).weights


@pytest.mark.parametrize(
    ("subset", "shuffle", "possible"),
    [
        (1, False, {1}),
        (1, True, {1, 3}),
        (2, False, {1, 3}),
        (3, True, {1, 3, 0}),
        (9, False, {0, 1, 2, 3}),
    ],
)
def test_draw(subset: int, shuffle: bool, possible: set[int]) -> None:
    chance = random.Random(2)
    weights = [2.0, 5.0, 1.0, 5.0]
    assert {draw(range(4), weights, subset, shuffle, chance) for _ in range(200)} == possible


def test_the_names_of_all_weighers_are_upstreams() -> None:
    assert len(WEIGHERS) == 13
    assert all(entry.multiplier(Settings()) is not None for entry in WEIGHERS.values())
