"""`LibvirtConnection`: the `Connection` over libvirt's own library. Nothing else imports `libvirt`.

A verb on a guest looks the guest up first. That look-up finds out when the connection was lost, connects anew
and is repeated; what follows it has effects and is done once. Events come in one thread of the process, which
libvirt's event loop needs to be there before the first connection.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from compute_service.domain.errors import (
    Cancelled,
    ComputeError,
    Conflict,
    HostRejected,
    NotFound,
    NotSupported,
    Timeout,
    Unavailable,
)
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt.calls import Calls
from compute_service.virt.libvirt.domains import (
    ConnectionLost,
    Departure,
    DomainState,
    DomainStats,
    Job,
    Node,
    Passage,
    Watcher,
)
from compute_service.virt.libvirt.live_words import flags_of, parameters_of, passage_of
from compute_service.virt.libvirt.stats import stats_of

LOG = logging.getLogger(__name__)
T = TypeVar("T")

LOOK = 60.0
"""Seconds for what only looks."""
CAPABILITIES = 300.0
"""Seconds for capabilities: libvirt tries every emulator once after it was started."""
CHANGE = 300.0
"""Seconds for a change, such as a start with much memory to be made ready."""
SAVE = 3600.0
"""Seconds for memory to be written to disk."""
MOVE = 7 * 86_400.0
"""Seconds for a guest to go to another host: a limit of last resort, for who asks has one."""
PATIENCE = 30.0
"""Seconds that a libvirt which was lost has to come back before calls fail at once."""
KEEPALIVE_EVERY, KEEPALIVE_MISSES = 5, 4

POWER = {
    0: PowerState.NOSTATE,
    1: PowerState.RUNNING,
    2: PowerState.RUNNING,
    3: PowerState.PAUSED,
    4: PowerState.RUNNING,
    5: PowerState.SHUTDOWN,
    6: PowerState.CRASHED,
    7: PowerState.SUSPENDED,
}
"""Power by virDomainState. A guest that is shutting down (4) still runs."""

_ERRORS: dict[str, type[ComputeError]] = {
    "VIR_ERR_NO_DOMAIN": NotFound,
    "VIR_ERR_OPERATION_INVALID": Conflict,
    "VIR_ERR_RESOURCE_BUSY": Conflict,
    "VIR_ERR_NO_SUPPORT": NotSupported,
    "VIR_ERR_OPERATION_UNSUPPORTED": NotSupported,
    "VIR_ERR_ARGUMENT_UNSUPPORTED": NotSupported,
    "VIR_ERR_OPERATION_ABORTED": Cancelled,
    "VIR_ERR_OPERATION_TIMEOUT": Timeout,
    "VIR_ERR_AGENT_UNRESPONSIVE": Timeout,
    "VIR_ERR_AUTH_FAILED": Unavailable,
    "VIR_ERR_AUTH_UNAVAILABLE": Unavailable,
}
_LOST = (
    "VIR_ERR_SYSTEM_ERROR",
    "VIR_ERR_INTERNAL_ERROR",
    "VIR_ERR_NO_CONNECT",
    "VIR_ERR_INVALID_CONN",
    "VIR_ERR_RPC",
)
_TRANSPORT = ("VIR_FROM_REMOTE", "VIR_FROM_RPC")

_loop_lock = threading.Lock()
_loop: list[threading.Thread] = []
"""The thread of the event loop, once there is one: libvirt has one loop in a process."""


def library() -> Any:
    """Return libvirt's module. Raises NotSupported when it is not installed."""
    try:
        import libvirt
    except ImportError as error:
        raise NotSupported(
            f"The libvirt driver needs libvirt-python, Debian's python3-libvirt ({error})."
        ) from None
    return libvirt


def _ignore(_context: object, _error: object) -> None:
    """Take what libvirt would print on standard error: it is in the exception as well."""


