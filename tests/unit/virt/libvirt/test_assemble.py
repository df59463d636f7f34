"""What guests cannot be, and who is told."""

from __future__ import annotations

import dataclasses

import pytest

from compute_service.config.libvirt import Libvirt
from compute_service.config.serial_console import SerialConsole
from compute_service.config.settings import Settings
from compute_service.config.vnc import Vnc
from compute_service.domain.errors import BuildAborted, HostRejected, Invalid
from compute_service.domain.guest import GuestSpec
from compute_service.domain.vif import Vif
from compute_service.virt.libvirt.assemble.cpu import topology
from compute_service.virt.libvirt.assemble.domain import assemble
from compute_service.virt.libvirt.assemble.place import DiskPlace, Host, Place
from compute_service.virt.libvirt.assemble.properties import PROPERTIES, REFUSED, Wishes
from compute_service.virt.libvirt.xml.domain import Domain
from tests.unit.virt.libvirt.conftest import a_host, a_place, a_spec


def build(
    properties: dict[str, str] | None = None,
    extra_specs: dict[str, str] | None = None,
    host: Host | None = None,
    place: Place | None = None,
    **options: object,
) -> Domain:
    settings = dataclasses.replace(Settings(), libvirt=Libvirt(**options))  # type: ignore[arg-type]
    return assemble(a_spec(properties, extra_specs), host or a_host(), place or a_place(), settings)


@pytest.mark.parametrize("key", [p.image for p in PROPERTIES if p.image and p.takes != "text"])
def test_an_image_property_with_an_unknown_value_ends_the_build_and_is_named(key: str) -> None:
    with pytest.raises(BuildAborted, match=rf"Image property {key}: 'odd' is not "):
        build({key: "odd"})


@pytest.mark.parametrize("key", [p.flavor for p in PROPERTIES if p.flavor and p.takes != "text"])
def test_an_extra_spec_with_an_unknown_value_ends_the_build_and_is_named(key: str) -> None:
    with pytest.raises(BuildAborted, match=rf"Flavor extra spec {key}: 'odd' is not "):
        build({}, {key: "odd"})


@pytest.mark.parametrize("key", REFUSED)
def test_what_this_driver_cannot_give_is_not_left_out_silently(key: str) -> None:
    with pytest.raises(BuildAborted, match=key):
        build({key: "1"})
    with pytest.raises(BuildAborted, match=key):
        build({}, {key: "1"})


def test_dedicated_cpus_are_refused_and_shared_ones_are_what_there_is() -> None:
    assert build({}, {"hw:cpu_policy": "shared"}).vcpus == 2
    with pytest.raises(BuildAborted, match="hw:cpu_policy=dedicated"):
        build({}, {"hw:cpu_policy": "dedicated"})
    with pytest.raises(BuildAborted, match="hw_cpu_policy=mixed"):
        build({"hw_cpu_policy": "mixed"})


ABORTED = {
    "they differ": ({"hw_pmu": "yes"}, {"hw:pmu": "no"}, "differ"),
    "over the limit": ({"hw_serial_port_count": "3"}, {"hw:serial_port_count": "2"}, "exceeds"),
    "secure without uefi": ({"os_secure_boot": "required"}, {}, "hw_firmware_type=uefi"),
    "secure without q35": ({"os_secure_boot": "required", "hw_firmware_type": "uefi"}, {}, "q35"),
    "stateless without uefi": ({"hw_firmware_stateless": "1"}, {}, "hw_firmware_type=uefi"),
    "another hypervisor's bus": ({"hw_disk_bus": "xen"}, {}, "no disk bus xen"),
    "another hypervisor's card": ({"hw_vif_model": "netfront"}, {}, "no network card netfront"),
    "another hypervisor's screen": ({"hw_video_model": "xen"}, {}, "no video card xen"),
    "video memory of no card": ({"hw_video_ram": "8"}, {"hw_video:ram_max_mb": "16"}, "hw_video_model"),
    "tpm of no version": ({"hw_tpm_model": "tpm-tis"}, {}, "hw:tpm_version"),
    "tpm of two ages": ({"hw_tpm_model": "tpm-crb", "hw_tpm_version": "1.2"}, {}, "1.2 has no interface"),
    "no such layout": ({}, {"hw:cpu_cores": "3"}, "laid out"),
    "bits without mode": ({}, {"hw:maxphysaddr_bits": "40"}, "hw:maxphysaddr_mode"),
    "mode without bits": ({}, {"hw:maxphysaddr_mode": "emulate"}, "hw:maxphysaddr_bits"),
    "total and parts": (
        {},
        {"quota:disk_total_iops_sec": "1", "quota:disk_read_iops_sec": "1"},
        "excludes",
    ),
    "peak without average": ({}, {"quota:vif_inbound_peak": "1"}, "quota:vif_inbound_average"),
}


