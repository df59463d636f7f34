"""What libvirt says of a host: the host itself, and what guests of one kind can have on it.

Source: libvirt documentation, "Driver capabilities" and "Domain capabilities".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree import ElementTree

from compute_service.virt.libvirt.xml.element import MalformedXml
from compute_service.virt.libvirt.xml.machine import CpuFeature, HostCpu

Node = ElementTree.Element
NO_VALUES: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class NumaCell:
    """A part of the host with memory of its own; `cpus` are host processor numbers."""

    id: int
    memory_kib: int
    cpus: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class GuestKind:
    """A kind of guest the host can run: `machines` has every name, aliases included."""

    os_type: str
    arch: str
    domains: frozenset[str]
    machines: frozenset[str] = NO_VALUES


@dataclass(frozen=True, kw_only=True)
class HostCapabilities:
    """The host as libvirt sees it."""

    cpu: HostCpu
    cells: tuple[NumaCell, ...] = ()
    guests: tuple[GuestKind, ...] = ()

    @property
    def arch(self) -> str:
        """The host's own architecture."""
        return self.cpu.arch

    def kind(self, os_type: str, arch: str, domain: str) -> GuestKind | None:
        """Return the kind of guest asked for, or None when the host cannot run it."""
        for guest in self.guests:
            if (guest.os_type, guest.arch) == (os_type, arch) and domain in guest.domains:
                return guest
        return None


@dataclass(frozen=True, kw_only=True)
class DomainCapabilities:
    """What guests of one domain type, architecture and machine can have. Sets hold libvirt's own words."""

    domain: str
    arch: str
    machine: str | None = None
    max_vcpus: int | None = None
    firmwares: frozenset[str] = NO_VALUES
    secure_boot: bool = False
    cpu_modes: frozenset[str] = NO_VALUES
    cpu_models: frozenset[str] = NO_VALUES
    """The named models that run here as they are."""
    host_model: str | None = None
    host_features: tuple[CpuFeature, ...] = ()
    devices: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    """By device and property, as in `devices["video"]["modelType"]`; what cannot be has no entry."""

    def offers(self, device: str, name: str, value: str) -> bool:
        """Return whether a device can have the value; what libvirt does not list is not denied."""
        values = self.devices.get(device, {}).get(name)
        return values is None or value in values


def read_host(xml: str) -> HostCapabilities:
    """Read the document of virConnectGetCapabilities. Raises MalformedXml."""
    root = _root(xml, "capabilities")
    cpu = root.find("host/cpu")
    if cpu is None:
        raise MalformedXml("The host's capabilities do not tell its processor.")
    return HostCapabilities(
        cpu=HostCpu.parse(cpu),
        cells=tuple(_cell(node) for node in root.findall("host/topology/cells/cell")),
        guests=tuple(_guest(node) for node in root.findall("guest")),
    )


def read_domain(xml: str) -> DomainCapabilities:
    """Read the document of virConnectGetDomainCapabilities. Raises MalformedXml."""
    root = _root(xml, "domainCapabilities")
    host_model = root.find("cpu/mode[@name='host-model']")
    vcpus = root.find("vcpu")
    return DomainCapabilities(
        domain=root.findtext("domain", ""),
        arch=root.findtext("arch", ""),
        machine=root.findtext("machine"),
        max_vcpus=_number(vcpus, "max") if vcpus is not None else None,
        firmwares=_enum(root.find("os/enum[@name='firmware']")),
        secure_boot="yes" in _enum(root.find("os/loader/enum[@name='secure']")),
        cpu_modes=frozenset(
            node.get("name", "") for node in root.findall("cpu/mode") if node.get("supported") == "yes"
        ),
        cpu_models=frozenset(
            node.text or ""
            for node in root.findall("cpu/mode[@name='custom']/model")
            if node.get("usable") == "yes"
        ),
        host_model=host_model.findtext("model") if host_model is not None else None,
        host_features=tuple(CpuFeature.parse(n) for n in host_model.findall("feature"))
        if host_model is not None
        else (),
        devices=_devices(root),
    )


def _root(xml: str, tag: str) -> Node:
    try:
        root = ElementTree.fromstring(xml)  # noqa: S314 - libvirt on this host wrote it
    except ElementTree.ParseError as error:
        raise MalformedXml(f"Not XML: {error}.") from None
    if root.tag != tag:
        raise MalformedXml(f"Expected the element {tag}, found {root.tag}.")
    return root


def _number(node: Node, attribute: str) -> int:
    text = node.get(attribute, "")
    if not text.isascii() or not text.isdigit():
        raise MalformedXml(f"{node.tag}/@{attribute} is not a number: {text!r}.")
    return int(text)


def _cell(node: Node) -> NumaCell:
    memory = node.find("memory")
    return NumaCell(
        id=_number(node, "id"),
        memory_kib=int(memory.text or 0) if memory is not None else 0,
        cpus=tuple(_number(cpu, "id") for cpu in node.findall("cpus/cpu")),
    )


def _guest(node: Node) -> GuestKind:
    arch = node.find("arch")
    if arch is None:
        raise MalformedXml("A kind of guest has no architecture.")
    machines = [*arch.findall("machine"), *arch.findall("domain/machine")]
    return GuestKind(
        os_type=node.findtext("os_type", ""),
        arch=arch.get("name", ""),
        domains=frozenset(domain.get("type", "") for domain in arch.findall("domain")),
        machines=frozenset(machine.text or "" for machine in machines),
    )


def _enum(node: Node | None) -> frozenset[str]:
    return frozenset(value.text or "" for value in node.findall("value")) if node is not None else NO_VALUES


def _devices(root: Node) -> dict[str, dict[str, frozenset[str]]]:
    devices = root.find("devices")
    return {
        device.tag: {enum.get("name", ""): _enum(enum) for enum in device.findall("enum")}
        for device in (devices if devices is not None else ())
        if device.get("supported") == "yes"
    }
