"""Where a running guest's consoles listen."""

from __future__ import annotations

from compute_service.domain.console import Listening
from compute_service.domain.errors import Invalid, NotReady
from compute_service.virt.libvirt.definition import defined
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.spawn import OFF
from compute_service.virt.libvirt.xml.domain import Domain


def console(parts: Parts, uuid: str, protocol: str) -> Listening:
    """Return where a console listens; `protocol` is vnc, spice or serial.

    Raises NotFound, NotReady (the guest does not run), Invalid (it has none of that kind).
    """
    if parts.connection.domain(uuid).power in OFF:
        raise NotReady(uuid)
    domain = defined(parts, uuid, lasting=False)
    found = _serial(domain) if protocol == "serial" else _screen(domain, protocol)
    if found is None:
        raise Invalid(f"Guest {uuid} has no console of type {protocol}.")
    return found


def _serial(domain: Domain) -> Listening | None:
    ports = [serial.source_service for serial in domain.serials if serial.type == "tcp"]
    return Listening(port=ports[0]) if ports else None


def _screen(domain: Domain, protocol: str) -> Listening | None:
    screen = next((each for each in domain.graphics if each.type == protocol), None)
    if screen is None:
        return None
    return Listening(port=_open(screen.port), tls_port=_open(screen.tls_port))


def _open(port: int | None) -> int | None:
    return port if port is not None and port > 0 else None
