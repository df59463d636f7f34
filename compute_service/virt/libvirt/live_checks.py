"""Whether a guest that runs elsewhere can run here, looked at by the target before anything is made."""

from __future__ import annotations

import logging

from compute_service.domain.errors import HostRejected, NotSupported
from compute_service.domain.guest import GuestSpec, LiveOffer
from compute_service.virt.libvirt.assemble.machine import os_type
from compute_service.virt.libvirt.facts import promised
from compute_service.virt.libvirt.live_records import Baggage
from compute_service.virt.libvirt.parts import Parts

LOG = logging.getLogger(__name__)

MIB = 1 << 20


def check_guest(parts: Parts, spec: GuestSpec, offer: LiveOffer, baggage: Baggage) -> None:
    """Look at machine type and processor. Raises HostRejected."""
    if offer.source == parts.host:
        raise HostRejected(f"Guest {spec.uuid} runs on host {parts.host} already.")
    _check_machine(parts, baggage)
    if offer.cpu and not parts.settings.workarounds.skip_cpu_compare_on_dest:
        _check_cpu(parts, offer.cpu, baggage)


def _check_machine(parts: Parts, baggage: Baggage) -> None:
    virt_type = parts.settings.libvirt.virt_type
    kind = parts.hosts.capabilities().kind(os_type(virt_type), baggage.arch, virt_type)
    if kind is None:
        raise HostRejected(f"Host {parts.host} runs no {virt_type} guests of {baggage.arch}.")
    if kind.machines and baggage.machine not in kind.machines:
        raise HostRejected(f"Host {parts.host} does not know the machine type {baggage.machine}.")


def _check_cpu(parts: Parts, cpu: str, baggage: Baggage) -> None:
    try:
        if baggage.host_cpu:
            fits = parts.connection.host_cpu_fits(cpu)
        else:
            fits = parts.connection.cpu_fits(parts.settings.libvirt.virt_type, baggage.arch, cpu)
    except NotSupported as error:
        LOG.warning("Processors cannot be compared, libvirt will do so itself: %s", error.message)
        return
    if not fits:
        whose = "The source's" if baggage.host_cpu else "The guest's"
        raise HostRejected(f"{whose} processor has what host {parts.host} does not offer.")


def check_disks(parts: Parts, offer: LiveOffer, baggage: Baggage, shared: bool) -> None:
    """Look at what is to become of the disks, and whether there is room for copies. Raises HostRejected."""
    place = f"host {parts.host}"
    if offer.block is True and shared:
        raise HostRejected(f"The disks are to be copied, but {place} and {offer.source} share them.")
    if offer.block is False and not shared:
        raise HostRejected(f"The disks are not to be copied, but {place} and {offer.source} share none.")
    if baggage.format != parts.disks.format:
        raise HostRejected(
            f"The guest's disks are {baggage.format}, and those of {place} {parts.disks.format}."
        )
    if shared or offer.over_commit:
        return
    needed, free = sum(offer.disks.values()), parts.disks.space().free - promised(parts)
    if needed > free:
        raise HostRejected(
            f"The guest's disks need {needed // MIB} MiB, but {place} has {max(free, 0) // MIB} MiB left."
        )
