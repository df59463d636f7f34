"""Capabilities are read from libvirt's documents."""

from __future__ import annotations

import pytest

from compute_service.virt.libvirt.capabilities import read_domain, read_host
from compute_service.virt.libvirt.xml.element import MalformedXml
from tests.unit.virt.libvirt.conftest import capabilities


def test_a_host_is_read() -> None:
    host = read_host(capabilities("host-x86_64"))
    assert (host.arch, host.cpu.model, host.cpu.vendor) == ("x86_64", "Skylake-Server-IBRS", "Intel")
    assert [feature.name for feature in host.cpu.features] == ["vmx", "ssbd"]
    assert host.cpu.topology is not None
    assert (host.cpu.topology.sockets, host.cpu.topology.cores, host.cpu.topology.threads) == (1, 4, 2)
    assert [(cell.id, cell.memory_kib, cell.cpus) for cell in host.cells] == [
        (0, 8388608, (0, 1, 2, 3)),
        (1, 4194304, (4, 5, 6, 7)),
    ]


def test_a_kind_of_guest_is_found_by_all_that_names_it() -> None:
    host = read_host(capabilities("host-x86_64"))
    kind = host.kind("hvm", "x86_64", "kvm")
    assert kind is not None
    assert {"pc", "q35", "pc-q35-7.2"} <= kind.machines
    assert host.kind("exe", "x86_64", "lxc") is not None
    assert host.kind("hvm", "aarch64", "kvm") is None


def test_what_guests_can_have_is_read() -> None:
    found = read_domain(capabilities("domain-x86_64"))
    assert (found.domain, found.arch, found.machine, found.max_vcpus) == ("kvm", "x86_64", "pc-q35-7.2", 288)
    assert found.firmwares == {"bios", "efi"}
    assert found.secure_boot
    assert found.cpu_modes == {"host-passthrough", "maximum", "host-model", "custom"}
    assert found.cpu_models == {"qemu64", "Nehalem"}
    assert found.host_model == "Skylake-Server-IBRS"
    assert [(f.policy, f.name) for f in found.host_features] == [("require", "ssbd"), ("disable", "hle")]


def test_what_is_not_listed_is_not_denied() -> None:
    found = read_domain(capabilities("domain-x86_64"))
    assert found.offers("video", "modelType", "virtio")
    assert not found.offers("video", "modelType", "gop")
    assert found.offers("redirdev", "bus", "usb")
    assert "redirdev" not in found.devices


@pytest.mark.parametrize(
    "text",
    [
        "<capabilities",
        "<other/>",
        "<capabilities/>",
        "<capabilities><host><cpu><arch>x</arch></cpu></host><guest/></capabilities>",
        "<capabilities><host><cpu><arch>x</arch></cpu><topology><cells><cell id='z'/></cells></topology>"
        "</host></capabilities>",
    ],
)
def test_a_host_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(MalformedXml):
        read_host(text)


def test_a_plain_host_is_read_with_nothing_in_it() -> None:
    found = read_domain("<domainCapabilities><domain>qemu</domain><arch>riscv64</arch></domainCapabilities>")
    assert (found.firmwares, found.secure_boot, found.host_features) == (frozenset(), False, ())
