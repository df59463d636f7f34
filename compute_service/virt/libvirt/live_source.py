"""Guests that leave while they run: what their source does.

libvirt carries a guest over by itself, from libvirt to libvirt. This process asks for it, looks on, and finds
a migration again that went on while it was restarted. A guest that has gone over is not known here any more;
until then it runs here, whatever happens.
"""

from __future__ import annotations

import logging
import os
import uuid as uuids

from compute_service.domain.errors import ComputeError, Conflict, HostRejected, NotFound
from compute_service.domain.guest import GuestSpec, LiveOffer, LiveReady
from compute_service.domain.states import PowerState
from compute_service.ports.hypervisor import LiveProgress
from compute_service.virt.libvirt.definition import defined
from compute_service.virt.libvirt.directory import GuestDirectory
from compute_service.virt.libvirt.disks import disks_wanted
from compute_service.virt.libvirt.domains import ConnectionLost
from compute_service.virt.libvirt.live_plan import departure, size_gib
from compute_service.virt.libvirt.live_records import (
    GUEST,
    TARGET,
    Arrival,
    Baggage,
    Going,
    Marks,
    heard,
    told,
)
from compute_service.virt.libvirt.live_watch import Carrying, Watch, force
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.spawn import power_of
from compute_service.virt.libvirt.storage.qcow2 import base_of
from compute_service.virt.libvirt.vifs import Plugged, read
from compute_service.virt.libvirt.xml.domain import Domain
from compute_service.virt.libvirt.xml.machine import Cpu

LOG = logging.getLogger(__name__)

ALIVE = (PowerState.RUNNING, PowerState.PAUSED)
AS_THE_HOST = frozenset({"host-passthrough"})
"""Modes in which a guest sees the host's own processor."""
ANY = frozenset({None, "maximum"})
"""Modes in which the hypervisor itself judges."""


def live_offer(parts: Parts, spec: GuestSpec, block: bool | None) -> LiveOffer:
    """Say what the target must have. Raises NotFound, HostRejected (the guest does not run)."""
    if parts.connection.domain(spec.uuid).power not in ALIVE:
        raise HostRejected(f"Guest {spec.uuid} does not run on host {parts.host}.")
    directory, domain = parts.directory(spec.uuid), defined(parts, spec.uuid, lasting=False)
    if parts.connection.passage(spec.uuid) is None:
        Marks(directory, parts.host).send_off_no_more()
    devices = _devices(parts, spec, domain)
    copied = _copied(domain)
    sizes = {
        name: parts.connection.disk_bytes(spec.uuid, device)
        for name, device in devices.items()
        if device in copied
    }
    cpu, own = _cpu(parts, spec.uuid, domain)
    baggage = Baggage(
        kind=_kind(parts, spec),
        format=parts.disks.format,
        devices=devices,
        bases=_bases(directory, sizes),
        serials=sum(serial.type == "tcp" for serial in domain.serials),
        arch=domain.os.arch or "",
        machine=domain.os.machine or "",
        host_cpu=own,
    )
    return LiveOffer(
        source=parts.host,
        block=block,
        probe=_probe(directory),
        cpu=cpu,
        disks=sizes,
        details={GUEST: told(baggage)},
    )


def _devices(parts: Parts, spec: GuestSpec, domain: Domain) -> dict[str, str]:
    """Return the guest's names of its disks by those of the store."""
    drive = parts.directory(spec.uuid).config_drive
    names = {parts.disks.place(spec.uuid, disk).path: disk.name for disk in disks_wanted(parts, spec)}
    names[str(drive)] = drive.name
    places = {disk.target: disk.file or disk.dev or disk.name for disk in domain.disks}
    strange = sorted(device for device, path in places.items() if path and path not in names)
    if strange:
        raise HostRejected(f"Guest {spec.uuid} has disks that are not its flavor's: {', '.join(strange)}.")
    return {names[path]: device for device, path in places.items() if path}


def _copied(domain: Domain) -> frozenset[str]:
    """Return the disks that go along, where disks do: libvirt copies none that is read only."""
    return frozenset(disk.target for disk in domain.disks if disk.device == "disk" and not disk.readonly)


def _kind(parts: Parts, spec: GuestSpec) -> str:
    return parts.disks.place(spec.uuid, disks_wanted(parts, spec)[0]).kind


def _bases(directory: GuestDirectory, names: dict[str, int]) -> dict[str, str]:
    bases = {name: base_of(directory.path / name) for name in names}
    return {name: os.path.splitext(os.path.basename(base))[0] for name, base in bases.items() if base}


def _cpu(parts: Parts, uuid: str, domain: Domain) -> tuple[str, bool]:
    """Return the processor's document, empty where it is not to be compared, and whether it is the host's."""
    mode = domain.cpu.mode if domain.cpu is not None else None
    if mode in AS_THE_HOST:
        return parts.hosts.capabilities().cpu.xml(), True
    if domain.cpu is None or mode in ANY:
        return "", False
    return Cpu.parse(domain.cpu.node()).xml(), False


def _probe(directory: GuestDirectory) -> str:
    """Leave a file under a name that nobody can know, and return the name."""
    _remove_probes(directory)
    directory.path.mkdir(parents=True, exist_ok=True)
    probe = directory.path / f"probe-{uuids.uuid4()}"
    probe.touch()
    return probe.name


