from __future__ import annotations

from typing import Any

import os_traits
import pytest

from compute_service.agent.inventory import ALWAYS, CAPABILITY_TRAITS, DISABLED, Inventory
from compute_service.clients.fake.placement import FakePlacement
from compute_service.config.settings import Settings
from compute_service.domain.errors import Conflict, Unavailable
from compute_service.domain.host import HostFacts, ResourceInventory
from compute_service.ports.hypervisor import CAPABILITIES
from compute_service.ports.placement import ConsumerAllocations, Provider
from compute_service.virt.fake.facts import TRAITS
from tests.fakes.clock import ManualClock
from tests.unit.agent.parts import with_options

NODE = "33333333-3333-4333-8333-333333333333"
FACTS = HostFacts(
    hypervisor_type="fake",
    hypervisor_version=1,
    hypervisor_hostname="h1",
    vcpus=8,
    memory_mb=16384,
    local_gb=100,
    traits=("HW_CPU_X86_AVX", "COMPUTE_IMAGE_TYPE_RAW", "COMPUTE_IMAGE_TYPE_ISO"),
)


@pytest.fixture
def placement() -> FakePlacement:
    return FakePlacement()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def inventory(
    placement: FakePlacement, clock: ManualClock, settings: Settings | None = None, **default: Any
) -> Inventory:
    settings = with_options(settings or Settings(), "default", **default)
    return Inventory(NODE, ("AttachesNics", "Migrates"), placement, settings, clock)


def provider(placement: FakePlacement) -> Provider:
    return placement.providers_by_uuid[NODE]


def test_a_new_host_gets_a_provider_with_initial_ratios(placement: FakePlacement, clock: ManualClock) -> None:
    assert inventory(placement, clock, reserved_host_cpus=1, reserved_host_disk_mb=1500).sync(FACTS)
    assert provider(placement).name == "h1"
    assert provider(placement).inventories == {
        "VCPU": ResourceInventory(total=8, reserved=1, max_unit=8, allocation_ratio=4.0),
        "MEMORY_MB": ResourceInventory(total=16384, reserved=512, max_unit=16384),
        "DISK_GB": ResourceInventory(total=100, reserved=2, max_unit=100),
    }
    assert set(provider(placement).traits) == {
        *FACTS.traits,
        "COMPUTE_NODE",
        "OWNER_NOVA",
        "COMPUTE_NET_ATTACH_INTERFACE",
        "COMPUTE_SAME_HOST_COLD_MIGRATE",
    }


def test_a_host_on_which_nothing_changes_makes_no_calls(placement: FakePlacement, clock: ManualClock) -> None:
    synced = inventory(placement, clock)
    synced.sync(FACTS)
    placement.calls.clear()
    for _ in range(4):
        clock.advance(60)
        assert synced.sync(FACTS.replace(vcpus_used=5, uptime="up"))
    assert not placement.calls


def test_what_placement_holds_is_looked_at_again_after_a_while(
    placement: FakePlacement, clock: ManualClock
) -> None:
    synced = inventory(placement, clock)
    synced.sync(FACTS)
    placement.set_trait(NODE, "COMPUTE_NODE", False)
    placement.calls.clear()
    clock.advance(299)
    synced.sync(FACTS)
    assert not placement.calls
    clock.advance(1)
    synced.sync(FACTS)
    assert placement.calls == {"provider": 1, "ensure_provider": 1}
    assert "COMPUTE_NODE" in provider(placement).traits


def test_with_no_refresh_placement_is_read_at_start_alone(
    placement: FakePlacement, clock: ManualClock
) -> None:
    settings = with_options(Settings(), "compute", resource_provider_association_refresh=0)
    synced = inventory(placement, clock, settings)
    synced.sync(FACTS)
    placement.calls.clear()
    clock.advance(1e6)
    synced.sync(FACTS)
    assert not placement.calls


def test_what_others_put_on_the_provider_stays(placement: FakePlacement, clock: ManualClock) -> None:
    synced = inventory(placement, clock)
    synced.sync(FACTS)
    placement.set_trait(NODE, "CUSTOM_FAST", True)
    seen = provider(placement)
    placement.ensure_provider(
        seen.replace(inventories=seen.inventories | {"CUSTOM_FPGA": ResourceInventory(total=2, max_unit=2)})
    )
    placement.set_aggregates(NODE, ("agg",))
    synced.set_disabled(True)
    synced.sync(FACTS)
    after = provider(placement)
    assert {"CUSTOM_FAST", DISABLED} <= set(after.traits)
    assert after.inventories["CUSTOM_FPGA"].total == 2
    assert after.aggregates == ("agg",)


