from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from compute_service.domain.errors import Conflict, Stale, Unavailable
from compute_service.domain.group import ServerGroup
from compute_service.domain.host import ResourceInventory
from compute_service.domain.image import Image
from compute_service.domain.request import Decision, SelectRequest
from compute_service.ports.placement import ConsumerAllocations, Provider
from compute_service.scheduler.service import SchedulerService
from tests.unit.scheduler.world import (
    CELL,
    CELL2,
    PROJECT,
    SMALL,
    START,
    FakeHosts,
    World,
    aggregate,
    named,
    node,
    order,
    service,
    settings_with,
    world,
)

NO_HOST = "No valid host was found. "


def hosts_of(decision: Decision) -> list[str]:
    assert decision.selections, decision.message
    return [selection.claim.host for selection in decision.selections]


def group(policy: Any, **rules: int) -> ServerGroup:
    return ServerGroup(uuid="g", project_id=PROJECT, user_id="u", name="g", policy=policy, rules=rules)


@pytest.fixture
def three() -> World:
    return world([node("a"), node("b"), node("c")])


def test_a_decision_names_the_host_and_what_was_claimed(three: World) -> None:
    asked = order(availability_zone=None)
    [selection] = three.selector.select(asked).selections
    claim = selection.claim
    amounts = {"VCPU": 1, "MEMORY_MB": 512, "DISK_GB": 1}
    assert (claim.consumer, claim.cell, claim.node) == (asked.consumers[0], CELL, f"{claim.host}.example")
    assert claim.allocations == {claim.node_uuid: amounts}
    assert claim.availability_zone == "nova"
    held = three.placement.allocations(claim.consumer)
    assert held is not None
    assert (held.project_id, held.user_id, held.allocations) == (PROJECT, "u", claim.allocations)


def test_the_normal_path_costs_two_calls_however_many_servers(three: World) -> None:
    assert len(three.selector.select(order(5, alternates=2)).selections) == 5
    assert three.placement.calls == Counter(candidates=1, claim_many=1)


def test_nothing_is_asked_for_nobody(three: World) -> None:
    assert three.selector.select(order(0)) == Decision()
    assert not three.placement.calls


def test_servers_of_one_request_are_spread(three: World) -> None:
    assert Counter(hosts_of(three.selector.select(order(9)))) == {"a": 3, "b": 3, "c": 3}


def test_servers_of_one_request_fill_a_host_no_further_than_it_goes() -> None:
    few = world([node("a", vcpus=2), node("b", vcpus=1)])
    assert Counter(hosts_of(few.selector.select(order(3)))) == {"a": 2, "b": 1}


def test_all_or_nothing() -> None:
    few = world([node("a", vcpus=2), node("b", vcpus=1)])
    decision = few.selector.select(order(4))
    assert decision.selections == ()
    assert decision.message == (
        NO_HOST
        + "Placement offered 2 hosts: Capacity refused 2 (taken by the other servers of this request)."
    )
    assert few.placement.allocations_by_consumer == {}


def test_the_zone_of_the_chosen_host_is_told() -> None:
    hosts = FakeHosts(aggregates=[aggregate("x", "b", availability_zone="az1")])
    both = world([node("a"), node("b")], hosts=hosts)
    [selection] = both.selector.select(order(availability_zone="az1")).selections
    assert (selection.claim.host, selection.claim.availability_zone) == ("b", "az1")
    [selection] = both.selector.select(order(availability_zone="nova")).selections
    assert (selection.claim.host, selection.claim.availability_zone) == ("a", "nova")


def test_unmapped_hosts_never_win() -> None:
    some = world([node("a"), node("b", memory_mb=999999)], hosts=FakeHosts(unmapped={"b"}))
    decision = some.selector.select(order())
    assert hosts_of(decision) == ["a"]
    assert decision.refused == {"HostMapping: not a compute host of an enabled cell": 1}


