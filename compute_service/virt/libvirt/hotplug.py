"""Network interfaces that come and go while a guest is there.

The guest that runs and its definition are two things, each looked at and changed for itself, so that a verb
that was cut off between them goes on where it stood. An interface is known by its MAC address.
"""

from __future__ import annotations

import logging

from compute_service.domain.errors import ComputeError, Conflict, HostRejected, NotFound
from compute_service.domain.guest import GuestSpec
from compute_service.domain.vif import Vif
from compute_service.virt.libvirt.assemble.nics import assemble_interface
from compute_service.virt.libvirt.assemble.properties import Wishes
from compute_service.virt.libvirt.definition import defined
from compute_service.virt.libvirt.domains import ConnectionLost
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.spawn import OFF, power_of
from compute_service.virt.libvirt.vifs import plug_one, unplug_one
from compute_service.virt.libvirt.xml.interface import Interface

LOG = logging.getLogger(__name__)

STEP = 0.25
"""Seconds between two looks at a guest that is to let go of a device."""


def attach_nic(parts: Parts, spec: GuestSpec, vif: Vif) -> None:
    """Plug an interface into the guest and into its definition. Raises NotFound, HostRejected."""
    uuid = spec.uuid
    parts.connection.domain(uuid)
    wishes, host = Wishes(spec), parts.hosts.of(spec)
    device = assemble_interface(vif, spec.flavor.vcpus, wishes, host, parts.settings.libvirt).xml()
    plug_one(parts.plugger, parts.directory(uuid).ports, uuid, spec.name, vif)
    try:
        if _runs(parts, uuid) and _found(parts, uuid, vif, lasting=False) is None:
            parts.connection.attach(uuid, device, lasting=False)
    except HostRejected:
        _unplug(parts, spec, vif)
        raise
    if _found(parts, uuid, vif, lasting=True) is None:
        parts.connection.attach(uuid, device, lasting=True)


def detach_nic(parts: Parts, spec: GuestSpec, vif: Vif) -> None:
    """Take an interface out of the guest and out of its definition, and unplug it.

    Raises Conflict when the guest keeps it, HostRejected.
    """
    try:
        _let_go(parts, spec.uuid, vif)
        lasting = _found(parts, spec.uuid, vif, lasting=True)
        if lasting is not None:
            parts.connection.detach(spec.uuid, lasting.xml(), lasting=True)
    except NotFound:
        LOG.debug("Guest %s is not here; port %s is only unplugged", spec.uuid, vif.port_id)
    _unplug(parts, spec, vif)


def _let_go(parts: Parts, uuid: str, vif: Vif) -> None:
    """Ask the running guest to let go of an interface, again and again, until it has. Raises Conflict."""
    options, said = parts.settings.libvirt, ""
    for _ in range(options.device_detach_attempts):
        there = _found(parts, uuid, vif, lasting=False) if _runs(parts, uuid) else None
        if there is None:
            return
        try:
            parts.connection.detach(uuid, there.xml(), lasting=False)
        except ConnectionLost:
            raise
        except ComputeError as error:
            # A guest that still thinks of the last time it was asked refuses to be asked again.
            said = f": {error.message}"
        if _gone(parts, uuid, vif):
            return
    raise Conflict(f"Guest {uuid} does not let go of the interface of port {vif.port_id}{said}.")


def _gone(parts: Parts, uuid: str, vif: Vif) -> bool:
    """Wait for an interface to leave the running guest; return whether it has within the time set."""
    end = parts.clock.time() + parts.settings.libvirt.device_detach_timeout
    while _runs(parts, uuid) and _found(parts, uuid, vif, lasting=False) is not None:
        if parts.clock.time() >= end:
            return False
        parts.clock.sleep(STEP)
    return True


def _unplug(parts: Parts, spec: GuestSpec, vif: Vif) -> None:
    unplug_one(parts.plugger, parts.directory(spec.uuid).ports, spec.uuid, spec.name, vif)


def _runs(parts: Parts, uuid: str) -> bool:
    power = power_of(parts, uuid)
    return power is not None and power not in OFF


def _found(parts: Parts, uuid: str, vif: Vif, lasting: bool) -> Interface | None:
    """Return the interface in the guest that runs, or in its definition; None without it."""
    interfaces = defined(parts, uuid, lasting).interfaces
    return next((one for one in interfaces if one.mac.lower() == vif.mac.lower()), None)
