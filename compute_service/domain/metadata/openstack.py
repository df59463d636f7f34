"""The OpenStack metadata of a server: which files each version has, and what is in them.

Versions are dates: each has what the one before it had. Sources: Compute documentation, Metadata service and
Vendordata.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import msgspec

from compute_service.domain.metadata.facts import ServerFacts, TaggedDevice
from compute_service.domain.metadata.network import network_data
from compute_service.domain.vif import Vif

LATEST = "latest"
VERSIONS = (
    "2012-08-10",
    "2013-04-04",
    "2013-10-17",
    "2015-10-15",
    "2016-06-30",
    "2016-10-06",
    "2017-02-22",
    "2018-08-27",
    "2020-10-14",
    "2025-04-04",
)
META_DATA, USER_DATA, PASSWORD = "meta_data.json", "user_data", "password"
VENDOR_DATA, NETWORK_DATA, VENDOR_DATA_2 = "vendor_data.json", "network_data.json", "vendor_data2.json"
_FILES = (
    (META_DATA, "2012-08-10"),
    (USER_DATA, "2012-08-10"),
    (PASSWORD, "2013-04-04"),
    (VENDOR_DATA, "2013-10-17"),
    (NETWORK_DATA, "2015-10-15"),
    (VENDOR_DATA_2, "2016-10-06"),
)
"""Each file and its first version."""
SEED_BYTES = 512
_SEED, _PROJECT, _DEVICES, _VLANS, _TRUST, _CPUS, _SHARES = (
    "2013-04-04", "2015-10-15", "2016-06-30", "2017-02-22", "2018-08-27", "2020-10-14", "2025-04-04",
)  # fmt: skip
"""The first versions of parts of meta_data.json. Dates compare as text, and `latest` is above them all."""


def has_password(version: str) -> bool:
    """Tell whether a version that exists has the file `password`."""
    return (version in VERSIONS or version == LATEST) and version >= dict(_FILES)[PASSWORD]


def files(facts: ServerFacts, version: str) -> tuple[str, ...]:
    """Return the names of a version's files."""
    return tuple(
        name
        for name, since in _FILES
        if version >= since and (name != USER_DATA or facts.user_data is not None)
    )


def document(facts: ServerFacts, version: str, name: str, seed: bytes) -> bytes:
    """Return what is in one of `files`, `password` apart, which is no fact of the server."""
    if name == USER_DATA:
        return user_data(facts) or b""
    made: dict[str, Any] = {}
    if name == META_DATA:
        made = meta_data(facts, version, seed)
    elif name == NETWORK_DATA:
        made = network_data(facts.vifs)
    elif name == VENDOR_DATA:
        made = facts.vendor.static or {}
    elif name == VENDOR_DATA_2:
        static = facts.vendor.static
        made = ({} if static is None else {"static": static}) | facts.vendor.dynamic
    return msgspec.json.encode(made)


def meta_data(facts: ServerFacts, version: str, seed: bytes) -> dict[str, Any]:
    """Return meta_data.json. `seed` is what the guest's random numbers may begin with."""
    made: dict[str, Any] = {
        "uuid": facts.uuid,
        "hostname": facts.hostname,
        "name": facts.name,
        "launch_index": facts.launch_index,
        "availability_zone": facts.availability_zone,
    }
    if facts.metadata:
        made["meta"] = facts.metadata
    if facts.files:
        made["files"] = [
            {"content_path": f"/content/{number:04d}", "path": path}
            for number, (path, _) in enumerate(facts.files)
        ]
    if (key := facts.keypair) is not None:
        made["public_keys"] = {key.name: key.public_key}
        made["keys"] = [{"name": key.name, "type": key.type, "data": key.public_key}]
    if facts.admin_password is not None:
        made["admin_pass"] = facts.admin_password
    return made | _later(facts, version, seed)


def user_data(facts: ServerFacts) -> bytes | None:
    """Return what the user gave the guest, decoded; None when there is none."""
    return None if facts.user_data is None else _decoded(facts.user_data)


def content(facts: ServerFacts, name: str) -> bytes | None:
    """Return an injected file by its number, such as `0000`; None when there is no such file."""
    if len(name) != 4 or not name.isascii() or not name.isdigit() or int(name) >= len(facts.files):
        return None
    return _decoded(facts.files[int(name)][1])


def _later(facts: ServerFacts, version: str, seed: bytes) -> dict[str, Any]:
    """Return what came after the first version."""
    made: dict[str, Any] = {}
    if version >= _SEED:
        made["random_seed"] = base64.b64encode(seed).decode()
    if version >= _PROJECT:
        made["project_id"] = facts.project_id
    if version >= _DEVICES:
        nics = (entry for vif in facts.vifs for entry in _nic(vif, version))
        made["devices"] = [*nics, *(_disk(disk) for disk in facts.disks)]
    if version >= _CPUS:
        made["dedicated_cpus"] = list(facts.dedicated_cpus)
    if version >= _SHARES:
        made["shares"] = []
    return made


def _nic(vif: Vif, version: str) -> Iterator[dict[str, Any]]:
    """Yield the entry of an interface that has something to be told of: a tag, a VLAN, or trust."""
    told: dict[str, Any] = {}
    vlan = vif.details.get("vlan")
    if version >= _VLANS and vlan is not None and vif.vnic_type == "direct":
        told["vlan"] = int(str(vlan))
    trusted = str(vif.profile.get("trusted", "")).lower() in {"true", "1", "yes", "on"}
    if version >= _TRUST and (vif.vnic_type == "direct" or trusted):
        told["vf_trusted"] = trusted
    if vif.tag is None and not told:
        return
    tags = [] if vif.tag is None else [vif.tag]
    slot = vif.profile.get("pci_slot")
    where = {"bus": "none", "address": "none"} if slot is None else {"bus": "pci", "address": str(slot)}
    yield {"type": "nic", **where, "mac": vif.mac, "tags": tags, **told}


def _disk(disk: TaggedDevice) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "disk", "bus": disk.bus, "address": disk.address, "tags": list(disk.tags)}
    if disk.serial is not None:
        made["serial"] = disk.serial
    if disk.path is not None:
        made["path"] = disk.path
    return made


def _decoded(text: str) -> bytes:
    """Return base64 decoded; what is none is given as it is."""
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return text.encode()
