"""The processor: mode and model, features, topology, and how much of the host's it may take."""

from __future__ import annotations

from compute_service.config.libvirt import Libvirt
from compute_service.domain.errors import BuildAborted, HostRejected, Invalid
from compute_service.virt.libvirt.assemble.machine import QEMU
from compute_service.virt.libvirt.assemble.place import Host
from compute_service.virt.libvirt.assemble.properties import Wishes
from compute_service.virt.libvirt.xml.machine import Cpu, CpuFeature, CpuTune

Shape = tuple[int, int, int]
"""Sockets, cores of each, threads of each core."""


def assemble_cpu(vcpus: int, wishes: Wishes, host: Host, options: Libvirt) -> Cpu | None:
    """Return the processor. Raises BuildAborted, HostRejected, Invalid (an option)."""
    if host.virt_type == "lxc":
        return None
    if host.domains.max_vcpus is not None and vcpus > host.domains.max_vcpus:
        raise HostRejected(f"A guest can have {host.domains.max_vcpus} CPUs on this host, not {vcpus}.")
    sockets, cores, threads = topology(vcpus, wishes)
    mode = _mode(host, options)
    model = _model(host, options) if mode == "custom" else None
    return Cpu(
        mode=mode,
        match="exact" if model else None,
        model=model,
        fallback="forbid" if model else None,
        sockets=sockets,
        cores=cores,
        threads=threads,
        maxphysaddr_mode=wishes.text("maxphysaddr_mode"),
        maxphysaddr_bits=_physical_bits(wishes),
        features=_features(options) if mode not in {None, "maximum"} else (),
    )


def _mode(host: Host, options: Libvirt) -> str | None:
    """Return the mode that the option says, or the best the host has; None leaves it to the hypervisor."""
    if host.virt_type not in QEMU or options.cpu_mode == "none":
        return None
    offered = host.domains.cpu_modes
    if options.cpu_mode is not None:
        if offered and options.cpu_mode not in offered:
            raise HostRejected(f"This host does not have the CPU mode {options.cpu_mode}.")
        return options.cpu_mode
    return next((mode for mode in ("host-model", "maximum") if mode in offered), None)


def _model(host: Host, options: Libvirt) -> str:
    if not options.cpu_models:
        raise Invalid("cpu_mode=custom needs the option cpu_models in [libvirt].")
    usable = host.domains.cpu_models
    found = next((model for model in options.cpu_models if not usable or model in usable), None)
    if found is None:
        raise HostRejected(f"None of the CPU models {', '.join(options.cpu_models)} runs on this host.")
    return found


def _features(options: Libvirt) -> tuple[CpuFeature, ...]:
    return tuple(
        CpuFeature(policy="disable" if flag.startswith("-") else "require", name=flag.lstrip("+-").lower())
        for flag in options.cpu_model_extra_flags
    )


def _physical_bits(wishes: Wishes) -> int | None:
    bits = wishes.number("maxphysaddr_bits")
    if wishes.text("maxphysaddr_mode") == "emulate":
        if bits is None:
            raise BuildAborted("hw:maxphysaddr_mode=emulate needs hw:maxphysaddr_bits.")
        return bits
    if bits is not None:
        raise BuildAborted("hw:maxphysaddr_bits needs hw:maxphysaddr_mode=emulate.")
    return None


def topology(vcpus: int, wishes: Wishes) -> Shape:
    """Return how the CPUs are laid out: as asked, else in as many sockets as the limits let.

    Raises BuildAborted when no layout has this many CPUs.
    """
    asked = [wishes.number(f"cpu_{unit}") for unit in ("sockets", "cores", "threads")]
    most = [wishes.number(f"cpu_max_{unit}") for unit in ("sockets", "cores", "threads")]
    fits = [
        shape
        for shape in _shapes(vcpus)
        if all(want in {None, has} for want, has in zip(asked, shape, strict=True))
        and all(limit is None or has <= limit for limit, has in zip(most, shape, strict=True))
    ]
    if not fits:
        raise BuildAborted(
            f"{vcpus} CPUs cannot be laid out in the sockets, cores and threads that were asked for."
        )
    return max(fits)


def _shapes(vcpus: int) -> list[Shape]:
    return [
        (sockets, vcpus // sockets // threads, threads)
        for sockets in range(1, vcpus + 1)
        if vcpus % sockets == 0
        for threads in range(1, vcpus // sockets + 1)
        if (vcpus // sockets) % threads == 0
    ]


def assemble_cputune(wishes: Wishes) -> CpuTune | None:
    """Return the limits of processor time, or None."""
    tune = CpuTune(
        shares=wishes.number("quota_cpu_shares"),
        period=wishes.number("quota_cpu_period"),
        quota=wishes.number("quota_cpu_quota"),
    )
    return None if tune == CpuTune() else tune
