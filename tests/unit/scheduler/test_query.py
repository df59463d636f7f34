from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from compute_service.config.settings import Settings
from compute_service.domain.image import Image
from compute_service.ports.placement import CandidateQuery
from compute_service.scheduler.query import build_query
from compute_service.scheduler.reasons import Unplaceable
from tests.unit.scheduler.world import (
    PROJECT,
    SMALL,
    FakeHosts,
    aggregate,
    fleet_of,
    named,
    node,
    settings_with,
    wish,
)

FLAVOR = SMALL.replace(vcpus=2, memory_mb=1024, root_gb=10, ephemeral_gb=5, swap_mb=1025)


def query(
    hosts: FakeHosts | None = None, settings: Settings | None = None, specs: Any = None, **changes: Any
) -> CandidateQuery:
    flavor = FLAVOR.replace(extra_specs=specs or {})
    fleet = fleet_of([node("h1"), node("h2")], hosts)
    return build_query(wish(flavor, **changes), settings or Settings(), fleet)


def uuids(*names: str) -> tuple[str, ...]:
    return tuple(named(f"aggregate {name}") for name in names)


def test_a_plain_flavor_asks_for_its_three_resources() -> None:
    assert query() == CandidateQuery(
        resources={"VCPU": 2, "MEMORY_MB": 1024, "DISK_GB": 17}, forbidden=("COMPUTE_STATUS_DISABLED",)
    )


def test_a_server_booted_from_a_volume_asks_for_no_root_disk() -> None:
    assert query(boot_from_volume=True).resources["DISK_GB"] == 7


@pytest.mark.parametrize(
    ("specs", "resources"),
    [
        ({"resources:VCPU": "4"}, {"VCPU": 4, "MEMORY_MB": 1024, "DISK_GB": 17}),
        ({"resources:DISK_GB": "0"}, {"VCPU": 2, "MEMORY_MB": 1024}),
        ({"resources:CUSTOM_GOLD": "1"}, {"VCPU": 2, "MEMORY_MB": 1024, "DISK_GB": 17, "CUSTOM_GOLD": 1}),
        ({"quota:cpu_quota": "1"}, {"VCPU": 2, "MEMORY_MB": 1024, "DISK_GB": 17}),
    ],
)
def test_extra_specs_override_resources(specs: dict[str, str], resources: dict[str, int]) -> None:
    assert query(specs=specs).resources == resources


def test_numbered_groups_and_traits() -> None:
    asked = query(
        specs={
            "resources1:VGPU": "1",
            "resources_nic:SRIOV_NET_VF": "2",
            "trait1:HW_GPU_API_VULKAN": "required",
            "trait_nic:CUSTOM_PHYSNET1": "forbidden",
            "trait:HW_CPU_X86_AVX": "required",
            "trait:HW_CPU_X86_SSE": "forbidden",
            "group_policy": "isolate",
        }
    )
    assert asked.required == ("HW_CPU_X86_AVX",)
    assert asked.forbidden == ("COMPUTE_STATUS_DISABLED", "HW_CPU_X86_SSE")
    assert asked.group_policy == "isolate"
    assert asked.groups == {
        "1": CandidateQuery(resources={"VGPU": 1}, required=("HW_GPU_API_VULKAN",)),
        "_nic": CandidateQuery(resources={"SRIOV_NET_VF": 2}, forbidden=("CUSTOM_PHYSNET1",)),
    }


def test_several_groups_without_a_policy_may_share_a_provider() -> None:
    assert query(specs={"resources1:VGPU": "1", "resources2:VGPU": "1"}).group_policy == "none"
    assert query(specs={"resources1:VGPU": "1"}).group_policy is None


@pytest.mark.parametrize(
    ("specs", "why"),
    [
        ({"resources:VCPU": "many"}, "resources:VCPU=many is not a whole number"),
        ({"resources:VCPU": "-1"}, "is not a whole number"),
        ({"resources:vcpu": "1"}, "names no resource class"),
        ({"trait:avx": "required"}, "names no trait"),
        ({"trait:HW_X": "wanted"}, "neither required nor forbidden"),
        ({"trait7:HW_X": "required"}, "a group for which no resources are asked"),
        ({"group_policy": "any"}, "neither none nor isolate"),
        ({"trait:COMPUTE_STATUS_DISABLED": "required"}, "both required and forbidden"),
        ({"resources:VCPU": "0", "resources:MEMORY_MB": "0", "resources:DISK_GB": "0"}, "no resources"),
    ],
)
def test_extra_specs_that_make_no_sense_are_named(specs: dict[str, str], why: str) -> None:
    with pytest.raises(Unplaceable, match=why):
        query(specs=specs)


