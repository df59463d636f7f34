"""Telling libvirt what a guest is, and making ready what it is connected to."""

from __future__ import annotations

from compute_service.domain.errors import NotFound
from compute_service.domain.guest import GuestSpec
from compute_service.virt.libvirt.assemble.consoles import serial_count
from compute_service.virt.libvirt.assemble.domain import assemble
from compute_service.virt.libvirt.assemble.place import Place
from compute_service.virt.libvirt.assemble.properties import Wishes
from compute_service.virt.libvirt.disks import places_of
from compute_service.virt.libvirt.live_records import comers
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.serial_ports import free_ports
from compute_service.virt.libvirt.vifs import Plugged, plug_all
from compute_service.virt.libvirt.xml.domain import Domain
from compute_service.virt.libvirt.xml.element import MalformedXml
from compute_service.virt.libvirt.xml.owner import Server


def define(parts: Parts, spec: GuestSpec, place: Place | None = None) -> Domain:
    """Plug the guest's interfaces and keep its definition, at its usual place unless another is given.
    Raises BuildAborted, HostRejected."""
    directory = parts.directory(spec.uuid)
    domain = assemble(spec, parts.hosts.of(spec), place or usual_place(parts, spec), parts.settings)
    directory.prepare_log()
    plug_all(parts.plugger, directory.ports, spec.uuid, Plugged(spec.name, spec.vifs))
    parts.connection.define(domain.xml())
    return domain


def usual_place(parts: Parts, spec: GuestSpec) -> Place:
    """Return what the host has for a guest. Raises HostRejected (no free ports)."""
    directory = parts.directory(spec.uuid)
    return Place(
        disks=places_of(parts, spec),
        console_log=str(directory.console_log),
        kernel=str(directory.kernel) if spec.kernel_id else None,
        ramdisk=str(directory.ramdisk) if spec.ramdisk_id else None,
        serial_ports=_serial_ports(parts, spec),
    )


def _serial_ports(parts: Parts, spec: GuestSpec) -> tuple[int, ...]:
    count = serial_count(Wishes(spec)) if parts.settings.serial_console.enabled else 0
    return ports_for(parts, spec.uuid, count)


def ports_for(parts: Parts, uuid: str, count: int) -> tuple[int, ...]:
    """Return so many ports for a guest's serial consoles that no other has. Raises HostRejected."""
    if not count:
        return ()
    taken = {
        serial.source_service
        for state in parts.connection.domains()
        if state.uuid != uuid
        for serial in defined(parts, state.uuid).serials
    }
    expected = comers(parts.instances, parts.host).items()
    taken |= {port for other, coming in expected if other != uuid for port in coming.serial_ports}
    return free_ports(parts.settings.serial_console.port_range, count, taken)


def defined(parts: Parts, uuid: str, lasting: bool = True) -> Domain:
    """Return a guest's definition as libvirt has it. Raises NotFound."""
    try:
        return Domain.parse(parts.connection.xml(uuid, lasting))
    except MalformedXml as error:
        raise NotFound(f"Guest {uuid} is not one of ours: {error}") from error


def owner_of(parts: Parts, uuid: str) -> Server | None:
    """Return the server that a guest is; None when it is not ours or gone."""
    try:
        return defined(parts, uuid).server
    except NotFound:
        return None
