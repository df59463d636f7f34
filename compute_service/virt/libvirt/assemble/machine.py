"""The machine: architecture, machine type, firmware and boot, features, clock, system table."""

from __future__ import annotations

from compute_service.config.libvirt import Libvirt
from compute_service.domain.errors import BuildAborted, HostRejected
from compute_service.domain.guest import GuestSpec
from compute_service.virt.libvirt.assemble.place import Host, Place
from compute_service.virt.libvirt.assemble.properties import Wishes
from compute_service.virt.libvirt.capabilities import HostCapabilities
from compute_service.virt.libvirt.xml.machine import (
    Boot,
    Clock,
    Features,
    FirmwareFeature,
    Os,
    Sysinfo,
    SysinfoEntry,
    Timer,
)

X86 = frozenset({"x86_64", "i686"})
ARM = frozenset({"aarch64", "armv7l"})
QEMU = frozenset({"kvm", "qemu"})
"""The domain types that QEMU runs."""
MACHINES = {
    "x86_64": "pc",
    "i686": "pc",
    "aarch64": "virt",
    "armv7l": "virt",
    "ppc64": "pseries",
    "ppc64le": "pseries",
    "riscv64": "virt",
    "s390x": "s390-ccw-virtio",
}
"""The machine type where nobody chose one."""
PRODUCT = "OpenStack Compute"
"""The SMBIOS product name by which programs in guests know what cloud they run on."""
RETRIES = 8191


def os_type(virt_type: str) -> str:
    """Return libvirt's word for how guests of this type run."""
    return "exe" if virt_type == "lxc" else "hvm"


def architecture(wishes: Wishes, capabilities: HostCapabilities) -> str:
    """Return the guest's architecture."""
    return wishes.text("architecture") or capabilities.arch


def machine_type(wishes: Wishes, options: Libvirt, arch: str) -> str | None:
    """Return the machine type: the image's word, else the option's, else a plain one."""
    if asked := wishes.text("machine_type"):
        return asked
    chosen = dict(each.partition("=")[::2] for each in options.hw_machine_type or ())
    return chosen.get(arch) or MACHINES.get(arch)


def check_kind(host: Host, arch: str, machine: str | None) -> None:
    """Raise HostRejected when the host cannot run guests of this architecture and machine type."""
    kind = host.capabilities.kind(os_type(host.virt_type), arch, host.virt_type)
    if kind is None:
        raise HostRejected(f"This host does not run {host.virt_type} guests of architecture {arch}.")
    if machine and kind.machines and machine not in kind.machines:
        raise HostRejected(f"This host has no machine type {machine} for architecture {arch}.")


def is_q35(machine: str | None) -> bool:
    """Return whether the machine is a PC with PCI Express."""
    return machine is not None and (machine == "q35" or machine.startswith("pc-q35-"))


def secure_boot(wishes: Wishes, host: Host, machine: str | None) -> bool:
    """Return whether the guest gets Secure Boot. Raises BuildAborted, HostRejected."""
    asked = wishes.text("secure_boot") or "disabled"
    if asked == "disabled":
        return False
    required = asked == "required"
    if wishes.text("firmware") != "uefi":
        if required:
            raise BuildAborted("Secure Boot needs the image property hw_firmware_type=uefi.")
        return False
    if host.domains.arch in X86 and not is_q35(machine):
        if required:
            raise BuildAborted("Secure Boot needs the machine type q35.")
        return False
    if required and not host.domains.secure_boot:
        raise HostRejected("This host has no firmware with Secure Boot.")
    return host.domains.secure_boot