def test_each_refusal_is_counted_and_told() -> None:
    nodes = [node(f"h{n}") for n in range(6)]
    down = service(nodes[0], last_seen_up=START - timedelta(hours=1))
    hosts = FakeHosts(
        services={"h0": down, **{n.host: service(n, disabled=True) for n in nodes[1:3]}},
        groups={"g": {"s1": "h3", "s2": "h4", "s3": "h5"}},
    )
    decision = world(nodes, hosts=hosts).selector.select(order(group=group("anti-affinity")))
    assert decision.refused == {
        "ComputeFilter: service is down": 1,
        "ComputeFilter: service is disabled": 2,
        "ServerGroupAntiAffinityFilter: has a member of the group": 3,
    }
    assert decision.message == (
        NO_HOST
        + "Placement offered 6 hosts: ComputeFilter refused 3 (service is disabled 2, service is down 1); "
        "ServerGroupAntiAffinityFilter refused 3 (has a member of the group)."
    )


def test_what_placement_does_not_have_is_told(three: World) -> None:
    asked = order(flavor=SMALL.replace(vcpus=99, extra_specs={"trait:HW_GPU": "required"}))
    assert three.selector.select(asked).message == (
        NO_HOST + "Placement knows of no host with VCPU 99, MEMORY_MB 512, DISK_GB 1, with HW_GPU, "
        "without COMPUTE_STATUS_DISABLED."
    )


def test_a_request_that_makes_no_sense_is_told(three: World) -> None:
    message = three.selector.select(order(availability_zone="mars")).message
    assert message == NO_HOST + "There is no availability zone mars."
    assert three.placement.calls["candidates"] == 0


def test_a_fault_is_never_longer_than_it_may_be() -> None:
    specs = {f"capabilities:key_{n}": "a" * 60 for n in range(1)}
    nodes = [node(f"h{n}", stats={"key_0": f"{n}"}) for n in range(3)]
    properties = {"hw_architecture": "x" * 200}
    hosts = FakeHosts(services={"h0": service(nodes[0], disabled=True)})
    decision = world(nodes, hosts=hosts).selector.select(
        order(flavor=SMALL.replace(extra_specs=specs), image=Image(id="i", properties=properties))
    )
    assert decision.message.startswith(
        NO_HOST + "Placement offered 3 hosts: ComputeCapabilitiesFilter refused 2"
    )
    assert len(decision.message) <= 255


class TestNamedHosts:
    def test_a_forced_host_passes_filters_but_claims(self) -> None:
        hosts = FakeHosts(services={"b": service(node("b"), disabled=True, forced_down=True)})
        some = world([node("a"), node("b")], hosts=hosts)
        decision = some.selector.select(order(force_host="b"))
        assert hosts_of(decision) == ["b"]
        assert some.placement.used(named("b"), "VCPU") == 1

    def test_a_forced_host_without_room_is_refused(self) -> None:
        some = world([node("a"), node("b", vcpus=0)])
        assert some.selector.select(order(force_host="b")).selections == ()

    def test_a_forced_node_may_come_without_its_host(self, three: World) -> None:
        assert hosts_of(three.selector.select(order(force_node="c.example"))) == ["c"]

    def test_a_requested_host_is_put_to_the_filters(self) -> None:
        hosts = FakeHosts(services={"b": service(node("b"), forced_down=True)})
        some = world([node("a"), node("b")], hosts=hosts)
        assert hosts_of(some.selector.select(order(requested_host="a"))) == ["a"]
        decision = some.selector.select(order(requested_host="b"))
        assert decision.refused == {"ComputeFilter: service is down": 1}

    def test_a_host_of_another_name_is_unknown(self, three: World) -> None:
        for wish in ({"requested_host": "z"}, {"requested_host": "a", "requested_node": "b.example"}):
            assert "is not known" in three.selector.select(order(**wish)).message

    def test_ignored_hosts_are_refused(self, three: World) -> None:
        decision = three.selector.select(order(3, ignore_hosts=("a", "b")))
        assert hosts_of(decision) == ["c"] * 3
        assert decision.refused == {"IgnoredHosts: is ruled out": 2}

    def test_a_move_stays_in_its_cell(self) -> None:
        some = world([node("a", memory_mb=10**6), node("b", cell=CELL2)])
        assert hosts_of(some.selector.select(order(cell=CELL2))) == ["b"]

    @pytest.mark.parametrize("wish", [{}, {"force_host": "b"}, {"requested_host": "b"}])
    def test_an_ignored_cell_gets_nothing_however_much_its_hosts_are_wanted(
        self, wish: dict[str, Any]
    ) -> None:
        some = world([node("a"), node("b", cell=CELL2, memory_mb=10**6)])
        decision = some.selector.select(order(ignore_cells=(CELL2,), **wish))
        assert [one.claim.host for one in decision.selections] == ([] if wish else ["a"])
        assert decision.refused == {"IgnoredCells: does not answer": 1}


