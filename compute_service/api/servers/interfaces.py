"""A server's interfaces. Source: Compute API reference, "Port interfaces"."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType

from compute_service.api.fields import IP, TAG, UUID
from compute_service.api.policies import server_parts as policy
from compute_service.api.request import Request
from compute_service.api.shape import Body, Items, View, given, since
from compute_service.control import interfaces
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid
from compute_service.domain.vif import NetworkRequest, Vif


class WantedAddress(Body):
    """The address that a new interface is to have."""

    ip_address: Annotated[str, IP]


class WantedInterface(Body):
    """A new interface: on a port, on a network perhaps with an address there, or on the only network."""

    net_id: Annotated[str | UnsetType, UUID] = UNSET
    port_id: Annotated[str | UnsetType, UUID] = UNSET
    fixed_ips: Annotated[list[WantedAddress] | UnsetType, Items(1, 1)] = UNSET
    tag: Annotated[str | UnsetType, TAG, since("2.49")] = UNSET


class InterfaceCreate(Body):
    """POST /servers/{server_id}/os-interface."""

    interfaceAttachment: WantedInterface | UnsetType = UNSET


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
    """GET /servers/{server_id}/os-interface/{port_id}, and the answer to POST."""

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


def create(ctx: Context, svc: Services, req: Request) -> InterfaceShown:
    """Give a server one more interface and wait until it has that. The answer is for those who may see it."""
    req.enforce(policy.INTERFACES_SHOW)
    wanted = _request(given(req.body(InterfaceCreate).interfaceAttachment, WantedInterface()))
    flow_id = interfaces.attach_interface(ctx, svc, req.server, wanted)
    return InterfaceShown(interfaceAttachment=_view(interfaces.attached(svc, req.server, flow_id)))


def delete(ctx: Context, svc: Services, req: Request) -> None:
    """Begin to take an interface from a server."""
    interfaces.detach_interface(ctx, svc, req.server, req.params["port_id"])


def _request(wanted: WantedInterface) -> NetworkRequest:
    network, port = given(wanted.net_id, None), given(wanted.port_id, None)
    addresses = given(wanted.fixed_ips, [])
    if network is not None and port is not None:
        raise Invalid("Must not input both network_id and port_id")
    if addresses and network is None:
        raise Invalid("Must input network_id when request IP address")
    return NetworkRequest(
        network_id=network,
        port_id=port,
        fixed_ip=addresses[0].ip_address if addresses else None,
        tag=given(wanted.tag, None),
    )


def _view(vif: Vif) -> Interface:
    return Interface(
        port_state="ACTIVE" if vif.active else "DOWN",
        fixed_ips=[InterfaceAddress(ip_address=ip.address, subnet_id=ip.subnet_id) for ip in vif.fixed_ips],
        mac_addr=vif.mac,
        net_id=vif.network_id,
        port_id=vif.port_id,
        tag=vif.tag,
    )
