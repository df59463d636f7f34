"""Consoles that open in a browser. Source: Compute API reference, "Server consoles"."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from compute_service.api.fields import OneOf
from compute_service.api.request import Request
from compute_service.api.shape import Body, View, since
from compute_service.control.remote_console import open_console
from compute_service.control.services import Services
from compute_service.domain.console import KINDS
from compute_service.domain.context import Context
from compute_service.domain.errors import Invalid, NotSupported

DIRECT = "spice-direct"
_ENDED = frozenset({"rdp-html5", "xvpvnc"})
"""Types that no hypervisor offers any more."""
_PROTOCOLS = ("vnc", "spice", "serial", "rdp")
_TYPES = ("novnc", "xvpvnc", "spice-html5", "serial", "rdp-html5")


class VncConsole(Body):
    """os-getVNCConsole."""

    type: Literal["novnc", "xvpvnc"]


class SpiceConsole(Body):
    """os-getSPICEConsole."""

    type: Literal["spice-html5"]


class SerialConsole(Body):
    """os-getSerialConsole."""

    type: Literal["serial"]


class RemoteConsole(Body):
    """What console is wanted."""

    protocol: Annotated[
        Any,
        since("2.1", until="2.7", kind=OneOf(*_PROTOCOLS)),
        since("2.8", kind=OneOf(*_PROTOCOLS, "mks")),
    ]
    type: Annotated[
        Any,
        since("2.1", until="2.7", kind=OneOf(*_TYPES)),
        since("2.8", until="2.98", kind=OneOf(*_TYPES, "webmks")),
        since("2.99", kind=OneOf(*_TYPES, "webmks", DIRECT)),
    ]


class RemoteConsoleCreate(Body):
    """POST /servers/{server_id}/remote-consoles."""

    remote_console: RemoteConsole


class ConsoleView(View):
    """A console that an action opened."""

    type: str
    url: str


class ConsoleShown(View):
    """The answer to the console actions."""

    console: ConsoleView


class RemoteConsoleView(View):
    """A console."""

    protocol: str
    type: str
    url: str


class RemoteConsoleShown(View):
    """The answer to POST /servers/{server_id}/remote-consoles."""

    remote_console: RemoteConsoleView


def vnc(ctx: Context, svc: Services, req: Request) -> ConsoleShown:
    """Open a VNC console."""
    return _act(ctx, svc, req, req.body(VncConsole).type)


def spice(ctx: Context, svc: Services, req: Request) -> ConsoleShown:
    """Open a SPICE console."""
    return _act(ctx, svc, req, req.body(SpiceConsole).type)


def serial(ctx: Context, svc: Services, req: Request) -> ConsoleShown:
    """Open a serial console."""
    return _act(ctx, svc, req, req.body(SerialConsole).type)


def create(ctx: Context, svc: Services, req: Request) -> RemoteConsoleShown:
    """Open a console of any type."""
    wanted = req.body(RemoteConsoleCreate).remote_console
    url = _opened(ctx, svc, req, wanted.protocol, wanted.type)
    return RemoteConsoleShown(
        remote_console=RemoteConsoleView(protocol=wanted.protocol, type=wanted.type, url=url)
    )


def _act(ctx: Context, svc: Services, req: Request, kind: str) -> ConsoleShown:
    return ConsoleShown(
        console=ConsoleView(type=kind, url=_opened(ctx, svc, req, KINDS.get(kind, "vnc"), kind))
    )


def _opened(ctx: Context, svc: Services, req: Request, protocol: str, kind: str) -> str:
    if kind in _ENDED or protocol == "rdp":
        raise Invalid(f"Unavailable console type {kind}.")
    if (protocol, kind) == ("mks", "webmks"):
        raise NotSupported("No hypervisor here has consoles of type webmks.")
    if KINDS.get(kind) != protocol:
        raise Invalid(f"Invalid console type {kind} for the protocol {protocol}.")
    return open_console(ctx, svc, req.server, kind)
