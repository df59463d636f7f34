"""The files of a config drive: the documents of the metadata service, each version in a folder of its own."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from compute_service.domain.metadata import ec2, openstack
from compute_service.domain.metadata.facts import ServerFacts

LABEL = "config-2"
"""The file system's label, by which guests find the drive."""


def drive_files(facts: ServerFacts, seed: bytes, skip: Collection[str] = ()) -> dict[str, bytes]:
    """Return what stands on a server's drive, by path. `skip` names versions of EC2's that are left out."""
    made: dict[str, bytes] = {}
    for version in (*ec2.VERSIONS, ec2.LATEST):
        if version in skip:
            continue
        below = ec2.tree(facts, version)
        made[f"ec2/{version}/meta-data.json"] = msgspec.json.encode(below["meta-data"])
        if "user-data" in below:
            made[f"ec2/{version}/user-data"] = below["user-data"]
    for version in (*openstack.VERSIONS, openstack.LATEST):
        for name in openstack.files(facts, version):
            if name != openstack.PASSWORD:
                made[f"openstack/{version}/{name}"] = openstack.document(facts, version, name, seed)
    for number in range(len(facts.files)):
        name = f"{number:04d}"
        made[f"openstack/content/{name}"] = openstack.content(facts, name) or b""
    return made
