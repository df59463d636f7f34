from __future__ import annotations

import pytest

from compute_service.domain.metadata import ec2
from tests.unit.domain.metadata.facts import bare, rich


@pytest.mark.parametrize(
    ("name", "since"),
    [
        ("ami-id", "1.0"),
        ("public-keys", "1.0"),
        ("public-ipv4", "2007-01-19"),
        ("local-hostname", "2007-01-19"),
        ("instance-type", "2007-08-29"),
        ("block-device-mapping", "2007-12-15"),
        ("kernel-id", "2007-12-15"),
        ("placement", "2008-02-01"),
        ("instance-action", "2008-09-01"),
    ],
)
def test_names_begin_with_their_version(name: str, since: str) -> None:
    for version in (*ec2.VERSIONS, ec2.LATEST):
        assert (name in ec2.tree(rich(), version)["meta-data"]) == (version >= since), version


def test_the_tree_of_a_server_that_has_everything() -> None:
    assert ec2.tree(rich(), "latest") == {
        "meta-data": {
            "ami-id": "ami-155d900f",
            "ami-launch-index": 1,
            "ami-manifest-path": "FIXME",
            "hostname": "web-one.novalocal",
            "instance-id": "i-0000002a",
            "local-ipv4": "10.0.0.5",
            "reservation-id": "r-abcdefgh",
            "security-groups": ("default", "web"),
            "public-keys": {"0": {"openssh-key": "ssh-ed25519 AAAA me@home"}},
            "local-hostname": "web-one.novalocal",
            "public-hostname": "web-one.novalocal",
            "public-ipv4": "203.0.113.9",
            "instance-type": "m1.small",
            "block-device-mapping": {
                "ami": "vda",
                "root": "/dev/vda",
                "ephemeral0": "/dev/vdb",
                "swap": "/dev/vdc",
            },
            "kernel-id": "aki-8a55d900",
            "ramdisk-id": "ari-9b55d900",
            "placement": {"availability-zone": "nova"},
            "instance-action": "none",
        },
        "user-data": b"#!/bin/sh\necho hi\n",
    }


def test_a_bare_server_has_neither_keys_nor_user_data() -> None:
    below = ec2.tree(bare(), "latest")
    assert "user-data" not in below
    assert "public-keys" not in below["meta-data"]
    assert below["meta-data"]["ami-id"] == "ami-00000000"
    assert below["meta-data"]["block-device-mapping"] == {"ami": "sda1", "root": "/dev/sda1"}


def test_listings_mark_what_has_names_below_it() -> None:
    below = ec2.tree(rich(), "latest")
    assert ec2.listing(rich(), below, ()) == "meta-data/\nuser-data"
    names = ec2.listing(rich(), below["meta-data"], ("meta-data",)).split("\n")
    assert names == sorted(names)
    assert {"placement/", "public-keys/", "ami-id"} < set(names)


def test_keys_are_listed_by_number_and_name() -> None:
    keys = ec2.tree(rich(), "latest")["meta-data"]["public-keys"]
    assert ec2.listing(rich(), keys, ("meta-data", "public-keys")) == "0=mine"
    assert ec2.listing(rich(), keys["0"], ("meta-data", "public-keys", "0")) == "openssh-key"


@pytest.mark.parametrize(
    ("value", "read"), [(b"\xff", b"\xff"), (1, b"1"), (("a", "b"), b"a\nb"), ("x", b"x")]
)
def test_ends_of_paths_are_read_as_lines(value: object, read: bytes) -> None:
    assert ec2.leaf_bytes(value) == read
