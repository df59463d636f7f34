"""Hosts to assemble guests for, and the option that writes golden documents anew."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from compute_service.domain.flavor import Flavor
from compute_service.domain.guest import GuestSpec
from compute_service.domain.image import Image
from compute_service.virt.libvirt.assemble.place import DiskPlace, Host, Place
from compute_service.virt.libvirt.capabilities import read_domain, read_host

HERE = Path(__file__).parent
UUID = "22222222-2222-4222-8222-222222222222"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regen", action="store_true", help="write golden documents anew")


@pytest.fixture
def regen(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--regen", default=False))


def capabilities(name: str) -> str:
    return (HERE / "capabilities" / f"{name}.xml").read_text()


def a_host(virt_type: str = "kvm", arch: str = "x86_64", **changes: object) -> Host:
    domains = dataclasses.replace(
        read_domain(capabilities("domain-x86_64")), domain=virt_type, arch=arch, machine=None
    )
    if virt_type == "xen":
        domains = dataclasses.replace(domains, devices={})
    host = Host(virt_type=virt_type, capabilities=read_host(capabilities("host-x86_64")), domains=domains)
    return dataclasses.replace(host, **changes)  # type: ignore[arg-type]


def a_place(*more: DiskPlace, **changes: object) -> Place:
    root = DiskPlace(role="root", path=f"/var/lib/nova/instances/{UUID}/disk", format="qcow2")
    place = Place(disks=(root, *more), console_log=f"/var/lib/nova/instances/{UUID}/console.log")
    return dataclasses.replace(place, **changes)  # type: ignore[arg-type]


def a_spec(
    properties: dict[str, str] | None = None, extra_specs: dict[str, str] | None = None, vcpus: int = 2
) -> GuestSpec:
    return GuestSpec(
        uuid=UUID,
        name="instance-00000001",
        display_name="web & <more>",
        hostname="web",
        project_id="0123456789abcdef0123456789abcdef",
        user_id="fedcba9876543210fedcba9876543210",
        flavor=Flavor(
            flavorid="1",
            name="m1.small",
            vcpus=vcpus,
            memory_mb=512,
            root_gb=1,
            ephemeral_gb=1,
            extra_specs=extra_specs or {},
        ),
        image=Image(id="11111111-1111-4111-8111-111111111111", properties=properties or {}),
    )
