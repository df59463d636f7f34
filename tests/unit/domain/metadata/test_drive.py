from __future__ import annotations

import msgspec

from compute_service.config.api import Api
from compute_service.domain.metadata import ec2, openstack
from compute_service.domain.metadata.drive import drive_files
from tests.unit.domain.metadata.facts import SEED, bare, rich


def test_a_drive_has_the_same_documents_as_the_service() -> None:
    files = drive_files(rich(), SEED)
    for version in (*openstack.VERSIONS, openstack.LATEST):
        for name in openstack.files(rich(), version):
            if name != "password":
                assert files[f"openstack/{version}/{name}"] == openstack.document(rich(), version, name, SEED)
    assert files["openstack/content/0001"] == b"there"
    assert msgspec.json.decode(files["ec2/latest/meta-data.json"])["instance-id"] == "i-0000002a"
    assert files["ec2/latest/user-data"] == b"#!/bin/sh\necho hi\n"


def test_a_drive_has_no_password_that_could_be_posted_to() -> None:
    assert not [path for path in drive_files(rich(), SEED) if path.endswith("/password")]


def test_older_versions_of_ec2_are_left_out_as_configured() -> None:
    files = drive_files(rich(), SEED, Api().config_drive_skip_versions.split())
    assert {path.split("/")[1] for path in files if path.startswith("ec2/")} == {"2009-04-04", "latest"}
    assert {path.split("/")[1] for path in drive_files(bare(), SEED) if path.startswith("ec2/")} == {
        *ec2.VERSIONS,
        "latest",
    }


def test_a_bare_server_has_no_user_data_on_its_drive() -> None:
    assert not [path for path in drive_files(bare(), SEED) if "user" in path or "content" in path]
