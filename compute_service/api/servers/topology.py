"""How a server's guest sees processors and memory. Source: Compute API reference, "Show server topology".

No server here is bound to the host's nodes (flavors and images that ask for that are refused), so a guest
has none of its own and pages of the usual size.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from compute_service.api.request import Request
from compute_service.api.shape import View
from compute_service.control.services import Services
from compute_service.domain.context import Context


class Node(View):
    """A node of memory with its processors, and what of the host they are bound to."""

    memory_mb: int
    siblings: list[list[int]]
    vcpu_set: list[int]
    cpu_pinning: dict[str, int] | UnsetType = UNSET
    host_node: int | UnsetType = UNSET


class Topology(View):
    """The nodes of a guest, none where it is not bound to the host's."""

    nodes: list[Node]
    pagesize_kb: int | None


def show(_ctx: Context, _svc: Services, _req: Request) -> Topology:
    """Show a server's topology."""
    return Topology(nodes=[], pagesize_kb=None)
