"""Whatever the hosts and the wish: a chosen host breaks none of the rules that are enabled."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from compute_service.domain.group import ServerGroup
from compute_service.domain.host import ComputeNode
from compute_service.domain.image import Image
from compute_service.domain.request import Decision, SelectRequest
from compute_service.scheduler.fleet import HostLoad
from tests.unit.scheduler.world import (
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

NAMES = [f"h{n}" for n in range(6)]
ENABLED = (
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
    "AggregateMultiTenancyIsolation",
    "NumInstancesFilter",
    "IoOpsFilter",
    "DifferentHostFilter",
)
MOST = 4
some_names = st.sets(st.sampled_from(NAMES))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw hosts of all sorts with what is on them."""
    nodes = [
        node(
            name,
            vcpus=draw(st.integers(0, 6)),
            supported_instances=((draw(st.sampled_from(("x86_64", "aarch64"))), "kvm", "hvm"),),
            stats={"rack": draw(st.sampled_from(("r1", "r2")))},
        )
        for name in NAMES
    ]
    services = {
        n.host: service(
            n,
            disabled=draw(st.integers(0, 4)) == 0,
            last_seen_up=START - timedelta(seconds=draw(st.sampled_from((0, 0, 0, 300)))),
        )
        for n in nodes
    }
    hosts = FakeHosts(
        services=services,
        aggregates=[
            aggregate("zone", *sorted(draw(some_names)), availability_zone="az1"),
            aggregate("theirs", *sorted(draw(some_names)), filter_tenant_id="other"),
        ],
        loads={
            name: HostLoad(instances=draw(st.integers(0, MOST)), busy=draw(st.integers(0, 2)))
            for name in NAMES
        },
        groups={"g": draw(st.dictionaries(st.sampled_from(("m1", "m2", "m3")), st.sampled_from(NAMES)))},
        servers={"s1": draw(st.sampled_from(NAMES))},
        unmapped=draw(st.sets(st.sampled_from(NAMES), max_size=1)),
    )
    options = {"max_instances_per_host": MOST, "max_io_ops_per_host": 3}
    return world(nodes, settings_with(enabled_filters=ENABLED, **options), hosts=hosts)


@st.composite
def orders(draw: st.DrawFn) -> SelectRequest:
    """Draw a wish for one to five servers."""
    policy: Any = draw(st.sampled_from((None, "affinity", "anti-affinity", "soft-anti-affinity")))
    rules = {"max_server_per_host": 2} if policy == "anti-affinity" and draw(st.booleans()) else {}
    specs = draw(st.sampled_from(({}, {"capabilities:rack": "r1"})))
    return order(
        draw(st.integers(1, 5)),
        alternates=2,
        flavor=SMALL.replace(extra_specs=specs),
        image=draw(st.sampled_from((None, Image(id="i", properties={"hw_architecture": "x86_64"})))),
        availability_zone=draw(st.sampled_from((None, "az1", "nova"))),
        ignore_hosts=tuple(sorted(draw(st.sets(st.sampled_from(NAMES), max_size=2)))),
        hints=draw(st.sampled_from(({}, {"different_host": "s1"}))),
        group=policy
        and ServerGroup(uuid="g", project_id=PROJECT, user_id="u", name="g", policy=policy, rules=rules),
    )


def check_host(some: World, asked: SelectRequest, of: ComputeNode) -> None:
    """Assert the rules that hold for one host by itself."""
    request, hosts = asked.request, some.hosts
    known = hosts.services[of.host]
    assert not known.disabled
    assert known.last_seen_up == START
    assert of.host not in hosts.unmapped
    assert of.host not in request.ignore_hosts
    assert of.host not in hosts.aggregates[1].hosts
    zone = {"az1": True, "nova": False}.get(request.availability_zone or "")
    assert zone is None or zone == (of.host in hosts.aggregates[0].hosts)
    if request.image is not None:
        assert of.facts.supported_instances[0][0] == "x86_64"
    if request.flavor.extra_specs:
        assert of.facts.stats["rack"] == "r1"
    if request.hints:
        assert of.host != hosts.servers["s1"]


def check_all(some: World, asked: SelectRequest, decision: Decision) -> None:
    """Assert the rules that hold for the chosen hosts together."""
    chosen = Counter(selection.claim.host for selection in decision.selections)
    by_name = {n.host: n for n in some.hosts.nodes}
    for host, count in chosen.items():
        load = some.hosts.loads[host]
        assert count <= by_name[host].facts.vcpus
        assert load.instances + count <= MOST
        assert load.busy + count <= 3
        assert some.placement.used(named(host), "VCPU") == count
    group = asked.request.group
    members = Counter(some.hosts.groups["g"].values())
    if group is not None and group.policy == "anti-affinity":
        most = group.rules.get("max_server_per_host", 1)
        assert all(members[host] + count <= most for host, count in chosen.items())
    if group is not None and group.policy == "affinity":
        assert set(chosen) <= set(members) if members else len(chosen) == 1


@given(worlds(), orders())
@settings(max_examples=300, deadline=None)
def test_a_chosen_host_breaks_no_enabled_rule(some: World, asked: SelectRequest) -> None:
    decision = some.selector.select(asked)
    if not decision.selections:
        assert decision.message.startswith("No valid host was found. ")
        assert not some.placement.allocations_by_consumer
        return
    assert [selection.claim.consumer for selection in decision.selections] == list(asked.consumers)
    by_name = {n.host: n for n in some.hosts.nodes}
    for selection in decision.selections:
        names = [claim.host for claim in (selection.claim, *selection.alternates)]
        assert len(names) == len(set(names))
        for name in names:
            check_host(some, asked, by_name[name])
    check_all(some, asked, decision)


@given(worlds(), orders())
@settings(max_examples=100, deadline=None)
def test_a_single_server_is_refused_only_when_every_host_breaks_a_rule(
    some: World, asked: SelectRequest
) -> None:
    asked = asked.replace(consumers=asked.consumers[:1])
    decision = some.selector.select(asked)
    if decision.selections:
        return
    members = Counter(some.hosts.groups["g"].values())
    group = asked.request.group
    for of in some.hosts.nodes:
        load = some.hosts.loads[of.host]
        full = of.facts.vcpus < 1 or load.instances >= MOST or load.busy >= 3
        most = group.rules.get("max_server_per_host", 1) if group else 0
        apart = group and group.policy == "anti-affinity" and members[of.host] >= most
        away = group and group.policy == "affinity" and members and of.host not in members
        if full or apart or away:
            continue
        try:
            check_host(some, asked, of)
        except AssertionError:
            continue
        raise AssertionError(f"{of.host} would have done: {decision.message}")
