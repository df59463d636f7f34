"""Guests that come while they run: what their target does.

The guest's directory has the mark of one that comes from before the first of its files until it has arrived.
So what was made ready is known from what is the guest's own, and a directory without the mark is left alone.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from compute_service.domain.errors import BuildAborted, Conflict, HostRejected, NotFound
from compute_service.domain.guest import GuestSpec, LiveOffer, LiveReady, LiveStage
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt.assemble.nics import bridge_of, tap_name
from compute_service.virt.libvirt.definition import ports_for
from compute_service.virt.libvirt.disks import (
    CachedImage,
    cached,
    disks_wanted,
    make_config_drive,
    make_kernel,
)
from compute_service.virt.libvirt.live_checks import check_disks, check_guest
from compute_service.virt.libvirt.live_plan import inbound_address
from compute_service.virt.libvirt.live_records import (
    GUEST,
    TARGET,
    Arrival,
    Baggage,
    Coming,
    Copy,
    Marks,
    heard,
    told,
)
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.spawn import power_of
from compute_service.virt.libvirt.storage.image_cache import stem_of
from compute_service.virt.libvirt.vifs import Plugged, plug_all, unplug_all
from compute_service.virt.libvirt.xml.migration import Landing

LOG = logging.getLogger(__name__)

STEP = 0.5
"""Seconds between two looks at a guest that still arrives."""
ARRIVAL = 60.0
"""Seconds that it has to be here, or gone, once its source says that it is over."""


def live_prepare(parts: Parts, spec: GuestSpec, offer: LiveOffer) -> LiveReady:
    """Look whether the guest can run here, make what it needs and plug it. Raises HostRejected."""
    baggage = heard(Baggage, offer.details, GUEST)
    check_guest(parts, spec, offer, baggage)
    if power_of(parts, spec.uuid) is not None:
        raise HostRejected(f"Host {parts.host} has a guest {spec.uuid} already.")
    live_discard(parts, spec.uuid)
    coming = _expected(parts, spec.uuid, offer, baggage)
    check_disks(parts, offer, baggage, coming.shared_disks)
    directory = parts.directory(spec.uuid)
    marks = Marks(directory, parts.host)
    marks.expect(coming)
    copy = _make_disks(parts, spec, offer, baggage, coming)
    make_kernel(parts, spec)
    make_config_drive(parts, spec)
    directory.prepare_log()
    plug_all(parts.plugger, marks.coming_ports, spec.uuid, Plugged(spec.name, spec.vifs))
    inbound = inbound_address(parts.settings.libvirt, parts.host)
    arrival = Arrival(
        landing=_landing(parts, spec, baggage, coming),
        copy=copy,
        inbound=inbound is not None,
        shared_directory=coming.shared_directory,
    )
    return LiveReady(
        host=parts.host,
        address=inbound or parts.host,
        shared=coming.shared_disks,
        details={TARGET: told(arrival)},
    )


def _expected(parts: Parts, uuid: str, offer: LiveOffer, baggage: Baggage) -> Coming:
    """Find out what the hosts share. Raises HostRejected when something of such a guest is here already."""
    path = parts.directory(uuid).path
    seen = bool(offer.probe) and (path / Path(offer.probe).name).exists()
    if path.exists() and not seen:
        raise HostRejected(f"Host {parts.host} has {path}, which has to be removed first.")
    return Coming(
        host=parts.host,
        source=offer.source,
        shared_directory=seen,
        shared_disks=seen if baggage.kind == "file" else baggage.kind == "rbd",
        serial_ports=ports_for(parts, uuid, baggage.serials),
    )


def _make_disks(parts: Parts, spec: GuestSpec, offer: LiveOffer, baggage: Baggage, coming: Coming) -> Copy:
    """Make the disks that are to be filled, and return what is to be copied into them."""
    wanted = {disk.name: disk for disk in disks_wanted(parts, spec)}
    base = None if coming.shared_disks else _base(parts, spec, baggage)
    for name, size in {} if coming.shared_disks else offer.disks.items():
        if name == parts.directory(spec.uuid).config_drive.name:
            _make_drive(parts, spec.uuid, size)
        elif name not in wanted:
            raise HostRejected(f"Guest {spec.uuid} has a disk {name} that is not its flavor's.")
        elif name in baggage.bases and base is not None:
            parts.disks.from_image(spec.uuid, wanted[name].replace(bytes=size), base)
        else:
            parts.disks.blank(spec.uuid, wanted[name].replace(bytes=size, filesystem=None))
    root = wanted["disk"]
    if root.image is not None and root.cdrom and not parts.disks.has(spec.uuid, root.name):
        parts.disks.from_image(spec.uuid, root, cached(parts, root.image))
    if coming.shared_disks:
        return "none"
    return "top" if base is not None or not baggage.bases else "whole"


def _base(parts: Parts, spec: GuestSpec, baggage: Baggage) -> CachedImage | None:
    """Return the image that the source has under the guest's disks, or None when it cannot be had."""
    if spec.image is None or set(baggage.bases.values()) != {stem_of(spec.image.id)}:
        return None
    try:
        return cached(parts, spec.image)
    except (BuildAborted, HostRejected) as error:
        LOG.info("Image %s goes along in the disks of guest %s: %s", spec.image.id, spec.uuid, error.message)
        return None


