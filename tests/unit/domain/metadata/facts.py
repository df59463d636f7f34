"""Servers whose documents are checked."""

from __future__ import annotations

import base64

from compute_service.domain.instance import ServerKeypair
from compute_service.domain.metadata.facts import ServerFacts, TaggedDevice, VendorData
from compute_service.domain.vif import FixedIp, Route, Subnet, Vif

SEED = bytes(range(256)) * 2


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def a_vif(n: int = 1, **fields: object) -> Vif:
    given: dict[str, object] = {
        "port_id": f"{n}1111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
        "network_id": f"{n}2222222-bbbb-4bbb-8bbb-bbbbbbbbbbbb",
        "network_label": f"net{n}",
        "mac": f"fa:16:3e:00:00:0{n}",
        "mtu": 1450,
        "vif_type": "ovs",
    }
    return Vif(**given | fields)  # type: ignore[arg-type]


V4 = Subnet(id="v4", cidr="10.0.0.0/24", gateway="10.0.0.1", dns=("9.9.9.9", "1.1.1.1"))
STATIC = Subnet(
    id="static",
    cidr="192.0.2.64/26",
    gateway="192.0.2.65",
    dhcp=False,
    dns=("9.9.9.9",),
    routes=(Route(destination="172.16.0.0/12", nexthop="192.0.2.66"),),
)
SLAAC = Subnet(id="slaac", cidr="2001:db8::/64", version=6, gateway="2001:db8::1", address_mode="slaac")
V6 = Subnet(id="v6", cidr="2001:db8:1::/48", version=6, gateway=None, dns=("2001:db8::53",))

DUAL = a_vif(
    1,
    fixed_ips=(
        FixedIp(address="10.0.0.5", subnet_id="v4", floating=("203.0.113.9",)),
        FixedIp(address="2001:db8::5", version=6, subnet_id="slaac"),
    ),
    subnets=(V4, SLAAC),
    tag="front",
)
PLAIN = a_vif(2, fixed_ips=(FixedIp(address="192.0.2.70", subnet_id="static"),), subnets=(STATIC,), mtu=9000)


def rich() -> ServerFacts:
    """A server that has everything."""
    return ServerFacts(
        uuid="0e4b7c3f-7f6e-4f7c-9d35-1f3a6f7b8c9d",
        number=42,
        reservation_id="r-abcdefgh",
        project_id="proj",
        name="web one",
        hostname="web-one.novalocal",
        instance_type="m1.small",
        launch_index=1,
        availability_zone="nova",
        image_id="155d900f-4e14-4e4c-a73d-069cbf4541e6",
        kernel_id="8a55d900-0000-4000-8000-000000000000",
        ramdisk_id="9b55d900-0000-4000-8000-000000000000",
        keypair=ServerKeypair(name="mine", public_key="ssh-ed25519 AAAA me@home"),
        metadata={"role": "web"},
        user_data=b64("#!/bin/sh\necho hi\n"),
        security_groups=("default", "web"),
        root_device_name="/dev/vda",
        block_devices={"ephemeral0": "/dev/vdb", "swap": "/dev/vdc"},
        vifs=(DUAL, PLAIN),
        disks=(TaggedDevice(tags=("data",), bus="scsi", address="0:0:0:1", serial="s1", path="/dev/sda"),),
        files=(("/etc/motd", b64("hello")), ("/etc/issue", b64("there"))),
        dedicated_cpus=(2, 3),
        vendor=VendorData(static={"org": "us"}, dynamic={"ad": {"token": "t"}}),
    )


def bare() -> ServerFacts:
    """A server that has nothing it need not have."""
    return ServerFacts(
        uuid="3c3e9c1e-96b2-4a5d-8a4f-000000000000",
        number=1,
        reservation_id="r-1",
        project_id="proj",
        name="bare",
        hostname="bare",
        instance_type="m1.tiny",
    )
