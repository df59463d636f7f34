"""The devices beside disks, networks and consoles."""

from __future__ import annotations

from compute_service.config.libvirt import Libvirt
from compute_service.domain.errors import BuildAborted, HostRejected
from compute_service.virt.libvirt.assemble.machine import ARM, QEMU, X86, is_q35
from compute_service.virt.libvirt.assemble.place import Host, Place
from compute_service.virt.libvirt.assemble.properties import Wishes
from compute_service.virt.libvirt.xml.devices import Controller, MemBalloon, Rng, Sound, Tpm, Watchdog
from compute_service.virt.libvirt.xml.machine import MemoryBacking
from compute_service.virt.libvirt.xml.storage import Disk

RANDOM = "/dev/urandom"
PERIOD = 1000
"""Milliseconds of a rate whose period nobody said."""


def assemble_rng(wishes: Wishes, host: Host) -> Rng | None:
    """Return the random number device when the image has it and the flavor lets it."""
    if host.virt_type not in QEMU or wishes.text("rng") is None or wishes.truth("rng_allowed") is False:
        return None
    rate = wishes.number("rng_bytes")
    period = (wishes.number("rng_period") or PERIOD) if rate else None
    return Rng(source=RANDOM, rate_bytes=rate or None, rate_period=period)


def assemble_watchdog(wishes: Wishes, host: Host) -> Watchdog | None:
    """Return the watchdog, or None."""
    action = wishes.text("watchdog")
    if host.virt_type not in QEMU or action in {None, "disabled"}:
        return None
    model = "diag288" if host.domains.arch == "s390x" else "i6300esb"
    return Watchdog(model=model, action=str(action))


def assemble_tpm(wishes: Wishes, host: Host, place: Place, options: Libvirt) -> Tpm | None:
    """Return the TPM, or None. Raises BuildAborted, HostRejected."""
    version, model = wishes.text("tpm_version"), wishes.text("tpm_model")
    if version is None:
        if model is not None:
            raise BuildAborted("A TPM model needs hw:tpm_version or hw_tpm_version.")
        return None
    model = model or "tpm-tis"
    if (version, model) == ("1.2", "tpm-crb"):
        raise BuildAborted("A TPM of version 1.2 has no interface tpm-crb.")
    if not options.swtpm_enabled or host.virt_type not in QEMU:
        raise HostRejected("This host does not give guests a TPM (swtpm_enabled in [libvirt]).")
    if not host.domains.offers("tpm", "model", model):
        raise HostRejected(f"This host has no TPM interface {model}.")
    if place.tpm_secret is None:
        raise HostRejected("The secret of the guest's TPM is not on this host.")
    return Tpm(model=model, version=version, secret=place.tpm_secret)


def assemble_memballoon(host: Host, options: Libvirt) -> MemBalloon | None:
    """Return the balloon, with figures each so many seconds."""
    if host.virt_type not in QEMU:
        return None
    period = options.mem_stats_period_seconds
    return MemBalloon(period=period if period > 0 else None)


def assemble_controllers(
    wishes: Wishes, host: Host, options: Libvirt, machine: str | None, disks: tuple[Disk, ...]
) -> tuple[Controller, ...]:
    """Return the buses that must be said: SCSI's model, USB on ARM, PCI Express ports to plug into."""
    if host.virt_type not in QEMU:
        return ()
    found = []
    if any(disk.bus == "scsi" for disk in disks):
        found.append(Controller(type="scsi", index=0, model=wishes.text("scsi_model") or "virtio-scsi"))
    if host.domains.arch in ARM:
        found.append(Controller(type="usb", index=0, model="qemu-xhci"))
    if options.num_pcie_ports and (is_q35(machine) or host.domains.arch in ARM):
        found.append(Controller(type="pci", index=0, model="pcie-root"))
        found.extend(Controller(type="pci", model="pcie-root-port") for _ in range(options.num_pcie_ports))
    return tuple(found)


def assemble_sound(wishes: Wishes, host: Host) -> Sound | None:
    """Return the sound card, or None."""
    model = wishes.text("sound")
    if model is None or host.virt_type not in QEMU:
        return None
    if model in {"pcspk", "sb16"} and host.domains.arch not in X86:
        raise BuildAborted(f"Only PCs have the sound card {model}.")
    return Sound(model=model)


def assemble_memory_backing(wishes: Wishes, host: Host, options: Libvirt) -> MemoryBacking | None:
    """Return what the memory is made of, or None for plain memory. Raises BuildAborted."""
    if host.virt_type not in QEMU:
        return None
    locked = wishes.truth("locked_memory") or False
    if options.file_backed_memory:
        if locked:
            raise BuildAborted("Memory kept in files cannot be locked.")
        return MemoryBacking(
            source_type="file", access_mode="shared", allocation_mode="immediate", discard=True
        )
    return MemoryBacking(locked=True) if locked else None