def test_traits_of_ours_that_no_longer_hold_are_taken_away(
    placement: FakePlacement, clock: ManualClock
) -> None:
    synced = inventory(placement, clock)
    synced.sync(FACTS)
    synced.sync(FACTS.replace(traits=("COMPUTE_IMAGE_TYPE_RAW",)))
    assert "HW_CPU_X86_AVX" not in provider(placement).traits


def test_a_disabled_service_shows_and_goes(placement: FakePlacement, clock: ManualClock) -> None:
    synced = inventory(placement, clock)
    synced.set_disabled(True)
    synced.sync(FACTS)
    assert DISABLED in provider(placement).traits
    synced.set_disabled(False)
    synced.sync(FACTS)
    assert DISABLED not in provider(placement).traits


def test_a_configured_ratio_wins_over_what_placement_has(
    placement: FakePlacement, clock: ManualClock
) -> None:
    inventory(placement, clock).sync(FACTS)
    inventory(placement, clock, cpu_allocation_ratio=16.0).sync(FACTS)
    assert provider(placement).inventories["VCPU"].allocation_ratio == 16.0


@pytest.mark.parametrize("configured", [None, 0.0])
def test_without_one_a_ratio_set_in_placement_stays(
    placement: FakePlacement, clock: ManualClock, configured: float | None
) -> None:
    inventory(placement, clock).sync(FACTS)
    seen = provider(placement)
    placement.ensure_provider(
        seen.replace(
            inventories=seen.inventories | {"VCPU": seen.inventories["VCPU"].replace(allocation_ratio=2.0)}
        )
    )
    inventory(placement, clock, cpu_allocation_ratio=configured).sync(FACTS)
    assert provider(placement).inventories["VCPU"].allocation_ratio == 2.0


def test_a_host_that_grows_keeps_what_is_allocated(placement: FakePlacement, clock: ManualClock) -> None:
    synced = inventory(placement, clock)
    synced.sync(FACTS)
    placement.claim_many(
        (ConsumerAllocations(consumer="c", project_id="p", user_id="u", allocations={NODE: {"VCPU": 4}}),)
    )
    assert synced.sync(FACTS.replace(vcpus=16))
    assert provider(placement).inventories["VCPU"].total == 16
    assert placement.used(NODE, "VCPU") == 4


def test_a_resource_that_the_host_has_none_of_is_left_out(
    placement: FakePlacement, clock: ManualClock
) -> None:
    synced = inventory(placement, clock)
    synced.sync(FACTS)
    synced.sync(FACTS.replace(local_gb=0))
    assert "DISK_GB" not in provider(placement).inventories


def test_more_reserved_than_there_is_leaves_nothing_and_no_error(
    placement: FakePlacement, clock: ManualClock
) -> None:
    assert inventory(placement, clock, reserved_host_memory_mb=99999).sync(FACTS)
    assert provider(placement).inventories["MEMORY_MB"].reserved == 16384


def test_image_types_can_be_excluded(placement: FakePlacement, clock: ManualClock) -> None:
    settings = with_options(Settings(), "compute", image_type_exclude_list=("iso",))
    inventory(placement, clock, settings).sync(FACTS)
    assert "COMPUTE_IMAGE_TYPE_ISO" not in provider(placement).traits
    assert "COMPUTE_IMAGE_TYPE_RAW" in provider(placement).traits


def test_lost_generations_are_tried_again(placement: FakePlacement, clock: ManualClock) -> None:
    placement.fail_next("ensure_provider", Conflict("generation"), times=3)
    assert inventory(placement, clock).sync(FACTS)
    assert placement.calls["provider"] == 4


def test_conflicts_without_end_are_left_to_the_next_time(
    placement: FakePlacement, clock: ManualClock
) -> None:
    placement.fail_next("ensure_provider", Conflict("name taken"), times=4)
    synced = inventory(placement, clock)
    assert not synced.sync(FACTS)
    assert synced.sync(FACTS)


def test_a_placement_that_does_not_answer_is_tried_the_next_time(
    placement: FakePlacement, clock: ManualClock
) -> None:
    placement.fail_next("provider", Unavailable("placement is down"))
    synced = inventory(placement, clock)
    assert not synced.sync(FACTS)
    assert placement.calls["provider"] == 1
    assert synced.sync(FACTS)


def test_every_trait_that_we_name_is_a_standard_one() -> None:
    known = set(os_traits.get_traits())
    named = {*ALWAYS, DISABLED, *TRAITS, *(t for traits in CAPABILITY_TRAITS.values() for t in traits)}
    assert named <= known
    assert CAPABILITY_TRAITS.keys() <= {c.__name__ for c in CAPABILITIES}
