from __future__ import annotations

from typing import Any

import pytest

from compute_service.config.load import ConfigError
from compute_service.config.settings import Settings
from compute_service.scheduler.filters import ABSENT, FILTERS
from compute_service.scheduler.plugins import check_settings, enabled_filters, enabled_weighers
from compute_service.scheduler.reference import filter_rows, weigher_rows
from compute_service.scheduler.weighers import WEIGHERS
from tests.unit.scheduler.world import settings_with


def test_the_defaults_are_the_five_filters_and_all_weighers() -> None:
    assert [name for name, _ in enabled_filters(Settings())] == [
        "ComputeFilter",
        "ComputeCapabilitiesFilter",
        "ImagePropertiesFilter",
        "ServerGroupAntiAffinityFilter",
        "ServerGroupAffinityFilter",
    ]
    assert enabled_weighers(Settings()) == tuple(WEIGHERS.values())


def test_every_upstream_filter_is_known_by_name() -> None:
    assert len(FILTERS) + len(ABSENT) == 22


def test_weighers_and_filters_may_be_named_by_path() -> None:
    settings = settings_with(
        weight_classes=("nova.scheduler.weights.ram.RAMWeigher", "nova.scheduler.weights.cpu.CPUWeigher"),
        available_filters=("nova.scheduler.filters.compute_filter.ComputeFilter",),
        enabled_filters=("ComputeFilter",),
    )
    assert enabled_weighers(settings) == (WEIGHERS["CPUWeigher"], WEIGHERS["RAMWeigher"])
    assert [name for name, _ in enabled_filters(settings)] == ["ComputeFilter"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"enabled_filters": ("NoSuchFilter",)}, "there is no filter NoSuchFilter"),
        ({"enabled_filters": ("NUMATopologyFilter",)}, "NUMATopologyFilter needs NUMA topologies"),
        ({"enabled_filters": ("PciPassthroughFilter",)}, "PciPassthroughFilter needs PCI devices"),
        (
            {"available_filters": ("nova.scheduler.filters.x.AllHostsFilter",)},
            "not among the available_filters",
        ),
        ({"available_filters": ("my.own.Filter",)}, "available_filters: my.own.Filter"),
        ({"weight_classes": ("my.own.Weigher",)}, "weight_classes: my.own.Weigher"),
    ],
)
def test_what_cannot_be_had_is_refused_at_the_start(changes: dict[str, Any], why: str) -> None:
    settings = settings_with(**changes)
    with pytest.raises(ConfigError, match=why):
        _ = enabled_filters(settings), enabled_weighers(settings)


@pytest.mark.parametrize("item", ["x", "x=", "=1", "x=much"])
def test_lists_of_weights_are_read_at_the_start(item: str) -> None:
    with pytest.raises(ConfigError, match=r"\[metrics\]weight_setting: '.*' is not of the form name=weight"):
        check_settings(settings_with("metrics", weight_setting=(item,)))
    check_settings(settings_with("metrics", weight_setting=("x=1", "y = -2.5")))


def test_the_reference_tells_of_every_filter_and_weigher() -> None:
    filters, weighers = filter_rows(), weigher_rows()
    assert {row.name for row in filters} == set(FILTERS)
    assert {row.name for row in weighers} == set(WEIGHERS)
    assert all(row.about.endswith(".") for row in (*filters, *weighers))
    assert sum(row.default for row in filters) == 5
    assert {row.name for row in filters if row.on_rebuild} == {
        "AggregateImagePropertiesIsolation",
        "ImagePropertiesFilter",
        "IsolatedHostsFilter",
    }