@pytest.mark.parametrize("name", ABORTED)
def test_what_makes_no_sense_on_any_host_ends_the_build(name: str) -> None:
    properties, extra_specs, why = ABORTED[name]
    spec = a_spec(properties, extra_specs).replace(vifs=(vif("bridge"),))
    with pytest.raises(BuildAborted, match=why):
        assemble(spec, a_host(), a_place(), Settings())


def vif(vif_type: str) -> Vif:
    return Vif(port_id="p", network_id="n", network_label="x", mac="fa:16:3e:00:00:01", vif_type=vif_type)


def without(**changes: object) -> Host:
    host = a_host()
    return dataclasses.replace(host, domains=dataclasses.replace(host.domains, **changes))  # type: ignore[arg-type]


SECURE = {"os_secure_boot": "required", "hw_firmware_type": "uefi", "hw_machine_type": "q35"}
TPM = {"hw_tpm_version": "2.0"}
REJECTED = {
    "no uefi": ({"hw_firmware_type": "uefi"}, without(firmwares=frozenset()), {}, "no UEFI"),
    "no secure boot": (SECURE, without(secure_boot=False), {}, "no firmware with Secure Boot"),
    "no such machine": ({"hw_machine_type": "pc-99"}, a_host(), {}, "no machine type pc-99"),
    "no such architecture": ({"hw_architecture": "s390x"}, a_host(), {}, "architecture s390x"),
    "too few cpus": ({}, without(max_vcpus=1), {}, "1 CPUs"),
    "no such mode": ({}, without(cpu_modes=frozenset({"custom"})), {"cpu_mode": "host-model"}, "CPU mode"),
    "no such model": ({}, a_host(), {"cpu_mode": "custom", "cpu_models": ("EPYC",)}, "EPYC"),
    "no such bus": ({"hw_disk_bus": "usb"}, without(devices={"disk": {"bus": frozenset()}}), {}, "usb"),
    "no such screen": ({"hw_video_model": "gop"}, a_host(), {}, "video card gop"),
    "no tpm": (TPM, a_host(), {}, "swtpm_enabled"),
    "no secret": (TPM, a_host(), {"swtpm_enabled": True}, "secret"),
    "no such tpm": (
        TPM,
        without(devices={"tpm": {"model": frozenset()}}),
        {"swtpm_enabled": True},
        "no TPM interface",
    ),
}


@pytest.mark.parametrize("name", REJECTED)
def test_what_only_this_host_lacks_may_be_had_on_another(name: str) -> None:
    properties, host, options, why = REJECTED[name]
    with pytest.raises(HostRejected, match=why):
        build(properties, {}, host, **options)  # type: ignore[arg-type]


def test_secure_boot_that_is_optional_is_left_out_where_it_cannot_be() -> None:
    wanted = SECURE | {"os_secure_boot": "optional"}
    assert build(wanted).os.loader_secure is True
    assert build(wanted, host=without(secure_boot=False)).os.loader_secure is None
    assert build({"os_secure_boot": "optional"}).os.firmware is None


