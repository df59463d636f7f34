from __future__ import annotations

import base64

import pytest

from compute_service.config.settings import Settings, settings_of
from compute_service.control.server_facts import server_facts
from compute_service.control.spec import guest_spec
from compute_service.domain.block_device import BlockDevice
from compute_service.domain.flavor import Flavor
from compute_service.domain.instance import ServerKeypair
from tests.fixtures.records import an_instance

FLAVOR = Flavor(flavorid="1", name="m1.small", vcpus=1, memory_mb=64, root_gb=1)


def blank(**fields: object) -> BlockDevice:
    return BlockDevice(uuid="b", source_type="blank", destination_type="local", **fields)  # type: ignore[arg-type]


def test_a_row_becomes_what_its_guest_may_know() -> None:
    row = an_instance(
        id=42,
        hostname="web",
        display_name="Web!",
        flavor=FLAVOR,
        metadata={"role": "db"},
        keypair=ServerKeypair(name="mine", public_key="ssh-rsa A"),
        user_data=base64.b64encode(b"hi").decode(),
        injected_files=(("/etc/motd", "aGk="),),
        security_groups=("default",),
        system_metadata={"boot_roles": "member,reader", "admin_password": "sealed", "image_os": "x"},
    )
    facts = server_facts(row, Settings())
    assert (facts.number, facts.name, facts.instance_type) == (42, "Web!", "m1.small")
    assert (facts.hostname, facts.short_hostname) == ("web.novalocal", "web")
    assert (facts.metadata, facts.keypair, facts.user_data) == (row.metadata, row.keypair, row.user_data)
    assert (facts.files, facts.security_groups) == (row.injected_files, ("default",))
    assert facts.boot_roles == "member,reader"
    assert facts.admin_password is None


def test_without_a_domain_the_name_stands_alone() -> None:
    facts = server_facts(an_instance(hostname="web"), settings_of({"api": {"dhcp_domain": ""}}))
    assert facts.hostname == "web"


@pytest.mark.parametrize(
    ("flavor", "disks", "named"),
    [
        (FLAVOR, (), {}),
        (FLAVOR.replace(ephemeral_gb=1, swap_mb=64), (), {"ephemeral0": "/dev/vdb", "swap": "/dev/vdc"}),
        (
            FLAVOR.replace(ephemeral_gb=4, swap_mb=64),
            (blank(), blank(), blank(guest_format="swap", device_name="/dev/vdx")),
            {"ephemeral0": "/dev/vdb", "ephemeral1": "/dev/vdc", "swap": "/dev/vdx"},
        ),
        (
            FLAVOR,
            (BlockDevice(uuid="v", source_type="volume", destination_type="volume", device_name="/dev/vdd"),),
            {"ebs0": "/dev/vdd"},
        ),
    ],
)
def test_disks_beside_the_root_disk_have_their_names(
    flavor: Flavor, disks: tuple[BlockDevice, ...], named: dict[str, str]
) -> None:
    row = an_instance(flavor=flavor, block_devices=disks, root_device_name="/dev/vda")
    assert server_facts(row, Settings()).block_devices == named


def test_a_tagged_disk_is_told_of() -> None:
    row = an_instance(block_devices=(blank(tag="scratch", device_name="/dev/vdb"), blank()))
    [disk] = server_facts(row, Settings()).disks
    assert (disk.tags, disk.path) == (("scratch",), "/dev/vdb")


def test_only_a_guest_with_a_config_drive_is_sent_its_facts() -> None:
    assert guest_spec(an_instance(), Settings()).facts is None
    facts = guest_spec(an_instance(config_drive=True), Settings()).facts
    assert facts is not None
    assert facts.admin_password is None
