"""The network service."""

from __future__ import annotations

from typing import Protocol

from compute_service.domain.context import Context
from compute_service.domain.record import Record
from compute_service.domain.vif import RequestedNetworks, Vif


class NetworkPlan(Record):
    """What a create's `networks` resolved to, before any port exists.

    `ports` counts the ports that each server needs; `ambiguous` never survives resolution.
    """

    requested: RequestedNetworks
    security_groups: tuple[str, ...] = ()
    """Identifiers, in the order asked for."""
    group_names: tuple[str, ...] = ()
    """Their names, which servers show; empty as well when the order is left to the network service."""


class PortOwner(Record):
    """Whose a port is."""

    server: str
    project_id: str


class Network(Protocol):
    """Networks and ports. Errors: Invalid, NotFound, Forbidden, Conflict, Unavailable.

    Ports made for a server carry its UUID as `device_id`, so that a repeated call finds what the first made.
    """

    def resolve(
        self, ctx: Context, requested: RequestedNetworks, security_groups: tuple[str, ...], servers: int
    ) -> NetworkPlan:
        """Check a create's networks, ports and security groups for `servers` servers.

        Raises Invalid (unknown network, port or group, no quota), PortInUse, NetworkAmbiguous or Forbidden.
        """

    def allocate(
        self,
        project_id: str,
        server: str,
        hostname: str,
        zone: str | None,
        plan: NetworkPlan,
        host: str,
    ) -> tuple[Vif, ...]:
        """Create or take the server's ports and bind them to `host`; repeating finds them again."""

    def bind(self, server: str, vifs: tuple[Vif, ...], host: str) -> tuple[Vif, ...]:
        """Bind existing ports of a server to another host."""

    def release(self, server: str, vifs: tuple[Vif, ...]) -> None:
        """Delete the ports made for the server and let go of the others; repeating is fine.

        Ports that carry the server's UUID are found even when `vifs` does not name them.
        """

    def unbind(self, server: str, vifs: tuple[Vif, ...]) -> None:
        """Let the ports belong to no host, as for an offloaded server."""

    def describe(self, server: str) -> tuple[Vif, ...]:
        """Return the server's ports as they are now."""

    def owners(self, address: str, provider: str | None = None) -> tuple[PortOwner, ...]:
        """Return the owners of the servers' ports that have a fixed address: several where networks overlap.

        With `provider` only networks count that this provider of metadata serves.
        """