def assemble_os(spec: GuestSpec, wishes: Wishes, host: Host, place: Place, machine: str | None) -> Os:
    """Return firmware and boot. Raises BuildAborted, HostRejected."""
    if host.virt_type == "lxc":
        return Os(type="exe", arch=host.domains.arch, init="/sbin/init")
    uefi = wishes.text("firmware") == "uefi"
    if uefi and "efi" not in host.domains.firmwares:
        raise HostRejected("This host has no UEFI firmware.")
    if wishes.truth("stateless_firmware") and not uefi:
        raise BuildAborted("The image property hw_firmware_stateless needs hw_firmware_type=uefi.")
    root = next((disk for disk in place.disks if disk.role == "root"), None)
    boots = (Boot(dev="cdrom"), Boot(dev="hd")) if root and root.device == "cdrom" else (Boot(dev="hd"),)
    return Os(
        type="hvm",
        arch=host.domains.arch,
        machine=machine,
        firmware="efi" if uefi else None,
        firmware_features=_firmware_features(secure_boot(wishes, host, machine)) if uefi else (),
        loader_secure=True if secure_boot(wishes, host, machine) else None,
        loader_stateless=wishes.truth("stateless_firmware") or None,
        kernel=place.kernel,
        initrd=place.ramdisk,
        cmdline=_command_line(spec, wishes, place),
        boots=() if place.kernel or any(disk.boot_order for disk in place.disks) else boots,
        boot_menu=wishes.truth("boot_menu"),
        smbios_mode="sysinfo" if has_smbios(host) else None,
    )


def _firmware_features(secure: bool) -> tuple[FirmwareFeature, ...]:
    return tuple(FirmwareFeature(enabled=secure, name=name) for name in ("secure-boot", "enrolled-keys"))


def _command_line(spec: GuestSpec, wishes: Wishes, place: Place) -> str | None:
    if place.kernel is None:
        return None
    return wishes.text("command_line") or "root=/dev/vda console=tty0 console=ttyS0"


def has_smbios(host: Host) -> bool:
    """Return whether guests have a system table that can be written."""
    return host.virt_type in QEMU and host.domains.arch in X86 | ARM


def assemble_sysinfo(spec: GuestSpec, host: Host, options: Libvirt) -> Sysinfo | None:
    """Return the system table by which the guest knows its cloud and itself."""
    if not has_smbios(host):
        return None
    serial = spec.uuid if options.sysinfo_serial == "unique" else host.serial
    entries = {
        "manufacturer": "Stratus",
        "product": PRODUCT,
        "serial": serial,
        "uuid": spec.uuid,
        "family": "Virtual Machine",
    }
    return Sysinfo(system=tuple(SysinfoEntry(name=n, value=v) for n, v in entries.items() if v))


def assemble_features(wishes: Wishes, host: Host, machine: str | None) -> Features | None:
    """Return the platform's features."""
    arch = host.domains.arch
    if host.virt_type == "lxc" or arch not in X86 | ARM:
        return None
    if host.virt_type == "xen":
        return Features(acpi=True, apic=True, pae=True)
    windows = _enlightened(wishes, host) or None
    return Features(
        acpi=True,
        apic=arch in X86,
        vmcoreinfo=True,
        smm=True if arch in X86 and secure_boot(wishes, host, machine) else None,
        kvm_hidden=wishes.truth("hide_hypervisor") or None,
        pmu=wishes.truth("pmu"),
        hyperv_relaxed=windows,
        hyperv_vapic=windows,
        hyperv_spinlocks=windows,
        hyperv_spinlock_retries=RETRIES if windows else None,
        hyperv_vpindex=windows,
        hyperv_runtime=windows,
        hyperv_synic=windows,
        hyperv_stimer=windows,
    )


def _enlightened(wishes: Wishes, host: Host) -> bool:
    """Return whether the guest is told of Hyper-V interfaces, which only KVM has."""
    return host.virt_type == "kvm" and wishes.text("os_type") == "windows"


def assemble_clock(wishes: Wishes, host: Host) -> Clock:
    """Return the clock: ticks that were missed are made up for, as guests expect of real hardware."""
    windows = wishes.text("os_type") == "windows"
    if host.virt_type not in QEMU:
        return Clock(offset="utc")
    timers = [Timer(name="pit", tickpolicy="delay"), Timer(name="rtc", tickpolicy="catchup")]
    if host.domains.arch in X86:
        timers.append(Timer(name="hpet", present=wishes.truth("hpet") or False))
        if _enlightened(wishes, host):
            timers.append(Timer(name="hypervclock", present=True))
    else:
        timers = []
    return Clock(offset="localtime" if windows else "utc", timers=tuple(timers))
