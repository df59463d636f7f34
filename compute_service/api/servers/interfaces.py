"""A server's interfaces. Source: Compute API reference, "Port interfaces"."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType

from compute_service.api.request import Request
from compute_service.api.shape import View, since
from compute_service.control import interfaces
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.vif import Vif


class InterfaceAddress(View):
    """An address of an interface."""

    ip_address: str
    subnet_id: str | None


class Interface(View):
    """An interface: a port of the network service."""

    port_state: str
    fixed_ips: list[InterfaceAddress]
    mac_addr: str
    net_id: str
    port_id: str
    tag: Annotated[str | UnsetType | None, since("2.70")] = UNSET


class InterfaceList(View):
    """GET /servers/{server_id}/os-interface."""

    interfaceAttachments: list[Interface]


class InterfaceShown(View):
    """GET /servers/{server_id}/os-interface/{port_id}."""

    interfaceAttachment: Interface


def index(ctx: Context, svc: Services, req: Request) -> InterfaceList:
    """List a server's interfaces as the network service has them now."""
    return InterfaceList(
        interfaceAttachments=[_view(vif) for vif in interfaces.interfaces(svc, req.server.instance)]
    )


def show(ctx: Context, svc: Services, req: Request) -> InterfaceShown:
    """Show one of a server's interfaces."""
    vif = interfaces.interface(svc, req.server.instance, req.params["port_id"])
    return InterfaceShown(interfaceAttachment=_view(vif))


def _view(vif: Vif) -> Interface:
    return Interface(
        port_state="ACTIVE" if vif.active else "DOWN",
        fixed_ips=[InterfaceAddress(ip_address=ip.address, subnet_id=ip.subnet_id) for ip in vif.fixed_ips],
        mac_addr=vif.mac,
        net_id=vif.network_id,
        port_id=vif.port_id,
        tag=vif.tag,
    )
