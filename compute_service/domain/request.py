"""What the scheduler is asked and what it answers."""

from __future__ import annotations

from typing import Any

from compute_service.domain.flavor import Flavor
from compute_service.domain.group import ServerGroup
from compute_service.domain.image import Image
from compute_service.domain.record import Record


class PlacementRequest(Record):
    """The wish of one or more equal servers for hosts."""

    project_id: str
    user_id: str
    flavor: Flavor
    image: Image | None = None
    boot_from_volume: bool = False
    availability_zone: str | None = None
    hints: dict[str, Any] = {}
    group: ServerGroup | None = None
    group_hosts: dict[str, int] = {}
    """How many live members of the group each host has."""
    force_host: str | None = None
    """The `az:host:node` form: filters are passed over, the claim is not."""
    force_node: str | None = None
    requested_host: str | None = None
    """The `host` of microversion 2.74 and of moves: this host only, and filters apply."""
    requested_node: str | None = None
    ignore_hosts: tuple[str, ...] = ()
    ignore_cells: tuple[str, ...] = ()
    """Cells that cannot take a server now, not even on a forced host."""
    cell: str | None = None
    """Moves stay in their cell."""
    current_host: str | None = None
    """Where the server is now, for moves."""
    rebuild: bool = False
    """The server stays on `current_host` while its image changes: only filters that look at images count,
    and nothing is claimed."""
    request_id: str | None = None
    is_admin: bool = False


class Claim(Record):
    """A host chosen for one server: `allocations` is what was (or, for an alternate, would be) claimed,
    provider UUID → resource class → amount."""

    consumer: str
    cell: str
    host: str
    node: str
    node_uuid: str
    allocations: dict[str, dict[str, int]]
    availability_zone: str | None = None


class SelectRequest(Record):
    """Choose and claim a host for each consumer, all or nothing.

    Repeating the same request finds the claims already made for these consumers and answers with them.
    """

    request: PlacementRequest
    consumers: tuple[str, ...]
    alternates: int = 0
    """How many further hosts to name for each, unclaimed, in the same cell."""


class Selection(Record):
    """One server's host and where else it could go."""

    claim: Claim
    alternates: tuple[Claim, ...] = ()


class Decision(Record):
    """The answer, in the order of the consumers. `refused` counts passed-over hosts by reason.

    When no host will do, `selections` is empty and `message` says why for the server's fault.
    """

    selections: tuple[Selection, ...] = ()
    refused: dict[str, int] = {}
    message: str = ""