class TestGroups:
    def test_anti_affinity_holds_among_the_servers_of_one_request(self, three: World) -> None:
        hosts = hosts_of(three.selector.select(order(3, group=group("anti-affinity"))))
        assert sorted(hosts) == ["a", "b", "c"]
        assert three.selector.select(order(4, group=group("anti-affinity"))).selections == ()

    def test_anti_affinity_allows_as_many_as_its_rule_says(self, three: World) -> None:
        asked = order(6, group=group("anti-affinity", max_server_per_host=2))
        assert Counter(hosts_of(three.selector.select(asked))) == {"a": 2, "b": 2, "c": 2}

    def test_affinity_keeps_the_servers_of_one_request_together(self, three: World) -> None:
        assert len(set(hosts_of(three.selector.select(order(5, group=group("affinity")))))) == 1

    def test_affinity_finds_the_host_that_takes_all(self) -> None:
        some = world([node("a", memory_mb=10**6, vcpus=2), node("b", vcpus=3), node("c", vcpus=1)])
        decision = some.selector.select(order(3, group=group("affinity")))
        assert hosts_of(decision) == ["b"] * 3
        assert some.selector.select(order(4, group=group("affinity"))).selections == ()

    def test_affinity_goes_where_members_are(self, three: World) -> None:
        three.hosts.groups = {"g": {"member": "c"}}
        assert hosts_of(three.selector.select(order(2, group=group("affinity")))) == ["c", "c"]

    def test_what_the_requester_knew_counts_for_a_group_that_is_gone(self, three: World) -> None:
        asked = order(group=group("affinity"), group_hosts={"b": 1})
        assert hosts_of(three.selector.select(asked)) == ["b"]

    def test_a_moved_member_does_not_count_against_itself(self, three: World) -> None:
        asked = order(group=group("anti-affinity"), ignore_hosts=("a", "b"))
        three.hosts.groups = {"g": {asked.consumers[0]: "c"}}
        assert hosts_of(three.selector.select(asked)) == ["c"]

    def test_members_picked_a_moment_ago_count(self, three: World) -> None:
        three.hosts.groups = {"g": {}}
        chosen = [hosts_of(three.selector.select(order(group=group("anti-affinity"))))[0] for _ in range(3)]
        assert sorted(chosen) == ["a", "b", "c"]
        assert three.selector.select(order(group=group("anti-affinity"))).selections == ()

    def test_members_that_were_seen_and_deleted_count_no_more(self, three: World) -> None:
        three.hosts.groups = {"g": {}}
        for _ in range(3):
            asked = order(group=group("anti-affinity"))
            host = hosts_of(three.selector.select(asked))[0]
            three.hosts.recent[asked.consumers[0]] = host
        three.clock.advance(2)
        three.selector.select(order())
        assert three.selector.select(order(group=group("anti-affinity"))).selections

    def test_soft_anti_affinity_prefers_and_soft_affinity_packs(self, three: World) -> None:
        spread = hosts_of(three.selector.select(order(3, group=group("soft-anti-affinity"))))
        assert sorted(spread) == ["a", "b", "c"]
        packing = settings_with(soft_affinity_weight_multiplier=100.0)
        few = world([node("a"), node("b")], packing)
        assert len(set(hosts_of(few.selector.select(order(4, group=group("soft-affinity")))))) == 1