def test_an_images_traits_are_required() -> None:
    image = Image(id="i", properties={"trait:HW_CPU_X86_AVX2": "required", "os_distro": "debian"})
    assert query(image=image).required == ("HW_CPU_X86_AVX2",)


def test_a_zone_is_the_aggregates_that_make_it() -> None:
    hosts = FakeHosts(
        aggregates=[
            aggregate("a", "h1", availability_zone="az1"),
            aggregate("b", "h2", availability_zone="az1"),
            aggregate("c", availability_zone="az2"),
        ]
    )
    assert query(hosts, availability_zone="az1").member_of == (uuids("a", "b"),)
    with pytest.raises(Unplaceable, match="There is no availability zone az9"):
        query(hosts, availability_zone="az9")


def test_the_default_zone_is_outside_of_every_other() -> None:
    hosts = FakeHosts(
        aggregates=[
            aggregate("a", "h1", availability_zone="az1"),
            aggregate("b", "h2", availability_zone="nova"),
            aggregate("c", "h2"),
        ]
    )
    asked = query(hosts, availability_zone="nova")
    assert (asked.member_of, asked.forbidden_aggregates) == ((), uuids("a"))


def test_projects_are_kept_on_their_aggregates_if_configured() -> None:
    hosts = FakeHosts(
        aggregates=[
            aggregate("mine", filter_tenant_id=PROJECT),
            aggregate("mine too", filter_tenant_id2=f"x, {PROJECT}"),
            aggregate("other", filter_tenant_id="x"),
        ]
    )
    assert query(hosts).member_of == ()
    settings = settings_with("scheduler", limit_tenants_to_placement_aggregate=True)
    assert query(hosts, settings).member_of == (uuids("mine", "mine too"),)
    assert query(None, settings).member_of == ()
    strict = replace(settings.scheduler, placement_aggregate_required_for_tenants=True)
    with pytest.raises(Unplaceable, match=f"No aggregate names project {PROJECT}"):
        query(None, replace(settings, scheduler=strict))


def test_image_types_are_asked_for_if_configured() -> None:
    image = Image(id="i", disk_format="qcow2")
    settings = settings_with("scheduler", query_placement_for_image_type_support=True)
    assert query(image=image).required == ()
    assert query(settings=settings, image=image).required == ("COMPUTE_IMAGE_TYPE_QCOW2",)
    assert query(settings=settings).required == ()


def test_device_models_of_an_image_are_asked_for_if_configured() -> None:
    image = Image(id="i", properties={"hw_disk_bus": "virtio", "hw_vif_model": "e1000-82544gc"})
    settings = settings_with("scheduler", image_metadata_prefilter=True)
    assert query(image=image).required == ()
    assert query(settings=settings, image=image).required == (
        "COMPUTE_NET_VIF_MODEL_E1000_82544GC",
        "COMPUTE_STORAGE_BUS_VIRTIO",
    )


def test_isolated_aggregates_take_only_who_asks_for_their_traits() -> None:
    licensed = aggregate("licensed", **{"trait:CUSTOM_LICENSED": "required"})
    hosts = FakeHosts(aggregates=[licensed, aggregate("plain", **{"trait:CUSTOM_LICENSED": "maybe"})])
    settings = settings_with("scheduler", enable_isolated_aggregate_filtering=True)
    assert query(hosts).forbidden_aggregates == ()
    assert query(hosts, settings).forbidden_aggregates == uuids("licensed")
    asked = query(hosts, settings, specs={"trait:CUSTOM_LICENSED": "required"})
    assert asked.forbidden_aggregates == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"force_host": "h1"},
        {"requested_host": "h1"},
        {"force_node": "h1.example"},
        {"requested_node": "h1.example"},
    ],
)
def test_a_named_host_is_the_only_tree(changes: dict[str, str]) -> None:
    assert query(**changes).in_tree == named("h1")


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(Unplaceable, match="Host h9 is not known"):
        query(requested_host="h9")


def test_the_owner_trait_is_asked_for_on_demand_only() -> None:
    fleet = fleet_of([node("h1")])
    assert build_query(wish(), Settings(), fleet, require_owner=True).required == ("OWNER_NOVA",)
    assert build_query(wish(), Settings(), fleet).required == ()


def test_the_limit_is_configured() -> None:
    assert query(settings=settings_with("scheduler", max_placement_results=7)).limit == 7
