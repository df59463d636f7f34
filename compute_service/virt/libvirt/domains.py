"""What the driver needs of libvirt, as a Protocol over plain values: texts of XML in, records out.

A guest is named by its UUID. Errors: NotFound (no such guest), Conflict (not in the guest's state),
NotSupported (this libvirt or hypervisor cannot), Timeout, Unavailable (libvirt does not answer), of which
ConnectionLost is one, HostRejected (anything else that libvirt refuses).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from compute_service.domain.errors import Unavailable
from compute_service.domain.guest import DiskCounters, NicCounters
from compute_service.domain.record import Record
from compute_service.domain.states import PowerState


class ConnectionLost(Unavailable):
    """The connection broke during a call, of which nobody knows whether it had its effect."""


Watcher = Callable[[str], None]
"""Called with the UUID of a guest whose state changed."""


class Node(Record):
    """The host as libvirt counts it. `hypervisor` is libvirt's name of it; 9000000 is the version 9.0.0."""

    hostname: str
    hypervisor: str
    version: int
    cpus: int
    memory_mb: int


class DomainState(Record):
    """A guest and its power."""

    uuid: str
    name: str
    power: PowerState


class DomainStats(Record):
    """What a guest used since it runs. Interfaces have the names of their ends on the host, no MAC."""

    power: PowerState
    cpu_times_ns: tuple[int, ...] = ()
    memory_kib: int | None = None
    """What the guest may have."""
    memory_used_kib: int | None = None
    disks: tuple[DiskCounters, ...] = ()
    nics: tuple[NicCounters, ...] = ()


class Job(Record):
    """What is being done to a guest in the background, in bytes."""

    done: int
    total: int


class Departure(Record):
    """How a guest goes to another libvirt at `uri`, and with what definitions it arrives there."""

    uri: str
    data_uri: str | None = None
    """Where its memory and disks go; None leaves that to the other libvirt."""
    definition: str
    lasting: str
    """The definition that is kept there for its next start."""
    copy: Literal["none", "top", "whole"] = "none"
    """What of each disk goes along: nothing, what lies over its base, or all."""
    disks: tuple[str, ...] = ()
    """The disks that do, by the guest's names."""
    bandwidth: int = 0
    """Mebibytes a second; 0 is unlimited."""
    connections: int = 1
    tunnelled: bool = False
    encrypted: bool = False
    auto_converge: bool = False
    post_copy: bool = False
    """Whether it may switch over before all of its memory has."""


class Passage(Record):
    """How far a guest is that goes to another libvirt: seconds since it began, and bytes."""

    elapsed: float = 0.0
    memory_total: int = 0
    memory_processed: int = 0
    memory_remaining: int = 0
    disk_total: int = 0
    disk_processed: int = 0
    disk_remaining: int = 0


class Connection(Protocol):
    """One libvirt."""

    def node(self) -> Node:
        """Return what the host is."""

    def capabilities(self) -> str:
        """Return the document of the host's capabilities."""

    def domain_capabilities(self, virt_type: str, arch: str, machine: str | None) -> str:
        """Return the document of what such guests can have."""

    def whole_cpu(self, virt_type: str, arch: str, cpu: str) -> str:
        """Return the document of a processor with every feature of its model said."""

    def cpu_fits(self, virt_type: str, arch: str, cpu: str) -> bool:
        """Return whether guests of that type can have a processor here."""

    def host_cpu_fits(self, cpu: str) -> bool:
        """Return whether this host's processor has all that another host's has."""

    def domains(self) -> list[DomainState]:
        """Return every defined or running guest, ours or not."""

    def domain(self, uuid: str) -> DomainState:
        """Return one guest's power."""

    def xml(self, uuid: str, lasting: bool = False) -> str:
        """Return a guest's document as it runs, or with `lasting` as it will be started."""

    def portable_xml(self, uuid: str) -> str:
        """Return a running guest's document as another libvirt takes it."""

    def is_lasting(self, uuid: str) -> bool:
        """Return whether a guest's document is kept, so that this is no guest which is still arriving."""

    def define(self, xml: str) -> None:
        """Keep a guest's document, in place of the one it had; a running guest goes on as it is."""

    def undefine(self, uuid: str, state: bool) -> None:
        """Forget a guest, its saved memory, its snapshots' records, and with `state` its firmware's variables
        and TPM. A guest that is not there is fine."""

    def start(self, uuid: str) -> None:
        """Start a guest, from its saved memory where it has one."""

    def cut(self, uuid: str) -> None:
        """Take a guest's power away; one that is off is fine."""

    def shutdown(self, uuid: str) -> None:
        """Ask a guest to shut down, and do not wait."""

    def pause(self, uuid: str) -> None:
        """Freeze a guest."""

    def unpause(self, uuid: str) -> None:
        """Let a frozen guest go on."""

    def save(self, uuid: str) -> None:
        """Write a guest's memory to disk and stop it."""

    def is_saved(self, uuid: str) -> bool:
        """Return whether a guest's memory is on disk."""

    def forget_saved(self, uuid: str) -> None:
        """Remove a guest's saved memory; none is fine."""

    def attach(self, uuid: str, device: str, lasting: bool) -> None:
        """Give a device to a guest's definition (`lasting`), or to the guest that runs."""

    def detach(self, uuid: str, device: str, lasting: bool) -> None:
        """Take a device from a guest's definition (`lasting`), or ask the guest that runs to let go of it,
        which it may do later or never."""

    def set_password(self, uuid: str, user: str, password: str) -> None:
        """Have the agent in a running guest change an account's password."""

    def interrupt(self, uuid: str) -> None:
        """Inject into a running guest an interrupt that it cannot mask."""

    def stats(self, uuid: str) -> DomainStats:
        """Return a guest's counters."""

    def disk_bytes(self, uuid: str, name: str) -> int:
        """Return how large a disk is that the guest sees under that name, such as vda."""

    def backup(self, uuid: str, xml: str) -> None:
        """Begin to copy disks of a running guest as they are now, into files that are there."""

    def job(self, uuid: str) -> Job | None:
        """Return what goes on in the background, or None."""

    def job_failure(self, uuid: str) -> str | None:
        """Return why the last job of the background failed; None when it was completed. Raises ConnectionLost
        when nobody knows any more how it ended."""

    def abort_job(self, uuid: str) -> None:
        """Stop what goes on in the background; nothing is fine."""

    def migrate(self, uuid: str, departure: Departure) -> None:
        """Have a running guest go to another libvirt; it is there, and forgotten here, when this returns,
        which may take hours. Raises Cancelled when the job was aborted."""

    def passage(self, uuid: str) -> Passage | None:
        """Return how far a guest is that goes to another libvirt; None when it does not."""

    def set_downtime(self, uuid: str, milliseconds: int) -> None:
        """Say how long a guest that goes may stand still at the switch."""

    def post_copy(self, uuid: str) -> None:
        """Have a guest that goes switch over now, and its memory come after it."""

    def ask_agent(self, uuid: str, command: str, seconds: int) -> str:
        """Return what the guest agent answers to a command in JSON."""

    def watch(self, watcher: Watcher) -> None:
        """Tell of guests that start, stop, pause, go on, come or go from now on, in another thread."""
