"""The machine a guest is: firmware and boot, processor, memory, clock, features.

Source: libvirt documentation, "Domain XML format".
"""

from __future__ import annotations

from compute_service.virt.libvirt.xml.element import Element, at, child, children, present, switch


class Boot(Element, tag="boot"):
    """A kind of device to boot from: hd, cdrom, network."""

    dev: str = at("@dev")


class FirmwareFeature(Element, tag="feature"):
    """A property that the firmware libvirt chooses must have or must lack."""

    enabled: bool = at("@enabled")
    name: str = at("@name")


class Os(Element, tag="os"):
    """What is booted and by what firmware."""

    firmware: str | None = at("@firmware", default=None)
    type: str = at("type")
    arch: str | None = at("type/@arch", default=None)
    machine: str | None = at("type/@machine", default=None)
    firmware_features: tuple[FirmwareFeature, ...] = children("firmware", default=())
    loader_secure: bool | None = at("loader/@secure", default=None)
    loader_stateless: bool | None = at("loader/@stateless", default=None)
    kernel: str | None = at("kernel", default=None)
    initrd: str | None = at("initrd", default=None)
    cmdline: str | None = at("cmdline", default=None)
    init: str | None = at("init", default=None)
    boots: tuple[Boot, ...] = children(default=())
    boot_menu: bool | None = at("bootmenu/@enable", default=None)
    smbios_mode: str | None = at("smbios/@mode", default=None)


class SysinfoEntry(Element, tag="entry"):
    """One string of the guest's SMBIOS table."""

    name: str = at("@name")
    value: str = at("")


class Sysinfo(Element, tag="sysinfo"):
    """The guest's SMBIOS system table."""

    type: str = at("@type", default="smbios")
    system: tuple[SysinfoEntry, ...] = children("system", default=())


class Features(Element, tag="features"):
    """Platform features. `hyperv_*` make Windows guests run better."""

    acpi: bool = present("acpi", default=False)
    apic: bool = present("apic", default=False)
    pae: bool = present("pae", default=False)
    hyperv_relaxed: bool | None = switch("hyperv/relaxed/@state", default=None)
    hyperv_vapic: bool | None = switch("hyperv/vapic/@state", default=None)
    hyperv_spinlocks: bool | None = switch("hyperv/spinlocks/@state", default=None)
    hyperv_spinlock_retries: int | None = at("hyperv/spinlocks/@retries", default=None)
    hyperv_vpindex: bool | None = switch("hyperv/vpindex/@state", default=None)
    hyperv_runtime: bool | None = switch("hyperv/runtime/@state", default=None)
    hyperv_synic: bool | None = switch("hyperv/synic/@state", default=None)
    hyperv_stimer: bool | None = switch("hyperv/stimer/@state", default=None)
    kvm_hidden: bool | None = switch("kvm/hidden/@state", default=None)
    pmu: bool | None = switch("pmu/@state", default=None)
    vmcoreinfo: bool | None = switch("vmcoreinfo/@state", default=None)
    smm: bool | None = switch("smm/@state", default=None)


class CpuFeature(Element, tag="feature"):
    """A processor feature; the policy require or disable."""

    policy: str | None = at("@policy", default=None)
    name: str = at("@name")


class Cpu(Element, tag="cpu"):
    """The processor that the guest sees."""

    mode: str | None = at("@mode", default=None)
    match: str | None = at("@match", default=None)
    model: str | None = at("model", default=None)
    fallback: str | None = at("model/@fallback", default=None)
    sockets: int | None = at("topology/@sockets", default=None)
    cores: int | None = at("topology/@cores", default=None)
    threads: int | None = at("topology/@threads", default=None)
    maxphysaddr_mode: str | None = at("maxphysaddr/@mode", default=None)
    maxphysaddr_bits: int | None = at("maxphysaddr/@bits", default=None)
    features: tuple[CpuFeature, ...] = children(default=())


class CpuTune(Element, tag="cputune"):
    """How much of the host's processors the guest may take (microseconds)."""

    shares: int | None = at("shares", default=None)
    period: int | None = at("period", default=None)
    quota: int | None = at("quota", default=None)


class MemoryBacking(Element, tag="memoryBacking"):
    """What the guest's memory is made of."""

    source_type: str | None = at("source/@type", default=None)
    access_mode: str | None = at("access/@mode", default=None)
    allocation_mode: str | None = at("allocation/@mode", default=None)
    discard: bool = present("discard", default=False)
    locked: bool = present("locked", default=False)


class Timer(Element, tag="timer"):
    """One of the guest's clocks, and what becomes of missed ticks."""

    name: str = at("@name")
    present: bool | None = at("@present", default=None)
    tickpolicy: str | None = at("@tickpolicy", default=None)


class Clock(Element, tag="clock"):
    """The guest's wall clock."""

    offset: str = at("@offset", default="utc")
    timers: tuple[Timer, ...] = children(default=())


class IdRange(Element, tag="uid"):
    """A range of a container's user IDs and where they lie on the host."""

    start: int = at("@start")
    target: int = at("@target")
    count: int = at("@count")


class GroupRange(Element, tag="gid"):
    """A range of a container's group IDs and where they lie on the host."""

    start: int = at("@start")
    target: int = at("@target")
    count: int = at("@count")


class IdMap(Element, tag="idmap"):
    """A container's user namespace."""

    users: tuple[IdRange, ...] = children(default=())
    groups: tuple[GroupRange, ...] = children(default=())


class Topology(Element, tag="topology"):
    """Sockets, cores and threads, as capabilities tell them."""

    sockets: int = at("@sockets")
    dies: int | None = at("@dies", default=None)
    cores: int = at("@cores")
    threads: int = at("@threads")


class HostCpu(Element, tag="cpu"):
    """The host's processor."""

    arch: str = at("arch")
    model: str | None = at("model", default=None)
    vendor: str | None = at("vendor", default=None)
    topology: Topology | None = child(default=None)
    features: tuple[CpuFeature, ...] = children(default=())
