"""What the console proxies have in common: their options, their socket, and how they ask about tokens."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from compute_service.cmd.daemon import Part, run
from compute_service.cmd.runner import Runner
from compute_service.cmd.wiring import CONDUCTOR, Buses
from compute_service.config.settings import Settings
from compute_service.console.pages import Pages
from compute_service.console.rfb import Scheme
from compute_service.console.server import ConsoleServer, Proxy
from compute_service.domain.errors import ComputeError, Invalid
from compute_service.domain.protocol import Conductor

_ANSWER = 15.0
"""Seconds to wait for what a conductor says of a token."""
_MINIMUM = {
    "tlsv1_1": ssl.TLSVersion.TLSv1_1,
    "tlsv1_2": ssl.TLSVersion.TLSv1_2,
    "tlsv1_3": ssl.TLSVersion.TLSv1_3,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Which proxy it is and where it listens. `web` is where its client's files are by default."""

    binary: str
    kind: str
    address: str
    port: int
    web: str | None
    schemes: Callable[[str], dict[int, Scheme]] | None = None


def run_proxy(binary: str, argv: Sequence[str] | None, place: Callable[[Settings], Place]) -> int:
    """Run a console proxy; returns its exit code."""

    def assemble(settings: Settings, runner: Runner) -> Part:
        buses = Buses(settings, runner.metrics)
        runner.on_stop("bus", lambda _: buses.close())
        runner.health.add("broker", buses.check)
        conductor = buses.api.client(Conductor, CONDUCTOR, timeout=_ANSWER)  # type: ignore[type-abstract]
        return server_of(settings, place(settings), conductor)

    return run(binary, argv, assemble)


def server_of(settings: Settings, place: Place, conductor: Conductor) -> ConsoleServer:
    """Return the proxy as configured, its socket bound. Raises Invalid, ComputeError (the port is taken)."""
    proxy = Proxy(
        kind=place.kind,
        find=conductor.console,
        pages=Pages(web_of(settings, place)),
        origins=settings.console.allowed_origins,
        sessions=settings.stratus.console_sessions,
        end_with_token=settings.consoleauth.enforce_session_timeout,
        schemes=place.schemes,
    )
    tls = tls_of(settings)
    return ConsoleServer(proxy, _listen(place, settings.default.source_is_ipv6), tls)


def web_of(settings: Settings, place: Place) -> Path | None:
    """Return the directory of the web client: [DEFAULT] web where that was set, or the proxy's own."""
    chosen = settings.default.web
    own = place.web if chosen == type(settings.default)().web else chosen
    return None if own is None or not os.path.isdir(own) else Path(own)


def tls_of(settings: Settings) -> ssl.SSLContext | None:
    """Return how browsers are spoken to: by TLS only where there is a certificate, else in clear.

    Raises Invalid when `ssl_only` lacks its certificate or a file cannot be used.
    """
    options, console = settings.default, settings.console
    if not os.path.isfile(options.cert):
        if options.ssl_only:
            raise Invalid(f"[DEFAULT] ssl_only needs a certificate, and there is no file {options.cert}.")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(options.cert, options.key)
        if console.ssl_ciphers:
            context.set_ciphers(console.ssl_ciphers)
    except (OSError, ssl.SSLError) as error:
        raise Invalid(f"TLS cannot be done with {options.cert}: {error}") from error
    minimum = _MINIMUM.get(console.ssl_minimum_version)
    if minimum is not None:
        context.minimum_version = minimum
    return context


def _listen(place: Place, v6: bool) -> socket.socket:
    family = socket.AF_INET6 if v6 or ":" in place.address else socket.AF_INET
    try:
        return socket.create_server((place.address, place.port), family=family, backlog=128)
    except OSError as error:
        raise ComputeError(
            f"{place.binary} cannot listen on {place.address}:{place.port}: {error}"
        ) from error
