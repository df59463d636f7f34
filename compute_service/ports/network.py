"""The network service."""

from __future__ import annotations

from typing import Protocol

from compute_service.domain.context import Context
from compute_service.domain.record import Record
from compute_service.domain.vif import NetworkRequest, RequestedNetworks, Vif


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


class PortOrder(Record):
    """One more interface for a server that is there already, as `Network.resolve_one` let it pass."""

    key: str
    """Names the order: whoever repeats it finds what it made."""
    project_id: str
    """The server's."""
    server: str
    hostname: str
    zone: str | None
    request: NetworkRequest


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

    def bind_ahead(self, server: str, vifs: tuple[Vif, ...], host: str) -> tuple[Vif, ...]:
        """Prepare a server's ports for a host to which its guest will move while it runs; until `activate`
        they stay bound where they are. Returns them as they will be there. Repeating finds what was made.

        Raises NotFound for a port that is gone, HostRejected when the host cannot have one.
        """

    def activate(self, server: str, vifs: tuple[Vif, ...], host: str) -> tuple[Vif, ...]:
        """Let ports belong to the host that they were prepared for, and to no other; repeating is fine.

        A port that has gone meanwhile is left out.
        """

    def unbind_ahead(self, server: str, host: str) -> None:
        """Take back what `bind_ahead` prepared on a host; what is active there stays."""

    def release(self, server: str, vifs: tuple[Vif, ...]) -> None:
        """Delete the ports made for the server and let go of the others; repeating is fine.

        Ports that carry the server's UUID are found even when `vifs` does not name them.
        """

    def resolve_one(self, ctx: Context, project_id: str, wanted: NetworkRequest) -> NetworkRequest:
        """Check what one more interface for a server of a project is asked to be on, and return that.

        When nothing is named, that is the only network that the project can use. Raises NotFound (no such
        port or network), Invalid (not for this server, or no network at all), NetworkAmbiguous, PortInUse,
        Conflict (the address is taken), Forbidden or OverQuota.
        """

    def attach(self, order: PortOrder, host: str) -> Vif:
        """Create or take a port for a server and bind it to `host`; repeating finds it again.

        Raises NotFound, PortInUse, Invalid (no address left), Conflict (the address is taken), OverQuota or
        HostRejected.
        """

    def withdraw(self, order: PortOrder) -> None:
        """Undo what `attach` did, or half did: delete what was made, let go of what was taken."""

    def detach(self, server: str, vif: Vif) -> None:
        """Delete one of a server's ports if it was made for the server, else let go of it.

        Repeating is fine.
        """

    def unbind(self, server: str, vifs: tuple[Vif, ...]) -> None:
        """Let the ports belong to no host, as for an offloaded server."""

    def describe(self, server: str) -> tuple[Vif, ...]:
        """Return the server's ports as they are now."""

    def owners(self, address: str, provider: str | None = None) -> tuple[PortOwner, ...]:
        """Return the owners of the servers' ports that have a fixed address: several where networks overlap.

        With `provider` only networks count that this provider of metadata serves.
        """