@pytest.mark.parametrize("vif_type", ["unbound", "binding_failed", "hw_veb"])
def test_a_port_that_this_host_cannot_plug_is_named(vif_type: str) -> None:
    with pytest.raises(HostRejected, match=f"Port p is bound as {vif_type}"):
        assemble(a_spec().replace(vifs=(vif(vif_type),)), a_host(), a_place(), Settings())


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"cpu_mode": "custom"}, "cpu_models"),
        ({"disk_cachemodes": ("file=fast",)}, "disk_cachemodes"),
    ],
)
def test_an_option_that_cannot_be_is_named(options: dict[str, object], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        build(**options)  # type: ignore[arg-type]


def test_a_range_of_users_that_cannot_be_is_named() -> None:
    with pytest.raises(Invalid, match="uid_maps"):
        build(host=a_host("lxc"), place=a_place(rootfs="/r"), uid_maps=("0:1",))


def test_a_container_needs_its_root() -> None:
    with pytest.raises(HostRejected, match="not mounted"):
        build(host=a_host("lxc"))


def test_a_ceph_disk_needs_a_cluster() -> None:
    place = a_place(disks=(DiskPlace(role="root", kind="rbd", path="vms/x"),))
    with pytest.raises(HostRejected, match="Ceph"):
        build(place=place)


def test_ide_takes_four_disks() -> None:
    swap = DiskPlace(role="swap", path="/s")
    assert [d.target for d in build({"hw_disk_bus": "ide"}, place=a_place(*[swap] * 3)).disks][-1] == "hdd"
    with pytest.raises(BuildAborted, match="ide takes 4"):
        build({"hw_disk_bus": "ide"}, place=a_place(*[swap] * 4))


def test_the_twenty_seventh_disk_is_named_as_linux_would() -> None:
    swap = DiskPlace(role="swap", path="/s")
    assert [d.target for d in build(place=a_place(*[swap] * 27)).disks][25:] == ["vdz", "vdaa", "vdab"]


def test_serial_consoles_need_ports() -> None:
    settings = dataclasses.replace(Settings(), serial_console=SerialConsole(enabled=True))
    with pytest.raises(HostRejected, match="port left"):
        assemble(a_spec(), a_host(), a_place(), settings)
    many = a_spec({"hw_serial_port_count": "5"})
    with pytest.raises(BuildAborted, match="4 serial consoles"):
        assemble(many, a_host(), a_place(serial_ports=(1, 2, 3, 4, 5)), settings)


def test_a_guest_without_screens_has_no_video_card_or_pointer() -> None:
    settings = dataclasses.replace(Settings(), vnc=Vnc(enabled=False))
    found = assemble(a_spec(), a_host(), a_place(), settings)
    assert (found.graphics, found.video, found.inputs) == ((), None, ())


def test_the_machine_type_comes_from_image_then_option_then_default() -> None:
    option = {"hw_machine_type": ("aarch64=virt", "x86_64=pc-q35-7.2")}
    assert build({"hw_machine_type": "q35"}, **option).os.machine == "q35"
    assert build(**option).os.machine == "pc-q35-7.2"
    assert build().os.machine == "pc"


def test_a_host_without_its_own_cpu_model_gives_the_most_it_has() -> None:
    host = without(cpu_modes=frozenset({"maximum", "custom"}))
    cpu = build(host=host, cpu_model_extra_flags=("pcid",)).cpu
    assert cpu is not None
    assert (cpu.mode, cpu.features) == ("maximum", ())


def test_the_flavor_says_the_layout_of_cpus_where_both_do() -> None:
    wishes = Wishes(a_spec({"hw_cpu_cores": "4"}, {"hw:cpu_cores": "2", "hw:cpu_max_threads": "1"}))
    assert topology(8, wishes) == (4, 2, 1)


def test_the_random_device_needs_the_flavors_leave() -> None:
    assert build({"hw_rng_model": "virtio"}).rng is not None
    assert build({"hw_rng_model": "virtio"}, {"hw_rng:allowed": "false"}).rng is None


def test_a_name_with_what_xml_cannot_hold_is_still_a_document() -> None:
    spec: GuestSpec = a_spec().replace(display_name="a\x00\x1bb\ufffe")
    found = assemble(spec, a_host(), a_place(), Settings())
    assert Domain.parse(found.xml()) == found
    assert found.server is not None
    assert found.server.name == "a??b?"


def test_an_unknown_wish_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        Wishes(a_spec()).text("colour")
