"""Each filter, by cases: what a wish and a host are, and why the host is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from compute_service.config.settings import Settings
from compute_service.domain.group import ServerGroup
from compute_service.domain.host import ComputeNode
from compute_service.domain.image import Image
from compute_service.scheduler.filters import FILTERS
from compute_service.scheduler.fleet import HostLoad
from tests.unit.scheduler.world import (
    PROJECT,
    SMALL,
    START,
    FakeHosts,
    aggregate,
    ask_of,
    fleet_of,
    node,
    service,
    settings_with,
    view_of,
)

HERE = node("here", host_ip="10.0.0.7")


def refusal(
    name: str,
    hosts: FakeHosts | None = None,
    settings: Settings | None = None,
    of: ComputeNode = HERE,
    view: dict[str, Any] | None = None,
    **wish: Any,
) -> str | None:
    """Return why a filter refuses the host, or None."""
    fleet = fleet_of([of], hosts)
    test = FILTERS[name].filter(ask_of(fleet, settings, **wish))
    return test(view_of(fleet, "here", **(view or {}))) if test else None


def in_aggregates(**metadata: str) -> FakeHosts:
    return FakeHosts(aggregates=[aggregate("a", "here", **metadata)])


def image(**properties: str) -> Image:
    return Image(id="i1", properties=properties)


def flavor(**specs: str) -> Any:
    return SMALL.replace(extra_specs={key.replace("__", ":"): value for key, value in specs.items()})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"last_seen_up": START - timedelta(seconds=60)}, None),
        ({"last_seen_up": START - timedelta(seconds=61)}, "service is down"),
        ({"last_seen_up": None}, "service is down"),
        ({"forced_down": True}, "service is down"),
        ({"disabled": True}, "service is disabled"),
    ],
)
def test_compute(changes: dict[str, Any], why: str | None) -> None:
    hosts = FakeHosts(services={"here": service(HERE, **changes)})
    assert refusal("ComputeFilter", hosts) == why


def test_all_hosts_passes_whatever_comes() -> None:
    assert refusal("AllHostsFilter", FakeHosts(services={"here": service(HERE, disabled=True)})) is None


@pytest.mark.parametrize(
    ("key", "requirement", "passes"),
    [
        ("capabilities:hypervisor_type", "QEMU", True),
        ("capabilities:hypervisor_type", "s== QEMU", True),
        ("capabilities:hypervisor_type", "s!= QEMU", False),
        ("capabilities:hypervisor_type", "<or> VMware <or> QEMU", True),
        ("capabilities:hypervisor_type", "<or> VMware <or> Xen", False),
        ("capabilities:vcpus_total", "= 64", True),
        ("capabilities:vcpus_total", "= 65", False),
        ("capabilities:vcpus_total", "== 64", True),
        ("capabilities:vcpus_total", "<= 32", False),
        ("capabilities:free_ram_mb", ">= 1000", True),
        ("capabilities:free_ram_mb", "1000", True),
        ("capabilities:free_ram_mb", "!= 1000", False),
        ("capabilities:cpu_info:arch", "x86_64", True),
        ("capabilities:cpu_info:features", "<in> aes", True),
        ("capabilities:cpu_info:features", "<all-in> aes avx", True),
        ("capabilities:cpu_info:features", "<all-in> aes sse9", False),
        ("capabilities:cpu_info:topology:cores", "s== 8", True),
        ("capabilities:cpu_info:none:such", "1", False),
        ("capabilities:rack", "r1", True),
        ("capabilities:rack", "r2", False),
        ("capabilities:unheard_of", "1", False),
        ("capabilities:vcpus_total", "== many", False),
        ("capabilities:vcpus_total", "==", False),
        ("rack", "r2", False),
        ("unheard_of", "1", True),
        ("hw:cpu_policy", "dedicated", True),
        ("capabilities:", "x", True),
    ],
)
def test_compute_capabilities(key: str, requirement: str, passes: bool) -> None:
    has = node(
        "here",
        cpu_info={"arch": "x86_64", "features": ["aes", "avx"], "topology": {"cores": 8}},
        stats={"rack": "r1"},
    )
    why = refusal(
        "ComputeCapabilitiesFilter",
        of=has,
        view={"memory_mb": 1000.0},
        flavor=SMALL.replace(extra_specs={key: requirement}),
    )
    assert why == (None if passes else f"{key} is not {requirement}")


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({}, None),
        ({"hw_architecture": "x86_64"}, None),
        ({"hw_architecture": "amd64"}, None),
        ({"architecture": "X86_64"}, None),
        ({"hw_architecture": "aarch64"}, "cannot run aarch64 guests"),
        ({"img_hv_type": "kvm", "hw_vm_mode": "hvm"}, None),
        ({"hypervisor_type": "qemu", "vm_mode": "hv"}, None),
        ({"img_hv_type": "xen"}, "cannot run xen guests"),
        ({"hw_vm_mode": "exe"}, "cannot run exe guests"),
        (
            {"hw_architecture": "x86_64", "img_hv_type": "kvm", "hw_vm_mode": "xen"},
            "cannot run x86_64, kvm, xen guests",
        ),
        ({"img_hv_requested_version": ">=8.2"}, None),
        ({"img_hv_requested_version": ">=8.2.1,<9"}, None),
        ({"hypervisor_version_requires": "==8.2.1"}, None),
        ({"img_hv_requested_version": "<8"}, "hypervisor version is not <8"),
        ({"img_hv_requested_version": "new"}, "the image's hypervisor version new is not understood"),
    ],
)
def test_image_properties(properties: dict[str, str], why: str | None) -> None:
    assert refusal("ImagePropertiesFilter", image=image(**properties)) == why


def test_image_properties_takes_the_configured_architecture_for_images_without_one() -> None:
    settings = settings_with(image_properties_default_architecture="aarch64")
    assert refusal("ImagePropertiesFilter", settings=settings, image=image()) == "cannot run aarch64 guests"
    assert refusal("ImagePropertiesFilter", settings=settings, image=image(hw_architecture="x86_64")) is None


def group(policy: Any, **rules: int) -> ServerGroup:
    return ServerGroup(uuid="g", project_id=PROJECT, user_id="u", name="g", policy=policy, rules=rules)


@pytest.mark.parametrize(
    ("of", "members", "why"),
    [
        (None, {"here": 1}, None),
        (group("anti-affinity"), {}, None),
        (group("anti-affinity"), {"there": 1}, None),
        (group("anti-affinity"), {"here": 1}, "has a member of the group"),
        (group("anti-affinity", max_server_per_host=2), {"here": 1}, None),
        (group("anti-affinity", max_server_per_host=2), {"here": 2}, "has 2 members of the group"),
        (group("soft-anti-affinity"), {"here": 1}, None),
    ],
)
def test_server_group_anti_affinity(of: ServerGroup | None, members: dict[str, int], why: str | None) -> None:
    assert refusal("ServerGroupAntiAffinityFilter", group=of, members=members) == why


@pytest.mark.parametrize(
    ("of", "members", "why"),
    [
        (None, {"there": 1}, None),
        (group("affinity"), {}, None),
        (group("affinity"), {"here": 1}, None),
        (group("affinity"), {"there": 1}, "has no member of the group"),
        (group("affinity"), {"here": 1, "there": 1}, None),
        (group("soft-affinity"), {"there": 1}, None),
    ],
)
def test_server_group_affinity(of: ServerGroup | None, members: dict[str, int], why: str | None) -> None:
    assert refusal("ServerGroupAffinityFilter", group=of, members=members) == why


@pytest.mark.parametrize(
    ("metadata", "properties", "passes"),
    [
        ({}, {"os_distro": "windows"}, True),
        ({"os_distro": "windows"}, {"os_distro": "windows"}, True),
        ({"os_distro": "windows,linux"}, {"os_distro": "linux"}, True),
        ({"os_distro": "windows"}, {"os_distro": "linux"}, False),
        ({"os_distro": "windows"}, {}, True),
    ],
)
def test_aggregate_image_properties_isolation(
    metadata: dict[str, str], properties: dict[str, str], passes: bool
) -> None:
    why = refusal("AggregateImagePropertiesIsolation", in_aggregates(**metadata), image=image(**properties))
    assert (why is None) == passes


def test_aggregate_image_properties_isolation_heeds_its_namespace() -> None:
    settings = settings_with(aggregate_image_properties_isolation_namespace="os")
    hosts = FakeHosts(aggregates=[aggregate("a", "here", **{"os.distro": "windows", "colour": "red"})])
    name = "AggregateImagePropertiesIsolation"
    assert refusal(name, hosts, settings, image=image(colour="blue")) is None
    assert refusal(name, hosts, settings, image=image(**{"os.distro": "linux"})) is not None


@pytest.mark.parametrize(
    ("specs", "metadata", "why"),
    [
        ({}, {}, None),
        ({"aggregate_instance_extra_specs__ssd": "true"}, {"ssd": "true"}, None),
        ({"aggregate_instance_extra_specs__ssd": "true"}, {"ssd": "false"}, "no aggregate has ssd true"),
        ({"aggregate_instance_extra_specs__ssd": "true"}, {}, "no aggregate has ssd true"),
        ({"aggregate_instance_extra_specs__speed": ">= 10"}, {"speed": "40"}, None),
        ({"aggregate_instance_extra_specs__speed": ">= 50"}, {"speed": "40"}, "no aggregate has speed >= 50"),
        ({"aggregate_instance_extra_specs__zone": "b"}, {"zone": "a, b"}, None),
        ({"ssd": "true"}, {}, "no aggregate has ssd true"),
        ({"ssd": "true"}, {"ssd": "true"}, None),
        ({"hw__cpu_policy": "shared"}, {}, None),
        ({"group_policy": "none"}, {}, None),
    ],
)
def test_aggregate_instance_extra_specs(
    specs: dict[str, str], metadata: dict[str, str], why: str | None
) -> None:
    name = "AggregateInstanceExtraSpecsFilter"
    assert refusal(name, in_aggregates(**metadata), flavor=flavor(**specs)) == why


@pytest.mark.parametrize(
    ("name", "field", "option"),
    [
        ("IoOpsFilter", "busy", "max_io_ops_per_host"),
        ("NumInstancesFilter", "instances", "max_instances_per_host"),
    ],
)
def test_limits_by_number(name: str, field: str, option: str) -> None:
    settings = settings_with(**{option: 3})
    per_aggregate = f"Aggregate{name}"
    lower, wrong = in_aggregates(**{option: "2"}), in_aggregates(**{option: "two"})
    two_of_them = FakeHosts(
        aggregates=[aggregate("a", "here", **{option: "9"}), aggregate("b", "here", **{option: "2"})]
    )
    for count, plain, aggregated in ((1, True, True), (2, True, False), (3, False, False)):
        view = {field: count}
        assert (refusal(name, lower, settings, view=view) is None) == plain
        assert (refusal(per_aggregate, settings=settings, view=view) is None) == plain
        assert (refusal(per_aggregate, wrong, settings, view=view) is None) == plain
        assert (refusal(per_aggregate, lower, settings, view=view) is None) == aggregated
        assert (refusal(per_aggregate, two_of_them, settings, view=view) is None) == aggregated


def test_limits_count_what_the_database_tells() -> None:
    hosts = FakeHosts(loads={"here": HostLoad(instances=50, busy=8)})
    assert refusal("NumInstancesFilter", hosts) == "has 50 or more servers"
    assert refusal("IoOpsFilter", hosts) == "8 or more servers are being built or moved"


@pytest.mark.parametrize(
    ("metadata", "passes"),
    [
        ({}, True),
        ({"filter_tenant_id": PROJECT}, True),
        ({"filter_tenant_id": f"other,{PROJECT}"}, True),
        ({"filter_tenant_id": "other"}, False),
        ({"filter_tenant_id": "other", "filter_tenant_id2": PROJECT}, True),
    ],
)
def test_aggregate_multi_tenancy_isolation(metadata: dict[str, str], passes: bool) -> None:
    why = refusal("AggregateMultiTenancyIsolation", in_aggregates(**metadata))
    assert why == (None if passes else "aggregate is for other projects")


@pytest.mark.parametrize(
    ("metadata", "passes"),
    [
        ({}, True),
        ({"instance_type": "small"}, True),
        ({"instance_type": "big, small"}, True),
        ({"instance_type": "big"}, False),
    ],
)
def test_aggregate_type_affinity(metadata: dict[str, str], passes: bool) -> None:
    why = refusal("AggregateTypeAffinityFilter", in_aggregates(**metadata))
    assert why == (None if passes else "aggregate is not for flavor small")


@pytest.mark.parametrize(
    ("given", "held", "same", "different"),
    [
        (None, {}, True, True),
        ("s1", {"s1": "here"}, True, False),
        (["s1", "s2"], {"s1": "there", "s2": "here"}, True, False),
        (["s1"], {"s1": "there"}, False, True),
        (["s1"], {}, False, True),
    ],
)
def test_same_host_and_different_host(given: Any, held: dict[str, str], same: bool, different: bool) -> None:
    hints = {"same_host": given, "different_host": given}
    assert (refusal("SameHostFilter", hints=hints, held=held) is None) == same
    assert (refusal("DifferentHostFilter", hints=hints, held=held) is None) == different


@pytest.mark.parametrize(
    ("hints", "passes"),
    [
        ({}, True),
        ({"build_near_host_ip": "10.0.0.1"}, True),
        ({"build_near_host_ip": "10.0.1.1"}, False),
        ({"build_near_host_ip": "10.0.1.1", "cidr": "/16"}, True),
        ({"build_near_host_ip": "10.0.0.1", "cidr": "/99"}, False),
        ({"build_near_host_ip": "fd00::1", "cidr": "/64"}, False),
    ],
)
def test_simple_cidr_affinity(hints: dict[str, str], passes: bool) -> None:
    assert (refusal("SimpleCIDRAffinityFilter", hints=hints) is None) == passes


def test_simple_cidr_affinity_refuses_a_host_whose_address_is_not_known() -> None:
    why = refusal("SimpleCIDRAffinityFilter", of=node("here"), hints={"build_near_host_ip": "10.0.0.1"})
    assert why == "is not in 10.0.0.0/24"


@pytest.mark.parametrize(
    ("images", "patterns", "strict", "passes"),
    [
        ((), (), True, True),
        ((), ("here",), True, False),
        ((), ("here",), False, True),
        (("i1",), ("here",), True, True),
        (("i1",), ("h*",), True, True),
        (("i1",), ("there",), True, False),
        (("i1",), ("there",), False, False),
        (("i2",), ("here",), True, False),
        (("i2",), ("here",), False, True),
    ],
)
def test_isolated_hosts(
    images: tuple[str, ...], patterns: tuple[str, ...], strict: bool, passes: bool
) -> None:
    settings = settings_with(
        isolated_images=images,
        isolated_hosts=patterns,
        restrict_isolated_hosts_to_isolated_images=strict,
    )
    assert (refusal("IsolatedHostsFilter", settings=settings, image=image()) is None) == passes


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (None, None),
        ('[">=", "$free_ram_mb", 1024]', None),
        ('[">", "$free_ram_mb", 2048]', "the hint query does not hold"),
        ([">=", "$free_ram_mb", 1024], None),
        ('["and", [">=", "$free_ram_mb", 1024], ["=", "$hypervisor_type", "QEMU"]]', None),
        (
            '["and", ["<", "$free_ram_mb", 1024], ["=", "$hypervisor_type", "QEMU"]]',
            "the hint query does not hold",
        ),
        ('["or", ["<", "$free_ram_mb", 1024], ["in", "$host", "here", "there"]]', None),
        ('["not", ["=", "$host", "here"]]', "the hint query does not hold"),
        ('["not", ["=", "$host", "there"]]', None),
        ('["<=", "$vcpus_total", 64]', None),
        ('["=", "$cpu_info.arch", "x86_64"]', None),
        ('["=", "$unheard_of", 1]', "the hint query does not hold"),
        ('["<", "$unheard_of", 1]', "the hint query compares what cannot be compared"),
        ('["~", 1, 1]', "the hint query is not understood: there is no operator '~'"),
        ('{"a": 1}', "the hint query is not understood: it holds an object"),
        ("[" * 40 + '"="' + "]" * 40, "the hint query is not understood: a list begins with no operator"),
        ('["not", ' * 40 + "1" + "]" * 40, "the hint query is not understood: it is nested too deeply"),
        ("nonsense", "the hint query is not understood: JSON is malformed"),
    ],
)
def test_json_query(query: Any, why: str | None) -> None:
    has = node("here", cpu_info={"arch": "x86_64"})
    found = refusal("JsonFilter", of=has, view={"memory_mb": 2048.0}, hints={"query": query} if query else {})
    assert (found or "").startswith(why or "")
    assert (found is None) == (why is None)


@pytest.mark.parametrize(
    ("setting", "reported", "why"),
    [
        ((), {}, None),
        (("cpu.percent=-1.0",), {"cpu.percent": 0.5}, None),
        (("cpu.percent=-1.0", "watts=1"), {"cpu.percent": 0.5}, "does not report watts"),
    ],
)
def test_metrics(setting: tuple[str, ...], reported: dict[str, float], why: str | None) -> None:
    settings = settings_with("metrics", weight_setting=setting)
    assert refusal("MetricsFilter", settings=settings, of=node("here", metrics=reported)) == why