def _remove_probes(directory: GuestDirectory) -> None:
    for probe in directory.path.glob("probe-*"):
        probe.unlink(missing_ok=True)


def live_migrate(parts: Parts, spec: GuestSpec, ready: LiveReady, progress: LiveProgress) -> None:
    """Carry the guest over, or look on while that goes on already. Raises Cancelled, Timeout, ComputeError,
    each with the guest still here."""
    uuid, marks = spec.uuid, Marks(parts.directory(spec.uuid), parts.host)
    arrival = heard(Arrival, ready.details, TARGET)
    going = marks.going
    if power_of(parts, uuid) is None:
        if going is not None and going.target == ready.host:
            return
        raise NotFound(f"Guest {uuid} is not on host {parts.host}.")
    watch = Watch(parts, spec, marks, _size(parts, spec, arrival), progress)
    try:
        if parts.connection.passage(uuid) is not None:
            watch.until_over()
        elif going is not None and going.begun:
            raise HostRejected(f"The live migration of guest {uuid} was broken off.")
        else:
            _carry(parts, spec, ready, arrival, watch)
    except ConnectionLost:
        raise
    except ComputeError as error:
        if power_of(parts, uuid) is None:
            LOG.warning("Guest %s has gone to %s in spite of: %s", uuid, ready.host, error.message)
            return
        failure = watch.failure(error)
        marks.send_off_no_more()
        raise failure from error


def _size(parts: Parts, spec: GuestSpec, arrival: Arrival) -> int:
    """Return how many gigabytes limits of time count."""
    disks = 0
    if arrival.copy != "none":
        domain = defined(parts, spec.uuid, lasting=False)
        disks = sum(parts.connection.disk_bytes(spec.uuid, device) for device in _copied(domain))
    return size_gib(spec.flavor.memory_mb, disks)


def _carry(parts: Parts, spec: GuestSpec, ready: LiveReady, arrival: Arrival, watch: Watch) -> None:
    """Begin, and look on until it is over."""
    uuid, directory = spec.uuid, parts.directory(spec.uuid)
    portable, lasting = parts.connection.portable_xml(uuid), parts.connection.xml(uuid, lasting=True)
    devices = _copied(defined(parts, uuid, lasting=False))
    plan = departure(parts.settings.libvirt, ready, arrival, (portable, lasting), tuple(sorted(devices)))
    going = Going(
        host=parts.host,
        target=ready.host,
        shared_directory=arrival.shared_directory,
        definition=lasting if "<nvram" in portable else "",
        plugged=read(directory.ports) or Plugged(spec.name, spec.vifs),
    )
    watch.begin(going)
    _remove_probes(directory)
    if not arrival.shared_directory:
        _bring_drive(parts, directory, ready.address)
    watch.follow(Carrying(lambda: parts.connection.migrate(uuid, plan)))


def _bring_drive(parts: Parts, directory: GuestDirectory, address: str) -> None:
    """Bring the config drive as it is to where the target has written its own, if this host can.

    A guest that has it mounted would be confused by another order of the files on it; one that is mounted
    after the move would not.
    """
    drive, theirs = directory.config_drive, directory.path / "coming.json"
    if not drive.exists() or parts.settings.default.config_drive_format != "iso9660":
        return
    try:
        if not os.access(drive, os.R_OK) or not parts.carrier.sees(address, theirs):
            return
    except HostRejected as error:
        LOG.warning(
            "A config drive is not brought to %s, which has written its own: %s", address, error.message
        )
        return
    parts.carrier.send(drive, address, drive)


def live_abort(parts: Parts, uuid: str) -> None:
    """End the migration that is going on. Raises Conflict when there is none, or none that can be ended."""
    marks = _going_on(parts, uuid)
    marks.abort()
    try:
        parts.connection.abort_job(uuid)
    except Conflict:
        marks.abort_no_more()
        raise


def live_force(parts: Parts, uuid: str) -> None:
    """Let the migration end, by post-copy where that may be, else by pausing the guest. Raises Conflict."""
    _going_on(parts, uuid)
    if parts.connection.passage(uuid) is None:
        raise Conflict(f"The live migration of guest {uuid} has not begun to carry anything.")
    force(parts, uuid)


def _going_on(parts: Parts, uuid: str) -> Marks:
    marks = Marks(parts.directory(uuid), parts.host)
    if marks.going is None or power_of(parts, uuid) is None:
        raise Conflict(f"No live migration of guest {uuid} is going on at host {parts.host}.")
    return marks


def live_leave(parts: Parts, spec: GuestSpec, shared: bool) -> None:
    """Remove what is left of a guest that has gone; one that still runs here is left alone."""
    uuid, directory = spec.uuid, parts.directory(spec.uuid)
    marks = Marks(directory, parts.host)
    going = marks.going
    if going is None or power_of(parts, uuid) in ALIVE:
        return
    if going.definition and power_of(parts, uuid) is None:
        parts.connection.define(going.definition)
    parts.connection.undefine(uuid, state=True)
    for vif in going.plugged.vifs:
        parts.plugger.unplug(uuid, going.plugged.name, vif)
    if going.shared_directory:
        marks.send_off_no_more()
        return
    if not shared:
        parts.disks.remove_all(uuid)
    directory.remove(directory.path)
