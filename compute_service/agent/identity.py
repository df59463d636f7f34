"""Who this host is, kept in files so that it stays the same: `compute_id` and `compute_host` in a directory.

`compute_id` is one line with the UUID of the node, which is also that of its resource provider; a deployment
may write it beforehand. `compute_host` is the host's name. A host that comes back under another name would
leave its servers, its allocations and its messages behind, so it is refused.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from compute_service.domain.errors import Conflict, Invalid
from compute_service.domain.record import Record

ID_FILE = "compute_id"
HOST_FILE = "compute_host"
_SERVICES = uuid.UUID("6f8a3f0e-6d3c-5f1a-9f6b-0f6f1b6f4b52")
"""The namespace of service UUIDs, which follow from the node's."""


class NodeIdentity(Record):
    """What a host is known by. `service_uuid` is proposed; the conductor's answer holds."""

    host: str
    node_uuid: str
    service_uuid: str


def identify(directory: Path, host: str) -> NodeIdentity:
    """Return who the host is, and remember it on the first start.

    Raises Conflict when the directory belongs to a host of another name, Invalid when a file cannot be read.
    """
    directory.mkdir(parents=True, exist_ok=True)
    known = _read(directory / HOST_FILE)
    if known is not None and known != host:
        raise Conflict(
            f"This host was started before as {known} and now calls itself {host}. A compute host cannot "
            f"be renamed: set host = {known} in [DEFAULT], or move its servers away, delete its service and "
            f"remove {directory / ID_FILE} and {directory / HOST_FILE}."
        )
    node = _node_uuid(directory / ID_FILE)
    if known is None:
        _write(directory / HOST_FILE, host)
    return _identity(host, node)


def member_of(process: NodeIdentity, host: str) -> NodeIdentity:
    """Return the identity of one of several hosts that a process poses as; it follows from the process's."""
    return _identity(host, str(uuid.uuid5(uuid.UUID(process.node_uuid), host)))


def _identity(host: str, node: str) -> NodeIdentity:
    return NodeIdentity(host=host, node_uuid=node, service_uuid=str(uuid.uuid5(_SERVICES, f"{node} {host}")))


def _node_uuid(path: Path) -> str:
    found = _read(path)
    if found is None:
        found = str(uuid.uuid4())
        _write(path, found)
    try:
        return str(uuid.UUID(found))
    except ValueError as error:
        raise Invalid(f"The file {path} must hold one UUID; it holds {found[:60]!r}.") from error


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"The file {path} cannot be read: {error}") from error


def _write(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, even after a power cut."""
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)
