"""A libvirt in memory, with guests that say two lines on their console and shut down when asked."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from compute_service.domain.errors import Cancelled, Conflict, HostRejected, NotFound
from compute_service.domain.guest import DiskCounters, NicCounters
from compute_service.domain.states import PowerState
from compute_service.ports.clock import Clock
from compute_service.virt.libvirt.domains import (
    Departure,
    DomainState,
    DomainStats,
    Job,
    Node,
    Passage,
    Watcher,
)
from compute_service.virt.libvirt.xml.backup import Backup
from compute_service.virt.libvirt.xml.domain import Domain
from compute_service.virt.libvirt.xml.interface import Interface
from tests.fakes.programs import read_disk, write_disk

CAPABILITIES = Path(__file__).parents[1] / "unit" / "virt" / "libvirt" / "capabilities"


@dataclass
class _Guest:
    lasting: str
    running: str | None = None
    power: PowerState = PowerState.SHUTDOWN
    saved: bool = False
    started: float = 0.0
    agent: list[str] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)
    interrupts: int = 0
    arriving: bool = False

    @property
    def domain(self) -> Domain:
        return Domain.parse(self.running or self.lasting)


@dataclass
class Journey:
    """A guest that goes to another libvirt, as far as it is."""

    departure: Departure
    passage: Passage
    aborted: bool = False
    switched: bool = False
    downtimes: list[int] = field(default_factory=list)


def _with_ports(domain: Domain) -> Domain:
    """Return the domain with ports for its screens, as libvirt gives them at the start."""
    screens = tuple(
        dataclasses.replace(screen, port=5900 + number) for number, screen in enumerate(domain.graphics)
    )
    return dataclasses.replace(domain, graphics=screens)


class FakeConnection:
    """The fake. `deaf` guests do not act on a shutdown, `clinging` ones keep devices; `before` is called
    before each change, and `changed` after it, each with the change's name. `peers` are other libvirts by
    their URIs; `pace` is called while a guest is on its way to one."""

    def __init__(
        self,
        clock: Clock,
        before: Callable[[str], None] = lambda what: None,
        changed: Callable[[str], None] = lambda what: None,
    ) -> None:
        self._clock = clock
        self._before = before
        self._changed = changed
        self._guests: dict[str, _Guest] = {}
        self._watchers: list[Watcher] = []
        self._lock = threading.RLock()
        self.deaf: set[str] = set()
        self.clinging: set[str] = set()
        self.calls: list[str] = []
        self.peers: dict[str, FakeConnection] = {}
        self.pace: Callable[[Journey], None] = lambda journey: None
        self.journeys: dict[str, Journey] = {}
        self.cpu_known = True
        self._looked = threading.Condition()
        self._looks = 0

    def node(self) -> Node:
        return Node(hostname="cmp1.example", hypervisor="QEMU", version=7002022, cpus=8, memory_mb=12288)

    def capabilities(self) -> str:
        return (CAPABILITIES / "host-x86_64.xml").read_text()

    def domain_capabilities(self, virt_type: str, arch: str, machine: str | None) -> str:
        return (CAPABILITIES / "domain-x86_64.xml").read_text()

    def whole_cpu(self, virt_type: str, arch: str, cpu: str) -> str:
        return "<cpu mode='custom'><model>m</model><feature policy='require' name='avx2'/></cpu>"

    def cpu_fits(self, virt_type: str, arch: str, cpu: str) -> bool:
        return self.cpu_known

    def host_cpu_fits(self, cpu: str) -> bool:
        return self.cpu_known

    def domains(self) -> list[DomainState]:
        with self._lock:
            return [self.domain(uuid) for uuid in self._guests]

    def domain(self, uuid: str) -> DomainState:
        guest = self._guest(uuid)
        return DomainState(uuid=uuid, name=guest.domain.name, power=guest.power)

    def xml(self, uuid: str, lasting: bool = False) -> str:
        guest = self._guest(uuid)
        return guest.lasting if lasting or guest.running is None else guest.running

    def portable_xml(self, uuid: str) -> str:
        return self.xml(uuid)

    def is_lasting(self, uuid: str) -> bool:
        return not self._guest(uuid).arriving

    def define(self, xml: str) -> None:
        domain = Domain.parse(xml)
        self._begin("define", domain.uuid)
        with self._lock:
            for uuid, guest in self._guests.items():
                if uuid != domain.uuid and guest.domain.name == domain.name:
                    raise HostRejected(f"domain '{domain.name}' already exists with uuid {uuid}")
            if domain.uuid in self._guests:
                self._guests[domain.uuid].lasting = xml
            else:
                self._guests[domain.uuid] = _Guest(xml)
        self._end("define", domain.uuid)

    def undefine(self, uuid: str, state: bool) -> None:
        self._begin("undefine", uuid)
        with self._lock:
            if uuid in self._guests and self._guests[uuid].power is not PowerState.SHUTDOWN:
                raise Conflict("a running guest would become transient")
            self._guests.pop(uuid, None)
        self._end("undefine", uuid)

    def start(self, uuid: str) -> None:
        self._begin("start", uuid)
        with self._lock:
            guest = self._guest(uuid)
            if guest.power is not PowerState.SHUTDOWN:
                raise Conflict("domain is already running")
            for disk in guest.domain.disks:
                if disk.file is not None and not Path(disk.file).exists():
                    raise HostRejected(f"Cannot access storage file '{disk.file}': No such file or directory")
            if not guest.saved:
                self._say(guest, f"[    0.000000] {guest.domain.name} boots\nlogin: \n")
            guest.running, guest.saved = _with_ports(guest.domain).xml(), False
            guest.power, guest.started = PowerState.RUNNING, self._clock.time()
        self._end("start", uuid)

    def cut(self, uuid: str) -> None:
        if self._guest(uuid).power is not PowerState.SHUTDOWN:
            self._begin("cut", uuid)
            self._off(uuid)
            self._end("cut", uuid)

    def shutdown(self, uuid: str) -> None:
        self._begin("shutdown", uuid)
        self._need(uuid, PowerState.RUNNING)
        if uuid not in self.deaf:
            self._off(uuid)
        self._end("shutdown", uuid)

    def pause(self, uuid: str) -> None:
        self._turn("pause", uuid, PowerState.RUNNING, PowerState.PAUSED)

    def unpause(self, uuid: str) -> None:
        self._turn("unpause", uuid, PowerState.PAUSED, PowerState.RUNNING)

    def save(self, uuid: str) -> None:
        self._begin("save", uuid)
        if self._guest(uuid).power is PowerState.SHUTDOWN:
            raise Conflict("domain is not running")
        self._off(uuid)
        self._guest(uuid).saved = True
        self._end("save", uuid)

    def is_saved(self, uuid: str) -> bool:
        return self._guest(uuid).saved

    def forget_saved(self, uuid: str) -> None:
        self._guest(uuid).saved = False

    def attach(self, uuid: str, device: str, lasting: bool) -> None:
        nic = Interface.parse(device)
        self._plugging("attach", uuid, lasting, lambda nics: (*nics, nic))

    def detach(self, uuid: str, device: str, lasting: bool) -> None:
        mac = Interface.parse(device).mac
        kept = uuid in self.clinging and not lasting
        self._plugging(
            "detach", uuid, lasting, lambda nics: tuple(one for one in nics if kept or one.mac != mac)
        )

    def _plugging(
        self,
        verb: str,
        uuid: str,
        lasting: bool,
        change: Callable[[tuple[Interface, ...]], tuple[Interface, ...]],
    ) -> None:
        guest = self._guest(uuid)
        if not lasting and guest.running is None:
            raise Conflict("domain is not running")
        self._begin(verb, uuid)
        text = guest.lasting if lasting else str(guest.running)
        domain = Domain.parse(text)
        text = dataclasses.replace(domain, interfaces=change(domain.interfaces)).xml()
        if lasting:
            guest.lasting = text
        else:
            guest.running = text
        self._end(verb, uuid)

    def set_password(self, uuid: str, user: str, password: str) -> None:
        self._need(uuid, PowerState.RUNNING)
        self._guest(uuid).passwords[user] = password

    def interrupt(self, uuid: str) -> None:
        self._need(uuid, PowerState.RUNNING)
        self._guest(uuid).interrupts += 1

    def stats(self, uuid: str) -> DomainStats:
        guest = self._guest(uuid)
        domain = guest.domain
        if guest.power is PowerState.SHUTDOWN:
            return DomainStats(power=guest.power)
        up = int(self._clock.time() - guest.started)
        disks = (disk.target for disk in domain.disks)
        counted = dict.fromkeys(("read_bytes", "read_requests", "write_bytes", "write_requests"), up)
        through = dict.fromkeys(("rx_octets", "rx_packets", "tx_octets", "tx_packets"), up)
        return DomainStats(
            power=guest.power,
            cpu_times_ns=(up * 1_000_000,) * domain.vcpus,
            memory_kib=domain.memory,
            memory_used_kib=domain.memory // 2,
            disks=tuple(DiskCounters(name=name, **counted) for name in disks),
            nics=tuple(
                NicCounters(name=nic.target or "", mac_address="", **through) for nic in domain.interfaces
            ),
        )

    def disk_bytes(self, uuid: str, name: str) -> int:
        disks = {disk.target: disk for disk in self._guest(uuid).domain.disks}
        return read_disk(Path(disks[name].file or ""))[0]

    def backup(self, uuid: str, xml: str) -> None:
        self._begin("backup", uuid)
        sources = {disk.target: disk for disk in self._guest(uuid).domain.disks}
        for disk in Backup.parse(xml).disks:
            if disk.backup and disk.file and disk.format:
                if not Path(disk.file).exists():
                    raise HostRejected(f"Cannot access storage file '{disk.file}'")
                size, content = read_disk(Path(sources[disk.name].file or ""))
                write_disk(Path(disk.file), disk.format, size, content)
        self._end("backup", uuid)

    def job(self, uuid: str) -> Job | None:
        return None

    def job_failure(self, uuid: str) -> str | None:
        return None

    def abort_job(self, uuid: str) -> None:
        self._guest(uuid)
        if uuid in self.journeys:
            if self.journeys[uuid].switched:
                raise Conflict("can't abort migration in post-copy mode")
            self.journeys[uuid].aborted = True

    def migrate(self, uuid: str, departure: Departure) -> None:
        guest = self._guest(uuid)
        peer = self.peers.get(departure.uri)
        if peer is None:
            raise HostRejected(f"unable to connect to server at '{departure.uri}'")
        self._begin("migrate", uuid)
        journey = self.journeys[uuid] = Journey(departure, Passage(memory_total=guest.domain.memory * 1024))
        paused = guest.power is PowerState.PAUSED
        peer._arrives(uuid, departure)
        try:
            self.pace(journey)
            if journey.aborted:
                raise Cancelled("operation aborted: migration out job: canceled by client")
            self._carry_disks(guest, departure)
        except BaseException:
            peer._guests.pop(uuid)
            raise
        finally:
            del self.journeys[uuid]
        peer._arrived(uuid, paused)
        with self._lock:
            del self._guests[uuid]
        self._end("migrate", uuid)

    def _arrives(self, uuid: str, departure: Departure) -> None:
        domain = Domain.parse(departure.definition)
        if uuid in self._guests:
            raise HostRejected(f"domain '{domain.name}' is already active")
        for disk in domain.disks:
            if disk.file is not None and not Path(disk.file).exists():
                raise HostRejected(f"Cannot access storage file '{disk.file}': No such file or directory")
        running = _with_ports(domain).xml()
        self._guests[uuid] = _Guest(departure.lasting, running, PowerState.PAUSED, arriving=True)

    def _carry_disks(self, guest: _Guest, departure: Departure) -> None:
        there = {disk.target: disk for disk in Domain.parse(departure.definition).disks}
        for disk in guest.domain.disks:
            if disk.target in departure.disks and disk.file and there[disk.target].file:
                size, content = read_disk(Path(disk.file))
                target = Path(str(there[disk.target].file))
                if size != read_disk(target)[0]:
                    raise HostRejected(f"{target} has another size")
                if departure.copy == "whole":
                    write_disk(target, disk.format or "raw", size, content)

    def _arrived(self, uuid: str, paused: bool) -> None:
        guest = self._guest(uuid)
        guest.arriving = False
        guest.started = self._clock.time()
        guest.power = PowerState.PAUSED if paused else PowerState.RUNNING

    def await_looks(self, seconds: float = 30.0) -> None:
        """Wait until it was asked twice more how far a guest is, so that whatever was due is done."""
        with self._looked:
            wanted = self._looks + 2
            if not self._looked.wait_for(lambda: self._looks >= wanted, seconds):
                raise AssertionError("nobody looks how far the guest is")

    def passage(self, uuid: str) -> Passage | None:
        with self._looked:
            self._looks += 1
            self._looked.notify_all()
        self._guest(uuid)
        journey = self.journeys.get(uuid)
        return journey.passage if journey is not None else None

    def set_downtime(self, uuid: str, milliseconds: int) -> None:
        self._journey(uuid).downtimes.append(milliseconds)

    def post_copy(self, uuid: str) -> None:
        self._journey(uuid).switched = True

    def _journey(self, uuid: str) -> Journey:
        found = self.journeys.get(uuid)
        if found is None:
            raise Conflict("domain is not being migrated")
        return found

    def ask_agent(self, uuid: str, command: str, seconds: int) -> str:
        self._guest(uuid).agent.append(command)
        return '{"return": 1}'

    def watch(self, watcher: Watcher) -> None:
        self._watchers.append(watcher)

    def _guest(self, uuid: str) -> _Guest:
        found = self._guests.get(uuid)
        if found is None:
            raise NotFound(f"Domain not found: no domain with matching uuid '{uuid}'")
        return found

    def _need(self, uuid: str, power: PowerState) -> None:
        if self._guest(uuid).power is not power:
            raise Conflict(f"domain is not {power.name.lower()}")

    def _turn(self, verb: str, uuid: str, before: PowerState, after: PowerState) -> None:
        self._begin(verb, uuid)
        self._need(uuid, before)
        self._guest(uuid).power = after
        self._end(verb, uuid)

    def _off(self, uuid: str) -> None:
        guest = self._guest(uuid)
        guest.power, guest.running = PowerState.SHUTDOWN, None

    def _say(self, guest: _Guest, text: str) -> None:
        for serial in guest.domain.serials:
            if serial.log_file is not None:
                with Path(serial.log_file).open("a") as log:
                    log.write(text)

    def _begin(self, verb: str, uuid: str) -> None:
        self._before(verb)
        self.calls.append(verb)

    def _end(self, verb: str, uuid: str) -> None:
        for watcher in self._watchers:
            watcher(uuid)
        self._changed(verb)