class TestAlternates:
    def test_each_server_gets_others_of_its_cell_unclaimed(self) -> None:
        some = world([node("a"), node("b"), node("c"), node("x", cell=CELL2, memory_mb=1024)])
        [selection] = some.selector.select(order(alternates=3)).selections
        others = [claim.host for claim in selection.alternates]
        assert sorted([selection.claim.host, *others]) == ["a", "b", "c"]
        assert all(claim.allocations[claim.node_uuid]["VCPU"] == 1 for claim in selection.alternates)
        assert len(some.placement.allocations_by_consumer) == 1

    def test_alternates_keep_the_groups_policy(self, three: World) -> None:
        two = three.selector.select(order(2, alternates=2, group=group("anti-affinity"))).selections
        for selection in two:
            assert len(selection.alternates) == 1
            assert selection.alternates[0].host not in {one.claim.host for one in two}

    def test_alternates_of_servers_that_must_be_together_are_none(self, three: World) -> None:
        pair = three.selector.select(order(2, alternates=2, group=group("affinity"))).selections
        assert [selection.alternates for selection in pair] == [(), ()]
        fresh = world([node("a"), node("b"), node("c")])
        [single] = fresh.selector.select(order(1, alternates=2, group=group("affinity"))).selections
        assert len(single.alternates) == 2

    def test_an_alternate_has_room_beside_the_rest_of_the_request(self) -> None:
        some = world([node("a", vcpus=1), node("b", vcpus=1), node("c", vcpus=1)])
        pair = some.selector.select(order(2, alternates=2)).selections
        taken = {selection.claim.host for selection in pair}
        assert all({c.host for c in selection.alternates} == {"a", "b", "c"} - taken for selection in pair)


class TestRepeats:
    def test_a_repeat_finds_the_claims_and_answers_the_same(self, three: World) -> None:
        asked = order(3, alternates=1)
        first = three.selector.select(asked)
        second = three.selector.select(asked)
        assert [s.claim for s in second.selections] == [s.claim for s in first.selections]
        assert all(len(s.alternates) == 1 for s in second.selections)
        assert len(three.placement.allocations_by_consumer) == 3

    def test_a_repeat_after_a_lost_answer_finds_the_claims(self, three: World) -> None:
        asked = order(2)
        three.placement.fail_next("claim_many", Unavailable("no answer"), after=True)
        with pytest.raises(Unavailable):
            three.selector.select(asked)
        held = three.placement.allocations_by_consumer
        assert set(hosts_of(three.selector.select(asked))) <= {"a", "b", "c"}
        assert three.placement.allocations_by_consumer == held

    def test_a_repeat_finds_the_claims_though_they_filled_the_last_host(self) -> None:
        full = world([node("a", vcpus=1)])
        asked = order()
        assert hosts_of(full.selector.select(asked)) == hosts_of(full.selector.select(asked)) == ["a"]

    def test_a_repeat_by_another_scheduler_finds_the_claims(self, three: World) -> None:
        other = world([node("a"), node("b"), node("c")], placement=three.placement)
        asked = order(2)
        assert hosts_of(three.selector.select(asked)) == hosts_of(other.selector.select(asked))

    def test_a_repeat_completes_claims_of_which_some_were_given_back(self, three: World) -> None:
        asked = order(3)
        first = three.selector.select(asked)
        three.placement.release(asked.consumers[1])
        second = three.selector.select(asked)
        assert [s.claim.consumer for s in second.selections] == list(asked.consumers)
        assert second.selections[0].claim == first.selections[0].claim
        assert len(three.placement.allocations_by_consumer) == 3

    def test_a_claim_on_a_child_provider_leads_to_its_host(self, three: World) -> None:
        child = Provider(
            uuid=named("gpu"),
            name="gpu",
            parent=named("a"),
            inventories={"VGPU": ResourceInventory(total=4, max_unit=4)},
        )
        three.placement.ensure_provider(child)
        specs = {"resources:VCPU": "0", "resources:MEMORY_MB": "0", "resources:DISK_GB": "0"}
        asked = order(flavor=SMALL.replace(extra_specs={**specs, "resources1:VGPU": "1"}))
        assert hosts_of(three.selector.select(asked)) == hosts_of(three.selector.select(asked)) == ["a"]

    @pytest.mark.parametrize(
        ("vcpus", "wish"), [(2, {}), (1, {"ignore_hosts": ("a",)}), (1, {"requested_host": "b"})]
    )
    def test_allocations_made_for_something_else_are_no_claim(
        self, three: World, vcpus: int, wish: dict[str, Any]
    ) -> None:
        asked = order(**wish)
        [consumer] = asked.consumers
        amounts = {"VCPU": vcpus, "MEMORY_MB": 512, "DISK_GB": 1}
        held = ConsumerAllocations(
            consumer=consumer, project_id=PROJECT, user_id="u", allocations={named("a"): amounts}
        )
        three.placement.claim_many((held,))
        with pytest.raises(Conflict, match="held allocations before"):
            three.selector.select(asked)
        assert three.placement.allocations_by_consumer == {consumer: {named("a"): amounts}}


