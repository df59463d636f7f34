from __future__ import annotations

import base64

import msgspec
import pytest

from compute_service.domain.metadata import openstack
from compute_service.domain.metadata.facts import VendorData
from tests.unit.domain.metadata.facts import SEED, a_vif, bare, rich

ALL = {
    "meta_data.json",
    "user_data",
    "password",
    "vendor_data.json",
    "network_data.json",
    "vendor_data2.json",
}


@pytest.mark.parametrize(
    ("version", "missing"),
    [
        ("2012-08-10", ALL - {"meta_data.json", "user_data"}),
        ("2013-04-04", {"vendor_data.json", "network_data.json", "vendor_data2.json"}),
        ("2013-10-17", {"network_data.json", "vendor_data2.json"}),
        ("2015-10-15", {"vendor_data2.json"}),
        ("2016-06-30", {"vendor_data2.json"}),
        ("2016-10-06", set()),
        ("2025-04-04", set()),
        ("latest", set()),
    ],
)
def test_each_version_has_its_files(version: str, missing: set[str]) -> None:
    assert ALL - set(openstack.files(rich(), version)) == missing


def test_without_user_data_there_is_no_such_file() -> None:
    assert "user_data" not in openstack.files(bare(), "latest")
    assert openstack.user_data(bare()) is None


@pytest.mark.parametrize(
    ("part", "since"),
    [
        ("random_seed", "2013-04-04"),
        ("project_id", "2015-10-15"),
        ("devices", "2016-06-30"),
        ("dedicated_cpus", "2020-10-14"),
        ("shares", "2025-04-04"),
    ],
)
def test_parts_of_meta_data_begin_with_their_version(part: str, since: str) -> None:
    for version in (*openstack.VERSIONS, openstack.LATEST):
        assert (part in openstack.meta_data(rich(), version, SEED)) == (version >= since), version


def test_meta_data_of_a_server_that_has_everything() -> None:
    found = openstack.meta_data(rich(), "latest", SEED)
    assert found == {
        "uuid": "0e4b7c3f-7f6e-4f7c-9d35-1f3a6f7b8c9d",
        "hostname": "web-one.novalocal",
        "name": "web one",
        "launch_index": 1,
        "availability_zone": "nova",
        "meta": {"role": "web"},
        "files": [
            {"content_path": "/content/0000", "path": "/etc/motd"},
            {"content_path": "/content/0001", "path": "/etc/issue"},
        ],
        "public_keys": {"mine": "ssh-ed25519 AAAA me@home"},
        "keys": [{"name": "mine", "type": "ssh", "data": "ssh-ed25519 AAAA me@home"}],
        "random_seed": base64.b64encode(SEED).decode(),
        "project_id": "proj",
        "devices": [
            {"type": "nic", "bus": "none", "address": "none", "mac": "fa:16:3e:00:00:01", "tags": ["front"]},
            {
                "type": "disk",
                "bus": "scsi",
                "address": "0:0:0:1",
                "tags": ["data"],
                "serial": "s1",
                "path": "/dev/sda",
            },
        ],
        "dedicated_cpus": [2, 3],
        "shares": [],
    }


def test_meta_data_of_a_bare_server_leaves_out_what_it_has_not() -> None:
    assert set(openstack.meta_data(bare(), "2012-08-10", SEED)) == {
        "uuid",
        "hostname",
        "name",
        "launch_index",
        "availability_zone",
    }


def test_the_password_is_told_where_the_facts_have_it() -> None:
    facts = bare().replace(admin_password="S3cret")
    assert openstack.meta_data(facts, "latest", SEED)["admin_pass"] == "S3cret"


def test_a_passed_through_card_tells_its_vlan_and_trust_by_version() -> None:
    vif = a_vif(
        vnic_type="direct", details={"vlan": "77"}, profile={"pci_slot": "0000:81:00.2", "trusted": "true"}
    )
    facts = bare().replace(vifs=(vif,))
    nic = {"type": "nic", "bus": "pci", "address": "0000:81:00.2", "mac": vif.mac, "tags": []}
    assert openstack.meta_data(facts, "2016-06-30", SEED)["devices"] == []
    assert openstack.meta_data(facts, "2017-02-22", SEED)["devices"] == [nic | {"vlan": 77}]
    assert openstack.meta_data(facts, "2018-08-27", SEED)["devices"] == [
        nic | {"vlan": 77, "vf_trusted": True}
    ]


def test_user_data_is_decoded_byte_for_byte() -> None:
    facts = bare().replace(user_data=base64.b64encode(b"\x00\xff\n").decode())
    assert openstack.document(facts, "latest", "user_data", SEED) == b"\x00\xff\n"


def test_vendor_data_is_static_first_and_by_source_later() -> None:
    def read(name: str, vendor: VendorData) -> object:
        return msgspec.json.decode(openstack.document(bare().replace(vendor=vendor), "latest", name, SEED))

    both = VendorData(static={"org": "us"}, dynamic={"ad": {"token": "t"}})
    assert read("vendor_data.json", both) == {"org": "us"}
    assert read("vendor_data2.json", both) == {"static": {"org": "us"}, "ad": {"token": "t"}}
    assert read("vendor_data2.json", VendorData(static=None)) == {}
    assert read("vendor_data.json", VendorData(static=None)) == {}


@pytest.mark.parametrize("name", ["0002", "9999", "000", "00000", "-001", "../0", "\u0660\u0660\u0660\u0660"])
def test_injected_files_are_found_by_their_number_alone(name: str) -> None:
    assert openstack.content(rich(), "0001") == b"there"
    assert openstack.content(rich(), name) is None
