"""The EC2 metadata of a server: a tree of names, the older versions with fewer of them.

Identifiers are made of what the server and its images have: `i-` and the number of the server's row, `ami-`,
`aki-` and `ari-` and the beginning of an image's UUID. So they are stable and need no table of their own.
"""

from __future__ import annotations

from typing import Any

from compute_service.domain.metadata.facts import ServerFacts
from compute_service.domain.metadata.openstack import user_data

LATEST = "latest"
VERSIONS = (
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
)
_NAMES, _TYPE, _DISKS, _ZONE, _ACTION = "2007-01-19", "2007-08-29", "2007-12-15", "2008-02-01", "2008-09-01"
"""The first versions of parts of the tree. They compare as text, and `latest` is above them all."""
_DEFAULT_ROOT = "/dev/sda1"

Tree = dict[str, Any]
"""Name → a further tree, or what `leaf_bytes` takes: text, bytes, a number or several texts."""


def instance_id(number: int) -> str:
    """Return a server's EC2 identifier."""
    return f"i-{number:08x}"


def image_id(kind: str, uuid: str) -> str:
    """Return an image's EC2 identifier. `kind` is ami, aki or ari."""
    return f"{kind}-{uuid.replace('-', '')[:8] or '0' * 8}"


def tree(facts: ServerFacts, version: str) -> Tree:
    """Return what stands below a version."""
    made: Tree = {"meta-data": _meta_data(facts, version)}
    data = user_data(facts)
    return made if data is None else made | {"user-data": data}


def leaf_bytes(value: object) -> bytes:
    """Return what stands at the end of a path as a guest reads it; several texts are a line each."""
    if isinstance(value, bytes):
        return value
    return ("\n".join(value) if isinstance(value, tuple) else str(value)).encode()


def listing(facts: ServerFacts, node: Tree, path: tuple[str, ...]) -> str:
    """Return the names below a tree's node, one a line; what has names below it ends with a slash.

    `path` is where the node stands below the version. Keys alone are listed by number and name.
    """
    if path == ("meta-data", "public-keys") and facts.keypair is not None:
        return f"0={facts.keypair.name}"
    return "\n".join(f"{name}/" if isinstance(node[name], dict) else name for name in sorted(node))


def _meta_data(facts: ServerFacts, version: str) -> Tree:
    made: Tree = {
        "ami-id": image_id("ami", facts.image_id),
        "ami-launch-index": facts.launch_index,
        "ami-manifest-path": "FIXME",
        "hostname": facts.hostname,
        "instance-id": instance_id(facts.number),
        "local-ipv4": facts.address(4),
        "reservation-id": facts.reservation_id,
        "security-groups": facts.security_groups,
    }
    if facts.keypair is not None:
        made["public-keys"] = {"0": {"openssh-key": facts.keypair.public_key}}
    if version >= _NAMES:
        made["local-hostname"] = made["public-hostname"] = facts.hostname
        made["public-ipv4"] = facts.floating_address
    if version >= _TYPE:
        made["instance-type"] = facts.instance_type
    if version >= _DISKS:
        made |= _disks(facts)
    if version >= _ZONE:
        made["placement"] = {"availability-zone": facts.availability_zone or ""}
    if version >= _ACTION:
        made["instance-action"] = "none"
    return made


def _disks(facts: ServerFacts) -> Tree:
    root = facts.root_device_name or _DEFAULT_ROOT
    made: Tree = {
        "block-device-mapping": {"ami": root.removeprefix("/dev/"), "root": root, **facts.block_devices}
    }
    if facts.kernel_id:
        made["kernel-id"] = image_id("aki", facts.kernel_id)
    if facts.ramdisk_id:
        made["ramdisk-id"] = image_id("ari", facts.ramdisk_id)
    return made