def _make_drive(parts: Parts, uuid: str, size: int) -> None:
    """Make an empty file for a config drive that is copied with the disks."""
    drive = parts.directory(uuid).config_drive
    with drive.open("wb") as file:
        file.truncate(size)


def _landing(parts: Parts, spec: GuestSpec, baggage: Baggage, coming: Coming) -> Landing:
    """Return what is different here."""
    settings, directory = parts.settings, parts.directory(spec.uuid)
    paths = {disk.name: parts.disks.place(spec.uuid, disk).path for disk in disks_wanted(parts, spec)}
    paths[directory.config_drive.name] = str(directory.config_drive)
    return Landing(
        vnc_listen=settings.vnc.server_listen,
        spice_listen=settings.spice.server_listen,
        serial_listen=settings.serial_console.proxyclient_address if baggage.serials else None,
        serial_ports=coming.serial_ports,
        interfaces={
            vif.mac: (None if vif.vif_type == "tap" else bridge_of(vif), tap_name(vif)) for vif in spec.vifs
        },
        disks={device: paths[name] for name, device in baggage.devices.items() if name in paths},
        console_log=str(directory.console_log),
    )


def live_finish(parts: Parts, spec: GuestSpec) -> PowerState:
    """Keep the guest that has arrived. Raises NotFound when none has, Conflict when it still arrives."""
    directory = parts.directory(spec.uuid)
    marks = Marks(directory, parts.host)
    coming = marks.coming
    if coming is not None:
        if not _arrived(parts, spec.uuid):
            raise NotFound(f"Guest {spec.uuid} has not arrived on host {parts.host}.")
        if marks.coming_ports.exists():
            os.replace(marks.coming_ports, directory.ports)
        if coming.shared_directory:
            directory.take(parts.host)
        marks.expect_no_more()
    return parts.connection.domain(spec.uuid).power


def live_settle(parts: Parts, uuid: str) -> LiveStage:
    """Say where the guest is. Without its files one that is absent cannot come any more.

    libvirt drops a guest that arrives when its source's libvirt is lost, and goes on where only the source's
    compute agent is."""
    if power_of(parts, uuid) is None:
        live_discard(parts, uuid)
    if power_of(parts, uuid) is None:
        return LiveStage.ABSENT
    return LiveStage.ARRIVED if parts.connection.is_lasting(uuid) else LiveStage.ARRIVING


def live_discard(parts: Parts, uuid: str) -> None:
    """Remove what was made ready; a guest that has arrived stays, and so does what both hosts see.
    Raises Conflict when the guest still arrives."""
    directory = parts.directory(uuid)
    marks = Marks(directory, parts.host)
    coming = marks.coming
    if coming is None or _arrived(parts, uuid):
        return
    unplug_all(parts.plugger, marks.coming_ports, uuid)
    if not coming.shared_disks:
        parts.disks.remove_all(uuid)
    if coming.shared_directory:
        marks.expect_no_more()
    else:
        directory.remove(directory.path)


def _arrived(parts: Parts, uuid: str) -> bool:
    """Return whether a guest is here for good, once that is clear. Raises Conflict when it stays unclear."""
    end = parts.clock.time() + ARRIVAL
    while power_of(parts, uuid) is not None:
        if parts.connection.is_lasting(uuid):
            return True
        if parts.clock.time() > end:
            raise Conflict(f"Guest {uuid} is still arriving on host {parts.host}.")
        parts.clock.sleep(STEP)
    return False
