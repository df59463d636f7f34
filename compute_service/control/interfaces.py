"""A server's interfaces, as the network service has them now."""

from __future__ import annotations

from compute_service.control.services import Services
from compute_service.domain.errors import NotFound
from compute_service.domain.instance import Instance
from compute_service.domain.vif import Vif


def interfaces(svc: Services, server: Instance) -> tuple[Vif, ...]:
    """Return a server's interfaces: those it is known to have in their order, then what else is its own.

    Tags are the server's, for the network service does not keep them. Raises Unavailable.
    """
    known = {vif.port_id: (place, vif.tag) for place, vif in enumerate(server.vifs)}
    last = (len(known), None)
    now = (vif.replace(tag=known.get(vif.port_id, last)[1]) for vif in svc.network.describe(server.uuid))
    return tuple(sorted(now, key=lambda vif: known.get(vif.port_id, last)[0]))


def interface(svc: Services, server: Instance, port_id: str) -> Vif:
    """Return one of a server's interfaces. Raises NotFound."""
    for vif in interfaces(svc, server):
        if vif.port_id == port_id:
            return vif
    raise NotFound(f"Server {server.uuid} has no interface with port {port_id}.")
