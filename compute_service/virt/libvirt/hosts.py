"""What this host can do for guests, asked of libvirt once in a while and kept."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from compute_service.config.settings import Settings
from compute_service.domain.errors import HostRejected, NotSupported
from compute_service.domain.guest import GuestSpec
from compute_service.ports.clock import Clock
from compute_service.virt.libvirt.assemble.machine import architecture, machine_type, os_type
from compute_service.virt.libvirt.assemble.place import Host, RbdCluster
from compute_service.virt.libvirt.assemble.properties import Wishes
from compute_service.virt.libvirt.capabilities import (
    DomainCapabilities,
    HostCapabilities,
    read_domain,
    read_host,
)
from compute_service.virt.libvirt.domains import Connection
from compute_service.virt.libvirt.xml.element import MalformedXml
from compute_service.virt.libvirt.xml.machine import Cpu, CpuFeature, HostCpu

LOG = logging.getLogger(__name__)

KEPT = 3600.0
"""Seconds that an answer is kept: long, for little but an upgrade changes it."""
MACHINE_ID = Path("/etc/machine-id")
PRODUCT_UUID = Path("/sys/class/dmi/id/product_uuid")

Kind = tuple[str, str, str | None]
"""Domain type, architecture and machine type."""


class Hosts:
    """The `Host` that a guest is assembled for."""

    def __init__(
        self, connection: Connection, settings: Settings, clock: Clock, rbd: RbdCluster | None = None
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._clock = clock
        self._rbd = rbd
        self._lock = threading.Lock()
        self._host: tuple[float, HostCapabilities] | None = None
        self._features: tuple[float, frozenset[str]] | None = None
        self._domains: dict[Kind, tuple[float, DomainCapabilities]] = {}

    def capabilities(self) -> HostCapabilities:
        """Return what the host is. Raises HostRejected when libvirt's answer makes no sense."""
        with self._lock:
            if self._host is None or self._old(self._host[0]):
                try:
                    self._host = (self._clock.time(), read_host(self._connection.capabilities()))
                except MalformedXml as error:
                    raise HostRejected(f"libvirt's capabilities cannot be read: {error}") from error
            return self._host[1]

    def domains(self, arch: str, machine: str | None) -> DomainCapabilities:
        """Return what guests of the configured type can have. Raises HostRejected."""
        kind = (self._settings.libvirt.virt_type, arch, machine)
        with self._lock:
            found = self._domains.get(kind)
            if found is None or self._old(found[0]):
                found = (self._clock.time(), self._ask(kind))
                self._domains[kind] = found
            return found[1]

    def features(self) -> frozenset[str]:
        """Return the processor features that guests can have here."""
        with self._lock:
            found = self._features
        if found is None or self._old(found[0]):
            found = (self._clock.time(), self._read_features())
            with self._lock:
                self._features = found
        return found[1]

    def _read_features(self) -> frozenset[str]:
        capabilities = self.capabilities()
        domains = self.domains(capabilities.arch, None)
        if domains.host_model is None:
            return frozenset(feature.name for feature in capabilities.cpu.features)
        cpu = HostCpu(
            arch=capabilities.arch,
            model=domains.host_model,
            features=tuple(
                CpuFeature(name=each.name) for each in domains.host_features if each.policy != "disable"
            ),
        )
        try:
            whole = Cpu.parse(
                self._connection.whole_cpu(self._settings.libvirt.virt_type, capabilities.arch, cpu.xml())
            )
        except (NotSupported, HostRejected, MalformedXml) as error:
            LOG.warning("The processor's features cannot be told: %s", error)
            return frozenset(feature.name for feature in cpu.features)
        return frozenset(each.name for each in whole.features if each.policy != "disable")

    def of(self, spec: GuestSpec) -> Host:
        """Return the host as it is for a guest. Raises BuildAborted, HostRejected."""
        options, wishes = self._settings.libvirt, Wishes(spec)
        capabilities = self.capabilities()
        arch = architecture(wishes, capabilities)
        hvm = os_type(options.virt_type) == "hvm"
        machine = machine_type(wishes, options, arch) if hvm else None
        return Host(
            virt_type=options.virt_type,
            capabilities=capabilities,
            domains=self.domains(arch, machine),
            serial=self._serial(),
            direct_io=takes_direct_io(Path(self._settings.default.instances_path)),
            rbd=self._rbd,
        )

    def _ask(self, kind: Kind) -> DomainCapabilities:
        try:
            return read_domain(self._connection.domain_capabilities(*kind))
        except MalformedXml as error:
            raise HostRejected(f"libvirt's capabilities cannot be read: {error}") from error
        except HostRejected as error:
            what = " ".join(word for word in kind if word)
            raise HostRejected(f"This host does not run guests of {what}: {error.message}") from error

    def _serial(self) -> str | None:
        """Return the serial number that all guests of this host share, by the option sysinfo_serial."""
        sources = {"os": (MACHINE_ID,), "hardware": (PRODUCT_UUID,), "auto": (MACHINE_ID, PRODUCT_UUID)}
        for path in sources.get(self._settings.libvirt.sysinfo_serial, ()):
            try:
                if text := path.read_text().strip():
                    return text
            except OSError:
                continue
        return None

    def _old(self, asked: float) -> bool:
        return self._clock.time() - asked > KEPT


def takes_direct_io(directory: Path) -> bool:
    """Return whether files in a directory can be read past the host's cache."""
    probe = directory / f".direct_io_{os.getpid()}_{threading.get_ident()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        os.close(os.open(probe, os.O_CREAT | os.O_WRONLY | os.O_DIRECT, 0o600))
    except OSError:
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True
