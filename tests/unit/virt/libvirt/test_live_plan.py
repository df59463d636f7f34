from __future__ import annotations

import pytest

from compute_service.config.libvirt import Libvirt
from compute_service.domain.errors import Invalid
from compute_service.domain.guest import LiveReady
from compute_service.virt.libvirt.domains import Departure
from compute_service.virt.libvirt.live_plan import (
    connection_uri,
    departure,
    downtimes,
    inbound_address,
    size_gib,
)
from compute_service.virt.libvirt.live_records import Arrival
from compute_service.virt.libvirt.live_words import flags_of, parameters_of, passage_of
from compute_service.virt.libvirt.xml.migration import Landing


def options(**given: object) -> Libvirt:
    return Libvirt(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "address", "uri"),
    [
        ({}, "h2", "qemu+tcp://h2/system"),
        ({"live_migration_scheme": "tls"}, "h2.example", "qemu+tls://h2.example/system"),
        ({"live_migration_scheme": "ssh", "virt_type": "qemu"}, "fd00::2", "qemu+ssh://[fd00::2]/system"),
        ({"live_migration_uri": "qemu+ssh://nova@%s/system?x=1"}, "h2", "qemu+ssh://nova@h2/system?x=1"),
        (
            {"live_migration_uri": "qemu+tcp://%s/system", "live_migration_scheme": "tls"},
            "h",
            "qemu+tcp://h/system",
        ),
    ],
)
def test_the_targets_libvirt_is_found_by_the_options(given: dict[str, str], address: str, uri: str) -> None:
    assert connection_uri(options(**given), address) == uri


@pytest.mark.parametrize("uri", ["qemu+tcp://h2/system", "qemu+tcp://%s/%s"])
def test_a_uri_has_one_place_for_the_target(uri: str) -> None:
    with pytest.raises(Invalid, match="needs %s once"):
        connection_uri(options(live_migration_uri=uri), "h2")


def test_containers_do_not_move_while_they_run() -> None:
    with pytest.raises(Invalid, match="virt_type=lxc"):
        connection_uri(options(virt_type="lxc"), "h2")


def test_the_inbound_address_may_have_the_hosts_name_in_it() -> None:
    assert inbound_address(options(), "h2") is None
    assert inbound_address(options(live_migration_inbound_addr="10.0.0.2"), "h2") == "10.0.0.2"
    assert inbound_address(options(live_migration_inbound_addr="%s-data"), "h2") == "h2-data"


def planned(copy: str = "top", inbound: bool = False, address: str = "h2", **given: object) -> Departure:
    arrival = Arrival(landing=Landing(), copy=copy, inbound=inbound)  # type: ignore[arg-type]
    ready = LiveReady(host="h2", address=address)
    return departure(options(**given), ready, arrival, ("<domain />", "<domain />"), ("vda",))


def test_data_goes_to_an_address_of_its_own_where_there_is_one() -> None:
    assert planned().data_uri is None
    assert planned(inbound=True, address="10.0.0.2").data_uri == "tcp://10.0.0.2"
    assert planned(inbound=True, address="fd00::2").data_uri == "tcp://[fd00::2]"
    assert planned("none", inbound=True, live_migration_tunnelled=True).data_uri is None


def test_options_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(Invalid, match="exclude each other"):
        planned("none", live_migration_tunnelled=True, live_migration_with_native_tls=True)
    with pytest.raises(Invalid, match="carries no disks"):
        planned(live_migration_tunnelled=True)


def test_post_copy_comes_before_auto_converge() -> None:
    both = {"live_migration_permit_auto_converge": True, "live_migration_permit_post_copy": True}
    assert (planned(**both).auto_converge, planned(**both).post_copy) == (False, True)
    assert planned(live_migration_permit_auto_converge=True).auto_converge


def test_the_standstill_grows_from_a_tenth_to_the_whole() -> None:
    steps = downtimes(options(), 2)
    assert [seconds for seconds, _ in steps] == [150.0 * n for n in range(11)]
    allowed = [milliseconds for _, milliseconds in steps]
    assert (allowed[0], allowed[-1]) == (50, 500)
    assert allowed == sorted(allowed)


def test_begun_gigabytes_count() -> None:
    assert [size_gib(memory, disk) for memory, disk in ((128, 0), (1024, 0), (1025, 1), (0, 0))] == [
        1,
        1,
        3,
        1,
    ]


class Words:
    """libvirt's constants, each of a value of its own."""

    VIR_DOMAIN_JOB_BOUNDED, VIR_DOMAIN_JOB_UNBOUNDED = 1, 2
    VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT = 5
    NAMES = (
        *("LIVE", "PEER2PEER", "PERSIST_DEST", "UNDEFINE_SOURCE", "NON_SHARED_INC", "NON_SHARED_DISK"),
        *("TUNNELLED", "TLS", "AUTO_CONVERGE", "POSTCOPY", "PARALLEL"),
    )

    def __getattr__(self, name: str) -> object:
        if name.startswith("VIR_MIGRATE_PARAM_"):
            return name.removeprefix("VIR_MIGRATE_PARAM_").lower()
        return 1 << self.NAMES.index(name.removeprefix("VIR_MIGRATE_"))


def said(flags: int) -> set[str]:
    return {name for number, name in enumerate(Words.NAMES) if flags & (1 << number)}


ALWAYS = {"LIVE", "PEER2PEER", "PERSIST_DEST", "UNDEFINE_SOURCE"}


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({}, set()),
        ({"copy": "top"}, {"NON_SHARED_INC"}),
        ({"copy": "whole", "encrypted": True}, {"NON_SHARED_DISK", "TLS"}),
        ({"tunnelled": True, "auto_converge": True}, {"TUNNELLED", "AUTO_CONVERGE"}),
        ({"post_copy": True, "connections": 4}, {"POSTCOPY", "PARALLEL"}),
    ],
)
def test_a_departure_in_libvirts_flags(changes: dict[str, object], flags: set[str]) -> None:
    plan = Departure(uri="u", definition="d", lasting="l").replace(**changes)
    assert said(flags_of(Words(), plan)) == ALWAYS | flags


def test_a_departure_in_libvirts_parameters() -> None:
    plan = Departure(uri="u", definition="d", lasting="l")
    assert parameters_of(Words(), plan) == {"dest_xml": "d", "persist_xml": "l"}
    more = plan.replace(data_uri="tcp://h", bandwidth=7, disks=("vda",), connections=2)
    assert parameters_of(Words(), more) == {
        **{"dest_xml": "d", "persist_xml": "l", "uri": "tcp://h"},
        **{"bandwidth": 7, "migrate_disks": ["vda"], "parallel_connections": 2},
    }


def test_a_job_that_is_no_migration_is_none() -> None:
    lib = Words()
    assert passage_of(lib, {"type": 0}) is None
    assert passage_of(lib, {"type": 2, "operation": 6}) is None
    found = passage_of(lib, {"type": 2, "operation": 5, "time_elapsed": 1500, "memory_remaining": 9})
    assert found is not None
    assert (found.elapsed, found.memory_remaining, found.disk_total) == (1.5, 9, 0)
