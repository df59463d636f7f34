"""What images and flavors may ask of a guest, as one table.

A property of an image and the flavor's extra spec for the same thing meet by a rule: `image` or `flavor`
(whose word counts where both speak), `agree` (they must say the same), `most` (the flavor sets the limit that
the image may use up to). A value that a key does not take ends the build.
Source: Image service guide, "Useful image properties"; Compute documentation, "Extra Specs".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from compute_service.domain.errors import BuildAborted
from compute_service.domain.guest import GuestSpec

Takes = tuple[str, ...] | Literal["truth", "number", "text"]
Rule = Literal["image", "flavor", "agree", "most"]
T = TypeVar("T", str, int, bool)

TRUTHS: Final = frozenset({"1", "t", "true", "on", "y", "yes"})
LIES: Final = frozenset({"0", "f", "false", "off", "n", "no"})


@dataclass(frozen=True)
class Property:
    """One thing to ask for: the image's property, the flavor's extra spec, and the values both take."""

    name: str
    image: str | None
    flavor: str | None
    takes: Takes
    about: str
    rule: Rule = "agree"


_BUSES = ("virtio", "scsi", "ide", "sata", "usb", "fdc", "xen")

PROPERTIES: Final[tuple[Property, ...]] = (
    Property("architecture", "hw_architecture", None, "text", "The architecture; the host's where not said."),
    Property("machine_type", "hw_machine_type", None, "text", "The machine type, such as q35."),
    Property("os_type", "os_type", None, "text", "`windows` gives Hyper-V features and a local-time clock."),
    Property("command_line", "os_command_line", None, "text", "The command line of its kernel."),
    Property("firmware", "hw_firmware_type", None, ("bios", "uefi"), "The firmware."),
    Property("stateless_firmware", "hw_firmware_stateless", None, "truth", "UEFI without kept variables."),
    Property(
        "secure_boot", "os_secure_boot", "os:secure_boot", ("required", "optional", "disabled"),
        "UEFI Secure Boot.",
    ),
    Property("boot_menu", "hw_boot_menu", "hw:boot_menu", "truth", "A menu of devices at boot.", "image"),
    Property("disk_bus", "hw_disk_bus", None, _BUSES, "The bus of disks."),
    Property("cdrom_bus", "hw_cdrom_bus", None, _BUSES, "The bus of CD-ROM drives."),
    Property(
        "scsi_model", "hw_scsi_model", None,
        ("buslogic", "ibmvscsi", "lsilogic", "lsisas1068", "lsisas1078", "virtio-scsi", "vmpvscsi"),
        "The SCSI controller; virtio-scsi where not said.",
    ),
    Property(
        "vif_model", "hw_vif_model", None,
        ("virtio", "e1000", "e1000e", "igb", "ne2k_pci", "netfront", "pcnet", "rtl8139", "spapr-vlan",
         "vmxnet3"),
        "The model of network interfaces.",
    ),
    Property(
        "multiqueue", "hw_vif_multiqueue_enabled", "hw:vif_multiqueue_enabled", "truth",
        "A queue per virtual CPU on virtio interfaces.",
    ),
    Property(
        "packed_ring", "hw_virtio_packed_ring", "hw:virtio_packed_ring", "truth",
        "Packed rings on virtio interfaces.",
    ),
    Property(
        "video_model", "hw_video_model", None,
        ("bochs", "cirrus", "gop", "none", "qxl", "vga", "virtio", "vmvga", "xen"), "The video card.",
    ),
    Property("video_ram", "hw_video_ram", "hw_video:ram_max_mb", "number", "Video memory in MB.", "most"),
    Property("pointer", "hw_pointer_model", None, ("ps2mouse", "usbtablet"), "The pointing device."),
    Property("input_bus", "hw_input_bus", None, ("usb", "virtio"), "The bus of tablet and keyboard."),
    Property(
        "serial_ports", "hw_serial_port_count", "hw:serial_port_count", "number",
        "How many serial consoles the guest has.", "most",
    ),
    Property("rng", "hw_rng_model", None, ("virtio",), "A random number device."),
    Property("rng_allowed", None, "hw_rng:allowed", "truth", "Whether images may have that."),
    Property("rng_bytes", None, "hw_rng:rate_bytes", "number", "Random bytes in each period."),
    Property("rng_period", None, "hw_rng:rate_period", "number", "That period, in milliseconds."),
    Property(
        "watchdog", "hw_watchdog_action", "hw:watchdog_action",
        ("disabled", "none", "pause", "poweroff", "reset"), "What happens when the guest hangs.", "image",
    ),
    Property("tpm_version", "hw_tpm_version", "hw:tpm_version", ("1.2", "2.0"), "A TPM of this version."),
    Property("tpm_model", "hw_tpm_model", "hw:tpm_model", ("tpm-crb", "tpm-tis"), "The TPM's interface."),
    Property("guest_agent", "hw_qemu_guest_agent", None, "truth", "A channel for the QEMU guest agent."),
    Property(
        "admin_user", "os_admin_user", None, "text",
        "Whose password is changed; root where not said, or Administrator of Windows.",
    ),
    Property(
        "rescue_device", "hw_rescue_device", None, ("cdrom", "disk", "floppy"),
        "What an image for rescue is in guests, behind their own disks, which keep their places.",
    ),
    Property("rescue_bus", "hw_rescue_bus", None, _BUSES, "The bus of that device, likewise."),
    Property("hpet", "hw_time_hpet", None, "truth", "The high precision event timer."),
    Property("pmu", "hw_pmu", "hw:pmu", "truth", "Performance counters."),
    Property(
        "hide_hypervisor", "img_hide_hypervisor_id", "hw:hide_hypervisor_id", "truth",
        "Whether the guest is not told that it runs on KVM.", "image",
    ),
    Property(
        "sound", "hw_sound_model", "hw:sound_model",
        ("ac97", "es1370", "ich6", "ich9", "pcspk", "sb16", "usb", "virtio"), "A sound card.",
    ),
    Property("locked_memory", "hw_locked_memory", "hw:locked_memory", "truth", "Memory kept from swap."),
    *(
        Property(
            f"cpu_{most}{unit}", f"hw_cpu_{most}{unit}", f"hw:cpu_{most}{unit}", "number",
            f"{'At most so many' if most else 'So many'} {unit}.", "most" if most else "flavor",
        )
        for most in ("", "max_") for unit in ("sockets", "cores", "threads")
    ),
    Property(
        "maxphysaddr_mode", "hw_maxphysaddr_mode", "hw:maxphysaddr_mode", ("emulate", "passthrough"),
        "How the width of physical addresses is set.",
    ),
    Property("maxphysaddr_bits", "hw_maxphysaddr_bits", "hw:maxphysaddr_bits", "number", "That width."),
    *(
        Property(f"quota_cpu_{name}", None, f"quota:cpu_{name}", "number", about)
        for name, about in (
            ("shares", "The guest's weight among others when processors are short."),
            ("period", "The period of the limit, in microseconds."),
            ("quota", "Processor time in each period, in microseconds."),
        )
    ),
    *(
        Property(
            f"quota_disk_{way}_{what}_sec{long}", None, f"quota:disk_{way}_{what}_sec{long}", "number",
            f"{way.capitalize()} {what} a second of each disk{about}.",
        )
        for way in ("total", "read", "write") for what in ("bytes", "iops")
        for long, about in (("", ""), ("_max", " in a burst"), ("_max_length", ": seconds a burst lasts"))
    ),
    *(
        Property(
            f"quota_vif_{way}_{what}", None, f"quota:vif_{way}_{what}", "number",
            f"{what.capitalize()} of {way} traffic, in KiB{'' if what == 'burst' else ' a second'}.",
        )
        for way in ("inbound", "outbound") for what in ("average", "peak", "burst")
    ),
)  # fmt: skip
"""Every property that assembly acts on."""

REFUSED: Final[dict[str, str]] = {
    "hw:numa_nodes": "NUMA topology",
    "hw_numa_nodes": "NUMA topology",
    "hw:mem_page_size": "a page size",
    "hw_mem_page_size": "a page size",
    "hw:mem_encryption": "encrypted memory",
    "hw_mem_encryption": "encrypted memory",
    "hw:viommu_model": "a virtual IOMMU",
    "hw_viommu_model": "a virtual IOMMU",
    "hw:pmem": "persistent memory",
    "hw:cpu_realtime": "real-time CPUs",
    "pci_passthrough:alias": "PCI devices",
}
"""Keys that ask for what this driver does not give: a guest without it would not be what was asked for."""

_NAMES = frozenset(each.name for each in PROPERTIES)


class Wishes:
    """What one server asks for, read from its image and flavor. Raises BuildAborted."""

    def __init__(self, spec: GuestSpec) -> None:
        image = spec.image.properties if spec.image is not None else {}
        specs = spec.flavor.extra_specs
        _refuse(image, specs)
        self._values: dict[str, str | int | bool] = {}
        for each in PROPERTIES:
            wanted = _meet(each, _said(each, each.image, image), _said(each, each.flavor, specs))
            if wanted is not None:
                self._values[each.name] = wanted

    def text(self, name: str) -> str | None:
        """Return a word, or None when neither image nor flavor says one."""
        return self._get(name, str)

    def number(self, name: str) -> int | None:
        """Return a number, or None."""
        return self._get(name, int)

    def truth(self, name: str) -> bool | None:
        """Return a truth, or None."""
        return self._get(name, bool)

    def _get(self, name: str, kind: type[T]) -> T | None:
        if name not in _NAMES:
            raise KeyError(name)
        found = self._values.get(name)
        return found if isinstance(found, kind) else None


def _refuse(image: dict[str, str], specs: dict[str, str]) -> None:
    for key, what in REFUSED.items():
        if key in image or key in specs:
            raise BuildAborted(f"The libvirt driver does not give guests {what} ({key}).")
    for key, value in (
        ("hw:cpu_policy", specs.get("hw:cpu_policy")),
        ("hw_cpu_policy", image.get("hw_cpu_policy")),
    ):
        if value not in {None, "shared"}:
            raise BuildAborted(f"The libvirt driver does not give guests dedicated CPUs ({key}={value}).")


def _said(each: Property, key: str | None, values: dict[str, str]) -> str | int | bool | None:
    if key is None or key not in values:
        return None
    text = str(values[key]).strip()
    if each.takes == "truth":
        if text.lower() in TRUTHS | LIES:
            return text.lower() in TRUTHS
        expected = "a boolean"
    elif each.takes == "number":
        if re.fullmatch(r"[0-9]{1,18}", text):
            return int(text)
        expected = "a whole number"
    elif each.takes == "text" or text in each.takes:
        return text
    else:
        expected = "one of " + ", ".join(each.takes)
    where = "Image property" if key == each.image else "Flavor extra spec"
    raise BuildAborted(f"{where} {key}: {text!r} is not {expected}.")


def _meet(
    each: Property, image: str | int | bool | None, flavor: str | int | bool | None
) -> str | int | bool | None:
    if image is None or flavor is None:
        alone = image if image is not None else flavor
        return None if each.name == "video_ram" and image is None else alone
    if each.rule == "agree" and image != flavor:
        raise BuildAborted(
            f"Flavor extra spec {each.flavor} ({flavor}) and image property {each.image} ({image}) differ."
        )
    if each.rule == "most" and int(image) > int(flavor):
        raise BuildAborted(
            f"Image property {each.image} ({image}) exceeds the flavor's limit {each.flavor} ({flavor})."
        )
    return flavor if each.rule == "flavor" else image
