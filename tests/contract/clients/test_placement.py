"""What placement does, for the fake and for the real client on the real service."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from compute_service.domain.errors import Conflict, Invalid, NotFound
from compute_service.domain.host import ResourceInventory
from compute_service.ports.placement import CandidateQuery, ConsumerAllocations, Placement, Provider

PROJECT = "9f2d3c1a4b5e46a7b8c9d0e1f2a3b4c5"
USER = "1c2d3e4f5a6b47c8d9e0f1a2b3c4d5e6"
ASKED = {"VCPU": 2, "MEMORY_MB": 512}


def new_id() -> str:
    return str(uuid.uuid4())


@pytest.fixture(params=["fake", "in process", "real"])
def placement(request: pytest.FixtureRequest) -> Placement:
    return request.getfixturevalue(f"{request.param.replace(' ', '_')}_placement")


Host = Callable[..., Provider]


@pytest.fixture
def host(placement: Placement) -> Iterator[Host]:
    """Makes a provider with 4 VCPU (times 2), 4096 MB of memory and whatever else is asked for."""
    made: list[str] = []

    def make(**fields: object) -> Provider:
        uuid_ = new_id()
        made.append(uuid_)
        inventories = {
            "VCPU": ResourceInventory(total=4, max_unit=4, allocation_ratio=2.0),
            "MEMORY_MB": ResourceInventory(total=4096, max_unit=4096, reserved=512),
        }
        return placement.ensure_provider(
            Provider(**{"uuid": uuid_, "name": f"node-{uuid_}", "inventories": inventories, **fields})
        )

    yield make
    for provider in reversed(made):
        if placement.provider(provider) is not None:
            for consumer in placement.allocations_of_provider(provider):
                placement.release(consumer)
            placement.delete_provider(provider)


def claim(
    consumer: str, provider: str, generation: int | None = None, **resources: int
) -> ConsumerAllocations:
    return ConsumerAllocations(
        consumer=consumer,
        project_id=PROJECT,
        user_id=USER,
        allocations={provider: resources or dict(ASKED)},
        generation=generation,
    )


def hosts_of(placement: Placement, query: CandidateQuery) -> set[str]:
    return {candidate.root for candidate in placement.candidates(query).candidates}


def test_a_provider_is_made_with_all_that_hangs_on_it(placement: Placement, host: Host) -> None:
    made = host(traits=("COMPUTE_NODE", "CUSTOM_BLUE"))
    found = placement.provider(made.uuid)
    assert found is not None
    assert (found.name, found.parent, found.aggregates) == (made.name, None, ())
    assert set(found.traits) == {"COMPUTE_NODE", "CUSTOM_BLUE"}
    assert found.inventories["MEMORY_MB"] == ResourceInventory(total=4096, max_unit=4096, reserved=512)


def test_an_unknown_provider_is_none(placement: Placement) -> None:
    assert placement.provider(new_id()) is None


def test_providers_are_listed(placement: Placement, host: Host) -> None:
    made = host()
    assert (made.uuid, made.name) in {(p.uuid, p.name) for p in placement.providers()}


def test_ensuring_the_same_again_writes_nothing(placement: Placement, host: Host) -> None:
    made = host(traits=("COMPUTE_NODE",))
    again = placement.ensure_provider(made)
    assert again.generation == made.generation
    assert again == placement.provider(made.uuid)


def test_ensuring_changes_inventories_and_traits(placement: Placement, host: Host) -> None:
    made = host(traits=("COMPUTE_NODE",))
    inventories = {"CUSTOM_LICENSE": ResourceInventory(total=3, max_unit=3)}
    placement.ensure_provider(made.replace(inventories=inventories, traits=("CUSTOM_RED",)))
    found = placement.provider(made.uuid)
    assert found is not None
    assert found.inventories == inventories
    assert found.traits == ("CUSTOM_RED",)


def test_ensuring_leaves_aggregates_alone(placement: Placement, host: Host) -> None:
    made = host()
    aggregate = new_id()
    placement.set_aggregates(made.uuid, (aggregate,))
    assert placement.ensure_provider(made.replace(traits=("COMPUTE_NODE",))).aggregates == (aggregate,)


def test_ensuring_renames(placement: Placement, host: Host) -> None:
    made = host()
    placement.ensure_provider(made.replace(name=f"{made.name}-new"))
    found = placement.provider(made.uuid)
    assert found is not None
    assert found.name == f"{made.name}-new"


def test_a_name_belongs_to_one_provider(placement: Placement, host: Host) -> None:
    made = host()
    with pytest.raises(Conflict):
        host(name=made.name)


def test_inventory_in_use_cannot_go(placement: Placement, host: Host, server: str) -> None:
    made = host()
    placement.claim_many((claim(server, made.uuid),))
    with pytest.raises(Conflict):
        placement.ensure_provider(made.replace(inventories={}))


def test_a_trait_is_added_and_taken_away(placement: Placement, host: Host) -> None:
    made = host()
    placement.set_trait(made.uuid, "COMPUTE_STATUS_DISABLED", True)
    placement.set_trait(made.uuid, "COMPUTE_STATUS_DISABLED", True)
    placement.set_trait(made.uuid, "CUSTOM_NEVER_SEEN_BEFORE", True)
    found = placement.provider(made.uuid)
    assert found is not None
    assert set(found.traits) == {"COMPUTE_STATUS_DISABLED", "CUSTOM_NEVER_SEEN_BEFORE"}
    placement.set_trait(made.uuid, "COMPUTE_STATUS_DISABLED", False)
    placement.set_trait(made.uuid, "COMPUTE_STATUS_DISABLED", False)
    found = placement.provider(made.uuid)
    assert found is not None
    assert found.traits == ("CUSTOM_NEVER_SEEN_BEFORE",)


def test_traits_that_this_placement_does_not_know_are_left_out(placement: Placement, host: Host) -> None:
    made = host()
    placement.ensure_provider(made.replace(traits=("COMPUTE_NODE", "HW_OF_A_LATER_YEAR")))
    found = placement.provider(made.uuid)
    assert found is not None
    assert "COMPUTE_NODE" in found.traits


def test_a_malformed_trait_is_refused(placement: Placement, host: Host) -> None:
    with pytest.raises(Invalid):
        placement.set_trait(host().uuid, "not a trait", True)


def test_an_unknown_provider_has_no_traits_or_aggregates_to_set(placement: Placement) -> None:
    with pytest.raises(NotFound):
        placement.set_trait(new_id(), "COMPUTE_NODE", True)
    with pytest.raises(NotFound):
        placement.set_aggregates(new_id(), (new_id(),))


def test_candidates_have_room(placement: Placement, host: Host, server: str) -> None:
    small, large = host(), host()
    placement.claim_many((claim(server, small.uuid, VCPU=4), claim(new_id(), small.uuid, VCPU=3)))
    found = placement.candidates(CandidateQuery(resources=ASKED))
    assert {small.uuid, large.uuid} & {c.root for c in found.candidates} == {large.uuid}
    chosen = next(c for c in found.candidates if c.root == large.uuid)
    assert chosen.allocations == {large.uuid: ASKED}
    summary = found.summaries[large.uuid]
    assert summary.capacity == {"VCPU": 8, "MEMORY_MB": 3584}
    assert summary.used == {"VCPU": 0, "MEMORY_MB": 0}
    assert summary.root == large.uuid


def test_max_unit_bounds_one_claim(placement: Placement, host: Host) -> None:
    made = host()
    assert made.uuid not in hosts_of(placement, CandidateQuery(resources={"VCPU": 5}))
    with pytest.raises(Conflict):
        placement.claim_many((claim(new_id(), made.uuid, VCPU=5),))


def test_min_unit_and_step_size_bound_claims(placement: Placement, host: Host) -> None:
    made = host(inventories={"VCPU": ResourceInventory(total=16, max_unit=16, min_unit=4, step_size=4)})
    assert made.uuid not in hosts_of(placement, CandidateQuery(resources={"VCPU": 2}))
    assert made.uuid not in hosts_of(placement, CandidateQuery(resources={"VCPU": 6}))
    assert made.uuid in hosts_of(placement, CandidateQuery(resources={"VCPU": 8}))


def test_traits_are_required_and_forbidden(placement: Placement, host: Host) -> None:
    red, blue = host(traits=("CUSTOM_RED",)), host(traits=("CUSTOM_BLUE",))
    both = {red.uuid, blue.uuid}
    assert hosts_of(placement, CandidateQuery(resources=ASKED, required=("CUSTOM_RED",))) & both == {red.uuid}
    assert hosts_of(placement, CandidateQuery(resources=ASKED, forbidden=("CUSTOM_RED",))) & both == {
        blue.uuid
    }


def test_required_and_forbidden_traits_are_asked_together(placement: Placement, host: Host) -> None:
    one, other = host(traits=("CUSTOM_RED",)), host(traits=("CUSTOM_RED", "CUSTOM_BLUE"))
    query = CandidateQuery(resources=ASKED, required=("CUSTOM_RED",), forbidden=("CUSTOM_BLUE",))
    assert hosts_of(placement, query) & {one.uuid, other.uuid} == {one.uuid}


def test_aggregates_are_required_all_of_them_and_any_of_each(placement: Placement, host: Host) -> None:
    inside, outside, elsewhere = host(), host(), host()
    east, west, fast = new_id(), new_id(), new_id()
    placement.set_aggregates(inside.uuid, (east, fast))
    placement.set_aggregates(outside.uuid, (east,))
    query = CandidateQuery(resources=ASKED, member_of=((east, west), (fast,)))
    assert hosts_of(placement, query) & {inside.uuid, outside.uuid, elsewhere.uuid} == {inside.uuid}


def test_aggregates_are_forbidden(placement: Placement, host: Host) -> None:
    inside, other, outside = host(), host(), host()
    isolated, reserved = new_id(), new_id()
    placement.set_aggregates(inside.uuid, (isolated,))
    placement.set_aggregates(other.uuid, (reserved,))
    query = CandidateQuery(resources=ASKED, forbidden_aggregates=(isolated, reserved))
    assert hosts_of(placement, query) & {inside.uuid, other.uuid, outside.uuid} == {outside.uuid}


def test_a_tree_can_be_named(placement: Placement, host: Host) -> None:
    wanted, _other = host(), host()
    assert hosts_of(placement, CandidateQuery(resources=ASKED, in_tree=wanted.uuid)) == {wanted.uuid}


def test_resources_spread_over_a_tree(placement: Placement, host: Host) -> None:
    root = host()
    child = host(parent=root.uuid, inventories={"VGPU": ResourceInventory(total=2, max_unit=2)})
    found = placement.candidates(CandidateQuery(resources={**ASKED, "VGPU": 1}, in_tree=root.uuid))
    assert [c.allocations for c in found.candidates] == [{root.uuid: ASKED, child.uuid: {"VGPU": 1}}]
    assert found.summaries[child.uuid].root == root.uuid


def test_numbered_groups_may_be_kept_apart(placement: Placement, host: Host) -> None:
    root = host()
    inventory = {"VGPU": ResourceInventory(total=2, max_unit=2)}
    one, two = (host(parent=root.uuid, inventories=inventory, traits=("CUSTOM_FAST",)) for _ in range(2))
    group = CandidateQuery(resources={"VGPU": 1}, required=("CUSTOM_FAST",))

    def found(policy: str) -> list[dict[str, dict[str, int]]]:
        query = CandidateQuery(
            resources=ASKED, in_tree=root.uuid, groups={"1": group, "2": group}, group_policy=policy
        )
        return [c.allocations for c in placement.candidates(query).candidates]

    apart = {root.uuid: ASKED, one.uuid: {"VGPU": 1}, two.uuid: {"VGPU": 1}}
    assert found("isolate")
    assert all(allocations == apart for allocations in found("isolate"))
    together = [{root.uuid: ASKED, gpu.uuid: {"VGPU": 2}} for gpu in (one, two)]
    assert all(allocations in found("none") for allocations in [apart, *together])


def test_several_numbered_groups_need_a_policy(placement: Placement) -> None:
    group = CandidateQuery(resources={"VGPU": 1})
    with pytest.raises(Invalid):
        placement.candidates(CandidateQuery(resources=ASKED, groups={"1": group, "2": group}))


def test_candidates_are_limited(placement: Placement, host: Host) -> None:
    for _ in range(3):
        host(traits=("CUSTOM_LIMITED",))
    query = CandidateQuery(resources=ASKED, required=("CUSTOM_LIMITED",), limit=2)
    assert len(placement.candidates(query).candidates) == 2


def test_no_candidates_are_no_error(placement: Placement) -> None:
    found = placement.candidates(CandidateQuery(resources={"VCPU": 1_000_000}))
    assert (found.candidates, found.summaries) == ((), {})


def test_a_claim_is_kept_and_counted(placement: Placement, host: Host, server: str) -> None:
    made = host()
    before = placement.usages(PROJECT).get("VCPU", 0)
    placement.claim_many((claim(server, made.uuid),))
    held = placement.allocations(server)
    assert held is not None
    assert held.allocations == {made.uuid: ASKED}
    assert (held.project_id, held.user_id, held.consumer_type) == (PROJECT, USER, "INSTANCE")
    assert held.generation is not None
    assert placement.allocations_of_provider(made.uuid) == {server: ASKED}
    assert placement.usages(PROJECT)["VCPU"] == before + 2
    assert placement.usages(PROJECT, USER)["VCPU"] == before + 2
    assert placement.usages(PROJECT, "nobody").get("VCPU", 0) == 0


def test_an_unknown_consumer_holds_nothing(placement: Placement) -> None:
    assert placement.allocations(new_id()) is None


def test_a_new_claim_on_a_known_consumer_conflicts(placement: Placement, host: Host, server: str) -> None:
    made = host()
    placement.claim_many((claim(server, made.uuid),))
    with pytest.raises(Conflict):
        placement.claim_many((claim(server, made.uuid, VCPU=1),))


def test_a_claim_replaces_what_its_reader_saw(placement: Placement, host: Host, server: str) -> None:
    made, other = host(), host()
    placement.claim_many((claim(server, made.uuid),))
    seen = placement.allocations(server)
    assert seen is not None
    placement.claim_many((claim(server, other.uuid, seen.generation, VCPU=1),))
    with pytest.raises(Conflict):
        placement.claim_many((claim(server, made.uuid, seen.generation),))
    held = placement.allocations(server)
    assert held is not None
    assert held.allocations == {other.uuid: {"VCPU": 1}}
    assert placement.allocations_of_provider(made.uuid) == {}


def test_claims_are_all_or_nothing(placement: Placement, host: Host, server: str) -> None:
    made, full = host(), host()
    placement.claim_many((claim(server, full.uuid, VCPU=4), claim(new_id(), full.uuid, VCPU=4)))
    late = new_id()
    with pytest.raises(Conflict):
        placement.claim_many((claim(late, made.uuid), claim(new_id(), full.uuid)))
    assert placement.allocations(late) is None
    assert placement.allocations_of_provider(made.uuid) == {}


def test_claims_together_exceed_nothing(placement: Placement, host: Host) -> None:
    made = host()
    with pytest.raises(Conflict):
        placement.claim_many(tuple(claim(new_id(), made.uuid, VCPU=4) for _ in range(3)))
    assert placement.allocations_of_provider(made.uuid) == {}


def test_a_move_takes_and_gives_in_one_claim(placement: Placement, host: Host, server: str) -> None:
    made, migration = host(), new_id()
    placement.claim_many((claim(server, made.uuid, VCPU=4), claim(new_id(), made.uuid, VCPU=4)))
    seen = placement.allocations(server)
    assert seen is not None
    moved = claim(migration, made.uuid, VCPU=4).replace(consumer_type="MIGRATION")
    placement.claim_many((moved, seen.replace(allocations={})))
    assert placement.allocations(server) is None
    held = placement.allocations(migration)
    assert held is not None
    assert (held.allocations, held.consumer_type) == ({made.uuid: {"VCPU": 4}}, "MIGRATION")


def test_a_claim_on_a_provider_that_went_away_conflicts(placement: Placement) -> None:
    with pytest.raises(Conflict):
        placement.claim_many((claim(new_id(), new_id()),))


def test_a_claim_of_what_a_provider_does_not_have_conflicts(placement: Placement, host: Host) -> None:
    with pytest.raises(Conflict):
        placement.claim_many((claim(new_id(), host().uuid, VGPU=1),))


def test_no_claims_are_no_call(placement: Placement) -> None:
    placement.claim_many(())


def test_a_release_can_be_repeated(placement: Placement, host: Host, server: str) -> None:
    made = host()
    placement.claim_many((claim(server, made.uuid),))
    placement.release(server)
    placement.release(server)
    assert placement.allocations(server) is None
    assert placement.allocations_of_provider(made.uuid) == {}


def test_a_provider_goes_when_nothing_is_on_it(placement: Placement, host: Host, server: str) -> None:
    made = host()
    placement.claim_many((claim(server, made.uuid),))
    with pytest.raises(Conflict):
        placement.delete_provider(made.uuid)
    placement.release(server)
    placement.delete_provider(made.uuid)
    placement.delete_provider(made.uuid)
    assert placement.provider(made.uuid) is None


def test_a_provider_with_children_stays(placement: Placement, host: Host) -> None:
    root = host()
    child = host(parent=root.uuid)
    with pytest.raises(Conflict):
        placement.delete_provider(root.uuid)
    placement.delete_provider(child.uuid)
    placement.delete_provider(root.uuid)
    assert placement.provider(root.uuid) is None


def test_an_unknown_providers_allocations_are_an_error(placement: Placement) -> None:
    with pytest.raises(NotFound):
        placement.allocations_of_provider(new_id())
