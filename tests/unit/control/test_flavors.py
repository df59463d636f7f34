"""Flavors: who may use them, what they may be, which extra specs are known."""

from __future__ import annotations

import pytest

from compute_service.control import flavors
from compute_service.control.extra_specs import extra_specs_check
from compute_service.domain.errors import Conflict, Invalid, NotFound
from compute_service.domain.flavor import Flavor
from compute_service.store.flavors import FlavorQuery
from tests.unit.flows.kinds.world import ADMIN, MEMBER, SMALL, World

PRIVATE = Flavor(flavorid="p", name="private", vcpus=1, memory_mb=1, root_gb=0, is_public=False)


def test_a_private_flavor_is_there_only_for_those_who_were_let_in(world: World) -> None:
    flavors.create_flavor(ADMIN, world.svc, PRIVATE)
    with pytest.raises(NotFound):
        flavors.find_flavor(MEMBER, world.svc, "p")
    with pytest.raises(Invalid, match="could not be found"):
        flavors.flavor_for(MEMBER, world.svc, "p")
    world.identity.project_exists = lambda project: True  # type: ignore[method-assign]
    assert flavors.add_access(ADMIN, world.svc, "p", "p1") == ("p1",)
    assert flavors.find_flavor(MEMBER, world.svc, "p").projects == ("p1",)
    assert {one.flavorid for one in flavors.list_flavors(MEMBER, world.svc, FlavorQuery())} == {"1", "2", "p"}
    with pytest.raises(Conflict):
        flavors.add_access(ADMIN, world.svc, "p", "p1")
    assert flavors.remove_access(ADMIN, world.svc, "p", "p1") == ()
    with pytest.raises(NotFound):
        flavors.remove_access(ADMIN, world.svc, "p", "p1")


def test_access_to_public_flavors_cannot_be_given(world: World) -> None:
    with pytest.raises(Conflict, match="public"):
        flavors.add_access(ADMIN, world.svc, "1", "p1")
    with pytest.raises(NotFound):
        flavors.flavor_access(ADMIN, world.svc, "1")


def test_access_is_not_given_to_a_project_that_does_not_exist(world: World) -> None:
    flavors.create_flavor(ADMIN, world.svc, PRIVATE)
    world.identity.project_exists = lambda project: False  # type: ignore[method-assign]
    with pytest.raises(Invalid, match="not a valid project"):
        flavors.add_access(ADMIN, world.svc, "p", "nobody")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": " "},
        {"name": "x" * 256},
        {"flavorid": "a/b"},
        {"flavorid": " a"},
        {"vcpus": 0},
        {"memory_mb": 0},
        {"root_gb": -1},
        {"ephemeral_gb": -1},
        {"swap_mb": 2**31},
        {"rxtx_factor": 0.0},
        {"rxtx_factor": float("inf")},
    ],
)
def test_impossible_flavors_are_refused(world: World, changes: dict[str, object]) -> None:
    flavor = SMALL.replace(flavorid="new", name="new")
    with pytest.raises(Invalid):
        flavors.create_flavor(ADMIN, world.svc, flavor.replace(**changes))


def test_a_flavor_gets_an_id_and_is_there_once(world: World) -> None:
    made = flavors.create_flavor(ADMIN, world.svc, SMALL.replace(flavorid="auto", name=" mine "))
    assert (made.name, len(made.flavorid)) == ("mine", 36)
    with pytest.raises(Conflict, match="name"):
        flavors.create_flavor(ADMIN, world.svc, SMALL.replace(flavorid="x"))
    with pytest.raises(Conflict, match="ID"):
        flavors.create_flavor(ADMIN, world.svc, SMALL.replace(name="x"))
    assert flavors.describe_flavor(ADMIN, world.svc, "1", "words").description == "words"
    flavors.delete_flavor(ADMIN, world.svc, "1")
    with pytest.raises(NotFound):
        flavors.delete_flavor(ADMIN, world.svc, "1")


def test_a_disabled_flavor_cannot_be_ordered(world: World) -> None:
    flavors.create_flavor(ADMIN, world.svc, SMALL.replace(flavorid="off", name="off", disabled=True))
    with pytest.raises(Invalid):
        flavors.flavor_for(ADMIN, world.svc, "off")


def test_extra_specs_come_and_go(world: World) -> None:
    assert flavors.set_extra_specs(ADMIN, world.svc, "1", {"hw:cpu_policy": "shared"}) == {
        "hw:cpu_policy": "shared"
    }
    assert flavors.find_flavor(MEMBER, world.svc, "1").extra_specs == {"hw:cpu_policy": "shared"}
    with pytest.raises(Invalid, match="Key Names"):
        flavors.set_extra_specs(ADMIN, world.svc, "1", {"a/b": "c"})
    with pytest.raises(Invalid):
        flavors.set_extra_specs(ADMIN, world.svc, "1", {"a": "c" * 256})
    flavors.delete_extra_spec(ADMIN, world.svc, "1", "hw:cpu_policy")
    with pytest.raises(NotFound):
        flavors.delete_extra_spec(ADMIN, world.svc, "1", "hw:cpu_policy")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hw:cpu_policy", "dedicated"),
        ("hw:numa_nodes", "2"),
        ("hw:numa_cpus.0", "0-3,^2"),
        ("hw:mem_page_size", "2MB"),
        ("hw:cpu_max_sockets", "4"),
        ("quota:cpu_quota", "-1"),
        ("quota:vif_inbound_average", "100"),
        ("quota:disk_read_iops_sec_max_length", "5"),
        ("resources:VCPU", "2"),
        ("resources_GPU1:CUSTOM_GPU", "1"),
        ("trait:HW_CPU_X86_AVX2", "required"),
        ("trait_1:CUSTOM_X", "forbidden"),
        ("capabilities:cpu_info:features", "<in> aes"),
        ("aggregate_instance_extra_specs:ssd", "true"),
        ("group_policy", "isolate"),
        ("ours", "anything"),
        ("ours:key", "anything"),
    ],
)
def test_known_extra_specs_and_operators_own_pass(key: str, value: str) -> None:
    extra_specs_check({key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hw:cpu_policy", "sometimes"),
        ("hw:numa_nodes", "0"),
        ("hw:numa_nodes", "two"),
        ("hw:no_such_thing", "1"),
        ("quota:cpu_shares", "-1"),
        ("quota:nothing", "1"),
        ("resources:VCPU", "many"),
        ("resources:vcpu", "1"),
        ("trait:HW_CPU_X86_AVX2", "maybe"),
        ("hw:boot_menu", "perhaps"),
        ("hw:redirected_usb_ports", "16"),
        ("os:secure_boot", "on"),
    ],
)
def test_unknown_keys_of_known_namespaces_and_wrong_values_are_refused(key: str, value: str) -> None:
    with pytest.raises(Invalid, match="Validation failed"):
        extra_specs_check({key: value})
