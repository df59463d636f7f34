"""What hosts tell each other of a guest that moves while it runs, and what each keeps of it meanwhile.

What is told travels in the `details` of offer and answer. What is kept are marks among the guest's files, so
that a process which was killed finds out where it stood. Where hosts share the guest's directory, both keep
theirs in it; so each mark belongs to one side alone, and names its host.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from compute_service.domain.errors import HostRejected
from compute_service.domain.record import Record
from compute_service.virt.libvirt.directory import GuestDirectory
from compute_service.virt.libvirt.vifs import Plugged
from compute_service.virt.libvirt.xml.migration import Landing

R = TypeVar("R", bound=Record)

Copy = Literal["none", "top", "whole"]
GUEST, TARGET = "guest", "target"
"""Under what names of the details the source tells of the guest, and the target of itself."""


class Baggage(Record):
    """What the source tells of a guest."""

    kind: str
    """What disks are: file, block or rbd."""
    format: str
    devices: dict[str, str] = {}
    """The guest's names of its disks, by those of the store."""
    bases: dict[str, str] = {}
    """The files of cached images, without suffix, on which disks lie, by the store's names of the disks."""
    serials: int = 0
    """How many serial ports are listened on."""
    arch: str = ""
    machine: str = ""
    host_cpu: bool = False
    """Whether the processor told is the source's own, which the guest sees as it is."""


class Arrival(Record):
    """What the target tells."""

    landing: Landing
    copy: Copy
    """What of each disk goes over: nothing, what lies over its image, or all."""
    inbound: bool = False
    """Whether the address is one for the guest's data, too, or only the host's name."""
    shared_directory: bool = False
    """Whether both hosts see the guest's directory."""


class Coming(Record):
    """What a target keeps of a guest until it has arrived."""

    host: str
    source: str
    shared_directory: bool
    shared_disks: bool
    serial_ports: tuple[int, ...] = ()


class Going(Record):
    """What a source keeps of a guest until everything of it has left."""

    host: str
    target: str
    shared_directory: bool
    begun: bool = False
    """Whether libvirt was seen to carry it over."""
    definition: str = ""
    """The guest's definition, where it has firmware variables that are to be removed with it."""
    plugged: Plugged


class Marks:
    """The marks of one guest for one host."""

    def __init__(self, directory: GuestDirectory, host: str) -> None:
        self._path = directory.path
        self._host = host

    @property
    def coming(self) -> Coming | None:
        """What this host keeps as a target; None when it is none."""
        found = _read(self._path / "coming.json", Coming)
        return found if found is not None and found.host == self._host else None

    @property
    def going(self) -> Going | None:
        """What this host keeps as a source; None when it is none."""
        found = _read(self._path / "going.json", Going)
        return found if found is not None and found.host == self._host else None

    @property
    def coming_ports(self) -> Path:
        """What is plugged for a guest that comes."""
        return self._path / "coming-ports.json"

    @property
    def aborted(self) -> bool:
        """Whether somebody asked that the guest stays."""
        return (self._path / "going-aborted").exists()

    def expect(self, coming: Coming) -> None:
        """Keep that a guest comes."""
        self._path.mkdir(parents=True, exist_ok=True)
        _write(self._path / "coming.json", coming)

    def expect_no_more(self) -> None:
        """Forget that a guest comes."""
        self.coming_ports.unlink(missing_ok=True)
        (self._path / "coming.json").unlink(missing_ok=True)

    def send_off(self, going: Going) -> None:
        """Keep that a guest goes."""
        _write(self._path / "going.json", going)

    def abort(self) -> None:
        """Keep that the guest is to stay."""
        (self._path / "going-aborted").touch()

    def abort_no_more(self) -> None:
        """Forget that the guest is to stay."""
        (self._path / "going-aborted").unlink(missing_ok=True)

    def send_off_no_more(self) -> None:
        """Forget that a guest goes."""
        self.abort_no_more()
        (self._path / "going.json").unlink(missing_ok=True)


def comers(instances: Path, host: str) -> dict[str, Coming]:
    """Return every guest that a host expects, by UUID."""
    found = {path.parent.name: _read(path, Coming) for path in instances.glob("*/coming.json")}
    return {uuid: coming for uuid, coming in found.items() if coming is not None and coming.host == host}


def told(record: Record) -> str:
    """Return a record in the form that travels in details."""
    return msgspec.json.encode(record).decode()


def heard(kind: type[R], details: dict[str, str], name: str) -> R:
    """Return a record from details. Raises HostRejected when the other host told none that makes sense."""
    try:
        return msgspec.json.decode(details.get(name, ""), type=kind)
    except msgspec.MsgspecError as error:
        raise HostRejected(f"The other host did not tell what a live migration needs: {error}.") from None


def _read(path: Path, kind: type[R]) -> R | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def _write(path: Path, record: Record) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(record))
    os.replace(part, path)