class TestLostClaims:
    def test_a_lost_claim_is_followed_by_another_on_fresh_facts(self, three: World) -> None:
        three.placement.fail_next("claim_many", Conflict("generation"), times=3)
        assert three.selector.select(order()).selections
        assert three.placement.calls["claim_many"] == 4
        assert three.hosts.reads == 4

    def test_claims_are_not_tried_for_ever(self, three: World) -> None:
        three.placement.fail_next("claim_many", Conflict("generation"), times=9)
        with pytest.raises(Stale, match="claimed the chosen hosts first, 4 times in a row"):
            three.selector.select(order())
        assert three.placement.calls["claim_many"] == 4
        assert three.placement.allocations_by_consumer == {}

    def test_a_lost_claim_leaves_nothing_assumed(self, three: World) -> None:
        three.placement.fail_next("claim_many", Conflict("generation"), times=4)
        with pytest.raises(Stale):
            three.selector.select(order(6))
        assert Counter(hosts_of(three.selector.select(order(9)))) == {"a": 3, "b": 3, "c": 3}


class TestFreshness:
    def test_facts_are_read_once_for_many_requests(self, three: World) -> None:
        for _ in range(20):
            three.selector.select(order())
        assert three.hosts.reads == 1
        three.clock.advance(2)
        three.selector.select(order())
        assert three.hosts.reads == 2

    def test_a_host_that_was_just_disabled_is_not_chosen(self, three: World) -> None:
        three.selector.select(order())
        three.hosts.services = {host: service(node(host), disabled=True) for host in "ab"}
        three.hosts.changes += 1
        assert {host for _ in range(9) for host in hosts_of(three.selector.select(order()))} == {"c"}
        assert three.hosts.reads == 2

    def test_a_change_is_read_once(self, three: World) -> None:
        for _ in range(2):
            three.hosts.changes += 1
            three.selector.select(order())
            three.selector.select(order())
        assert three.hosts.reads == 2

    def test_no_host_is_refused_on_old_facts(self, three: World) -> None:
        three.selector.select(order())
        three.hosts.aggregates.append(aggregate("new", "b", availability_zone="az1"))
        three.placement.set_aggregates(named("b"), (named("aggregate new"),))
        assert hosts_of(three.selector.select(order(availability_zone="az1"))) == ["b"]

    def test_a_host_that_came_a_moment_ago_is_found(self) -> None:
        some = world([node("a", vcpus=0)])
        assert some.selector.select(order()).selections == ()
        some.hosts.nodes.append(node("b"))
        some.placement.ensure_provider(
            Provider(
                uuid=named("b"),
                name="b",
                inventories={
                    n: ResourceInventory(total=9999, max_unit=9999) for n in ("VCPU", "MEMORY_MB", "DISK_GB")
                },
            )
        )
        assert hosts_of(some.selector.select(order())) == ["b"]

    def test_limits_by_number_hold_for_requests_in_quick_succession(self) -> None:
        settings = settings_with(enabled_filters=("NumInstancesFilter",), max_instances_per_host=2)
        some = world([node("a"), node("b")], settings)
        for _ in range(4):
            assert some.selector.select(order()).selections
        assert some.selector.select(order()).refused == {"NumInstancesFilter: has 2 or more servers": 2}