def _begin_events(libvirt: Any) -> None:
    """Have libvirt's event loop run in this process."""
    with _loop_lock:
        if _loop:
            return
        libvirt.registerErrorHandler(_ignore, None)
        libvirt.virEventRegisterDefaultImpl()

        def turn() -> None:
            while True:
                if libvirt.virEventRunDefaultImpl() < 0:
                    LOG.error("libvirt's event loop failed")

        thread = threading.Thread(target=turn, name="libvirt events", daemon=True)
        _loop.append(thread)
        thread.start()


class LibvirtConnection:
    """A connection to the libvirt at a URI, made when it is first needed and anew when it was lost."""

    def __init__(self, uri: str, calls: Calls | None = None) -> None:
        """Raises NotSupported without libvirt's library."""
        self._uri = uri
        self._libvirt = library()
        self._calls = calls or Calls("libvirt")
        self._opening = threading.Lock()
        self._link: Any = None
        self._lost_at: float | None = None
        self._watchers: list[Watcher] = []
        _begin_events(self._libvirt)

    def node(self) -> Node:
        """Return what the host is."""

        def look(link: Any) -> Node:
            info = link.getInfo()
            return Node(
                hostname=link.getHostname(),
                hypervisor=link.getType(),
                version=link.getVersion(),
                cpus=info[2],
                memory_mb=info[1],
            )

        return self._ask(look)

    def capabilities(self) -> str:
        """Return the document of the host's capabilities."""
        return str(self._ask(lambda link: link.getCapabilities(), CAPABILITIES))

    def domain_capabilities(self, virt_type: str, arch: str, machine: str | None) -> str:
        """Return the document of what such guests can have."""
        return str(
            self._ask(lambda link: link.getDomainCapabilities(None, arch, machine, virt_type), CAPABILITIES)
        )

    def whole_cpu(self, virt_type: str, arch: str, cpu: str) -> str:
        """Return the document of a processor with every feature of its model said."""
        flag = self._libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES
        return str(
            self._ask(
                lambda link: link.baselineHypervisorCPU(None, arch, None, virt_type, [cpu], flag),
                CAPABILITIES,
            )
        )

    def cpu_fits(self, virt_type: str, arch: str, cpu: str) -> bool:
        """Return whether guests can have a processor here."""
        found = self._ask(
            lambda link: link.compareHypervisorCPU(None, arch, None, virt_type, cpu, 0), CAPABILITIES
        )
        return bool(found > self._libvirt.VIR_CPU_COMPARE_INCOMPATIBLE)

    def host_cpu_fits(self, cpu: str) -> bool:
        """Return whether this host's processor has all that another's has."""
        found = self._ask(lambda link: link.compareCPU(cpu, 0), CAPABILITIES)
        return bool(found > self._libvirt.VIR_CPU_COMPARE_INCOMPATIBLE)

    def domains(self) -> list[DomainState]:
        """Return every guest."""

        def look(link: Any) -> list[DomainState]:
            found = []
            for domain in link.listAllDomains(0):
                try:
                    found.append(_state(domain))
                except self._libvirt.libvirtError as error:
                    if error.get_error_code() != self._libvirt.VIR_ERR_NO_DOMAIN:
                        raise
            return found

        return self._ask(look)

    def domain(self, uuid: str) -> DomainState:
        """Return one guest's power."""
        return self._ask(lambda link: _state(link.lookupByUUIDString(uuid)))

    def xml(self, uuid: str, lasting: bool = False) -> str:
        """Return a guest's document."""
        flags = self._libvirt.VIR_DOMAIN_XML_INACTIVE if lasting else 0
        return str(self._ask(lambda link: link.lookupByUUIDString(uuid).XMLDesc(flags)))

    def portable_xml(self, uuid: str) -> str:
        """Return a running guest's document as another libvirt takes it."""
        flags = self._libvirt.VIR_DOMAIN_XML_MIGRATABLE | self._libvirt.VIR_DOMAIN_XML_SECURE
        return str(self._ask(lambda link: link.lookupByUUIDString(uuid).XMLDesc(flags)))

    def is_lasting(self, uuid: str) -> bool:
        """Return whether a guest's document is kept."""
        return bool(self._ask(lambda link: link.lookupByUUIDString(uuid).isPersistent()))

    def define(self, xml: str) -> None:
        """Keep a guest's document."""
        link = self._ask(lambda link: link)
        self._do(lambda: link.defineXML(xml), CHANGE)

    def undefine(self, uuid: str, state: bool) -> None:
        """Forget a guest."""
        lib = self._libvirt
        flags = (
            lib.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
            | lib.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
            | lib.VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA
            | (lib.VIR_DOMAIN_UNDEFINE_NVRAM if state else lib.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM)
        )
        try:
            domain = self._find(uuid)
            self._do(lambda: self._undefine(domain, flags), CHANGE)
        except NotFound:
            return

    def _undefine(self, domain: Any, flags: int) -> None:
        """Undefine with all flags, or with the one that every driver of libvirt's knows."""
        if not domain.isPersistent():
            return
        try:
            domain.undefineFlags(flags)
        except self._libvirt.libvirtError as error:
            if error.get_error_code() not in self._codes("VIR_ERR_INVALID_ARG", "VIR_ERR_NO_SUPPORT"):
                raise
            domain.undefineFlags(self._libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)

    def start(self, uuid: str) -> None:
        """Start a guest."""
        self._on(uuid, lambda domain: domain.create())

    def cut(self, uuid: str) -> None:
        """Take a guest's power away."""
        domain = self._find(uuid)
        if self._do(domain.isActive, LOOK):
            try:
                self._do(domain.destroy, CHANGE)
            except Conflict:
                if self.domain(uuid).power is not PowerState.SHUTDOWN:
                    raise

    def shutdown(self, uuid: str) -> None:
        """Ask a guest to shut down."""
        self._on(uuid, lambda domain: domain.shutdown())

    def pause(self, uuid: str) -> None:
        """Freeze a guest."""
        self._on(uuid, lambda domain: domain.suspend())

    def unpause(self, uuid: str) -> None:
        """Let a frozen guest go on."""
        self._on(uuid, lambda domain: domain.resume())

    def save(self, uuid: str) -> None:
        """Write a guest's memory to disk and stop it."""
        self._on(uuid, lambda domain: domain.managedSave(0), SAVE)

    def is_saved(self, uuid: str) -> bool:
        """Return whether a guest's memory is on disk."""
        return bool(self._ask(lambda link: link.lookupByUUIDString(uuid).hasManagedSaveImage(0)))

    def forget_saved(self, uuid: str) -> None:
        """Remove a guest's saved memory."""
        if self.is_saved(uuid):
            self._on(uuid, lambda domain: domain.managedSaveRemove(0))

    def attach(self, uuid: str, device: str, lasting: bool) -> None:
        """Give a guest a device."""
        self._on(uuid, lambda domain: domain.attachDeviceFlags(device, self._reach(lasting)))

    def detach(self, uuid: str, device: str, lasting: bool) -> None:
        """Take a device away."""
        self._on(uuid, lambda domain: domain.detachDeviceFlags(device, self._reach(lasting)))

    def _reach(self, lasting: bool) -> int:
        """Return the flag of a change of the guest's definition, or of the guest that runs."""
        lib = self._libvirt
        return int(lib.VIR_DOMAIN_AFFECT_CONFIG if lasting else lib.VIR_DOMAIN_AFFECT_LIVE)

    def set_password(self, uuid: str, user: str, password: str) -> None:
        """Have the guest agent change an account's password."""
        self._on(uuid, lambda domain: domain.setUserPassword(user, password, 0))

    def interrupt(self, uuid: str) -> None:
        """Inject an interrupt that cannot be masked."""
        self._on(uuid, lambda domain: domain.injectNMI(0))

    def stats(self, uuid: str) -> DomainStats:
        """Return a guest's counters."""

        def look(link: Any) -> DomainStats:
            domain = link.lookupByUUIDString(uuid)
            found = link.domainListGetStats([domain], 0, 0)
            return stats_of(POWER[domain.state()[0]], found[0][1])

        return self._ask(look)

    def disk_bytes(self, uuid: str, name: str) -> int:
        """Return how large a disk is."""
        return int(self._ask(lambda link: link.lookupByUUIDString(uuid).blockInfo(name)[0]))

    def backup(self, uuid: str, xml: str) -> None:
        """Begin to copy disks of a running guest."""
        into = self._libvirt.VIR_DOMAIN_BACKUP_BEGIN_REUSE_EXTERNAL
        self._on(uuid, lambda domain: domain.backupBegin(xml, None, into))

    def job(self, uuid: str) -> Job | None:
        """Return what goes on in the background."""

        def look(link: Any) -> Job | None:
            kind, _, _, total, done, *_ = link.lookupByUUIDString(uuid).jobInfo()
            running = (self._libvirt.VIR_DOMAIN_JOB_BOUNDED, self._libvirt.VIR_DOMAIN_JOB_UNBOUNDED)
            return Job(done=done, total=total) if kind in running else None

        try:
            return self._ask(look)
        except Conflict:
            return None

    def job_failure(self, uuid: str) -> str | None:
        """Return why the last job failed. Raises ConnectionLost when libvirt has forgotten how it ended."""
        kept = (
            self._libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED | self._libvirt.VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED
        )

        def look(link: Any) -> str | None:
            found = link.lookupByUUIDString(uuid).jobStats(kept)
            if found.get("type") == self._libvirt.VIR_DOMAIN_JOB_COMPLETED:
                return None
            if found.get("type") == self._libvirt.VIR_DOMAIN_JOB_NONE:
                # A libvirt that was restarted knows nothing of jobs that ended before.
                raise ConnectionLost(f"libvirt does not know how the job of guest {uuid} ended.")
            return str(found.get("errmsg", "it was cancelled"))

        return self._ask(look)

    def abort_job(self, uuid: str) -> None:
        """Stop what goes on in the background."""
        if self.job(uuid) is not None:
            try:
                self._on(uuid, lambda domain: domain.abortJob())
            except Conflict:
                if self.job(uuid) is not None:
                    raise

    def migrate(self, uuid: str, departure: Departure) -> None:
        """Have a running guest go to another libvirt."""
        flags = flags_of(self._libvirt, departure)
        parameters = parameters_of(self._libvirt, departure)
        self._on(uuid, lambda domain: domain.migrateToURI3(departure.uri, parameters, flags), MOVE)

    def passage(self, uuid: str) -> Passage | None:
        """Return how far a guest is that goes to another libvirt."""
        try:
            found = self._ask(lambda link: link.lookupByUUIDString(uuid).jobStats(0))
        except Conflict:
            return None
        return passage_of(self._libvirt, found)

    def set_downtime(self, uuid: str, milliseconds: int) -> None:
        """Say how long a guest that goes may stand still."""
        self._on(uuid, lambda domain: domain.migrateSetMaxDowntime(milliseconds, 0))

    def post_copy(self, uuid: str) -> None:
        """Have a guest that goes switch over now."""
        self._on(uuid, lambda domain: domain.migrateStartPostCopy(0))

    def ask_agent(self, uuid: str, command: str, seconds: int) -> str:
        """Return what the guest agent answers."""
        import libvirt_qemu

        return str(
            self._on(
                uuid,
                lambda domain: libvirt_qemu.qemuAgentCommand(domain, command, seconds, 0),
                seconds + LOOK,
            )
        )

    def watch(self, watcher: Watcher) -> None:
        """Tell of guests whose state changes."""
        self._watchers.append(watcher)
        self._ask(lambda link: link.isAlive())

    def close(self) -> None:
        """Let the connection go; another call would make it anew."""
        link, self._link = self._link, None
        if link is not None:
            self._do(link.close, LOOK)

    def _on(self, uuid: str, verb: Callable[[Any], T], seconds: float = CHANGE) -> T:
        """Do something to a guest, once."""
        domain = self._find(uuid)
        return self._do(lambda: verb(domain), seconds)

    def _find(self, uuid: str) -> Any:
        return self._ask(lambda link: link.lookupByUUIDString(uuid))

    def _ask(self, look: Callable[[Any], T], seconds: float = LOOK) -> T:
        """Look at something, once more over a new connection when the present one is lost."""
        try:
            link = self._connected()
            return self._do(lambda: look(link), seconds)
        except ConnectionLost:
            link = self._connected()
            return self._do(lambda: look(link), seconds)

    def _do(self, call: Callable[[], T], seconds: float) -> T:
        try:
            return self._calls.run(call, seconds)
        except self._libvirt.libvirtError as error:
            raise self._translated(error) from error
        except Timeout:
            self._drop(None)
            raise

    def _connected(self) -> Any:
        """Return the connection, a new one when there is none that lives."""
        with self._opening:
            if self._link is None:
                self._link = self._patiently_opened()
                self._lost_at = None
                LOG.info("Connected to libvirt at %s", self._uri)
            return self._link

    def _patiently_opened(self) -> Any:
        """Return a new connection, waiting a while for a libvirt that was there and may be restarted."""
        while True:
            try:
                return self._calls.run(self._open, LOOK)
            except self._libvirt.libvirtError as error:
                if self._lost_at is None or time.monotonic() - self._lost_at > PATIENCE:
                    raise Unavailable(f"libvirt at {self._uri} cannot be reached: {_said(error)}") from error
            time.sleep(1.0)

    def _open(self) -> Any:
        lib = self._libvirt
        link = lib.open(self._uri)
        link.registerCloseCallback(self._closed, None)
        self._where_it_can(lambda: link.setKeepAlive(KEEPALIVE_EVERY, KEEPALIVE_MISSES))
        what = lib.VIR_DOMAIN_EVENT_ID_LIFECYCLE
        self._where_it_can(lambda: link.domainEventRegisterAny(None, what, self._told, None))
        return link

    def _where_it_can(self, call: Callable[[], object]) -> None:
        """Do what not every driver of libvirt's can."""
        try:
            call()
        except self._libvirt.libvirtError as error:
            if error.get_error_code() != self._libvirt.VIR_ERR_NO_SUPPORT:
                raise

    def _closed(self, link: Any, reason: int, _opaque: object) -> None:
        LOG.warning("The connection to libvirt at %s was closed (reason %d)", self._uri, reason)
        self._drop(link)

    def _drop(self, link: Any) -> None:
        """Forget the connection, or only `link` if that still is it."""
        if self._link is not None and (link is None or self._link is link):
            self._link = None
            self._lost_at = time.monotonic()

    def _told(self, _link: Any, domain: Any, _event: int, _detail: int, _opaque: object) -> None:
        uuid = domain.UUIDString()
        for watcher in self._watchers:
            try:
                watcher(uuid)
            except Exception:
                LOG.exception("What guest %s became could not be told", uuid)

    def _codes(self, *names: str) -> frozenset[int]:
        found = (getattr(self._libvirt, name, None) for name in names)
        return frozenset(code for code in found if code is not None)

    def _translated(self, error: Any) -> ComputeError:
        code, said = error.get_error_code(), _said(error)
        if code in self._codes(*_LOST) and error.get_error_domain() in self._codes(*_TRANSPORT):
            self._drop(None)
            return ConnectionLost(f"The connection to libvirt was lost: {said}")
        for name, kind in _ERRORS.items():
            if code == getattr(self._libvirt, name, None):
                return kind(said)
        return HostRejected(f"libvirt refused: {said}")


def _said(error: Any) -> str:
    return str(error.get_error_message() or error).strip()


def _state(domain: Any) -> DomainState:
    return DomainState(uuid=domain.UUIDString(), name=domain.name(), power=POWER[domain.state()[0]])