class TestHints:
    def test_hints_name_servers_wherever_they_are(self) -> None:
        settings = settings_with(enabled_filters=("SameHostFilter", "DifferentHostFilter"))
        some = world([node("a"), node("b")], settings)
        some.hosts.servers = {"s1": "b"}
        assert hosts_of(some.selector.select(order(hints={"same_host": ["s1"]}))) == ["b"]
        assert hosts_of(some.selector.select(order(hints={"different_host": "s1"}))) == ["a"]

    def test_a_server_that_was_picked_a_moment_ago_is_known(self) -> None:
        some = world([node("a"), node("b")], settings_with(enabled_filters=("SameHostFilter",)))
        first = order()
        chosen = hosts_of(some.selector.select(first))
        assert hosts_of(some.selector.select(order(3, hints={"same_host": first.consumers[0]}))) == chosen * 3


class TestRebuild:
    @staticmethod
    def rebuild(**properties: str) -> SelectRequest:
        return order(rebuild=True, current_host="b", image=Image(id="i", properties=properties))

    def test_a_rebuild_is_put_to_image_filters_and_claims_nothing(self) -> None:
        hosts = FakeHosts(services={"b": service(node("b"), disabled=True)})
        some = world([node("a"), node("b")], hosts=hosts)
        [selection] = some.selector.select(self.rebuild(hw_architecture="x86_64")).selections
        assert (selection.claim.host, selection.claim.allocations) == ("b", {})
        assert not some.placement.calls

    def test_a_rebuild_may_be_refused(self, three: World) -> None:
        decision = three.selector.select(self.rebuild(hw_architecture="aarch64"))
        assert decision.refused == {"ImagePropertiesFilter: cannot run aarch64 guests": 1}

    def test_a_rebuild_on_an_unknown_host_is_refused(self, three: World) -> None:
        asked = order(rebuild=True, current_host="z")
        assert three.selector.select(asked).message == NO_HOST + "Host z is not known."


def test_a_shared_disk_counts_as_the_hosts() -> None:
    """Placement may take DISK_GB from a provider that several hosts share."""
    hosts = [node("a"), node("b")]
    some = world(hosts)
    asked = order(2, flavor=SMALL.replace(extra_specs={"resources:DISK_GB": "0", "resources1:VGPU": "1"}))
    for of in hosts:
        some.placement.ensure_provider(
            Provider(
                uuid=named(f"gpu of {of.host}"),
                name=f"gpu of {of.host}",
                parent=of.uuid,
                inventories={"VGPU": ResourceInventory(total=1, max_unit=1)},
            )
        )
    assert sorted(hosts_of(some.selector.select(asked))) == ["a", "b"]
    assert some.selector.select(order(flavor=asked.request.flavor)).selections == ()


def test_the_service_tells_of_each_decision(three: World) -> None:
    seen: list[tuple[Decision, float]] = []
    endpoint = SchedulerService(three.selector, lambda decision, seconds: seen.append((decision, seconds)))
    decision = endpoint.select(order())
    assert [(decision, True)] == [(one, seconds >= 0) for one, seconds in seen]
