"""The image properties that the service knows, and what each may hold.

Source: Image service guide, "Useful image properties". A property that numbers its kind (`hw_numa_cpus.0`) is
listed by what comes before the number.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from compute_service.domain.errors import Invalid


def _one_of(words: str) -> Callable[[str], bool]:
    known = frozenset(words.split())
    return lambda value: value in known


_YES_OR_NO = _one_of("1 t true on y yes 0 f false off n no")


def _truth(value: str) -> bool:
    return _YES_OR_NO(value.lower())


def _number(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _text(value: str) -> bool:
    return bool(value) and value.isprintable()


_BUS = _one_of("fdc ide lxc nvme sata scsi uml usb virtio xen")
_VALUES: dict[str, Callable[[str], bool]] = {
    "hw_boot_menu": _truth,
    "hw_cdrom_bus": _BUS,
    "hw_cpu_cores": _number,
    "hw_cpu_max_cores": _number,
    "hw_cpu_max_sockets": _number,
    "hw_cpu_max_threads": _number,
    "hw_cpu_policy": _one_of("dedicated mixed shared"),
    "hw_cpu_sockets": _number,
    "hw_cpu_thread_policy": _one_of("isolate prefer require"),
    "hw_cpu_threads": _number,
    "hw_disk_bus": _BUS,
    "hw_emulation_architecture": _text,
    "hw_ephemeral_encryption": _truth,
    "hw_ephemeral_encryption_format": _one_of("luks plain"),
    "hw_firmware_stateless": _truth,
    "hw_firmware_type": _one_of("bios uefi"),
    "hw_input_bus": _one_of("usb virtio"),
    "hw_locked_memory": _truth,
    "hw_machine_type": _text,
    "hw_maxphysaddr_bits": _number,
    "hw_maxphysaddr_mode": _one_of("emulate passthrough"),
    "hw_mem_encryption": _truth,
    "hw_mem_encryption_model": _one_of("amd-sev amd-sev-es"),
    "hw_numa_nodes": _number,
    "hw_pci_numa_affinity_policy": _one_of("legacy preferred required socket"),
    "hw_pmu": _truth,
    "hw_pointer_model": _one_of("ps2mouse usbtablet"),
    "hw_qemu_guest_agent": _truth,
    "hw_rescue_bus": _BUS,
    "hw_rescue_device": _one_of("cdrom disk floppy"),
    "hw_scsi_model": _one_of("buslogic ibmvscsi lsilogic lsisas1068 lsisas1078 virtio-scsi vmpvscsi"),
    "hw_serial_port_count": _number,
    "hw_sound_model": _one_of("ac97 es1370 ich6 ich9 pcspk sb16 usb virtio"),
    "hw_time_hpet": _truth,
    "hw_tpm_model": _one_of("tpm-crb tpm-tis"),
    "hw_tpm_version": _one_of("1.2 2.0"),
    "hw_usb_model": _one_of("ehci ich9-ehci1 nec-xhci piix3-uhci qemu-xhci uhci vt82c686b-uhci"),
    "hw_video_model": _one_of("bochs cirrus gop none qxl vga virtio vmvga xen"),
    "hw_video_ram": _number,
    "hw_vif_model": _one_of(
        "e1000 e1000e igb lan9118 ne2k_pci netfront pcnet rtl8139 spapr-vlan virtio vmxnet vmxnet3"
    ),
    "hw_vif_multiqueue_enabled": _truth,
    "hw_viommu_model": _one_of("auto intel smmuv3 virtio"),
    "hw_virtio_packed_ring": _truth,
    "hw_vm_mode": _one_of("exe hvm uml xen"),
    "hw_watchdog_action": _one_of("disabled none pause poweroff reset"),
    "img_config_drive": _one_of("mandatory optional"),
    "img_hide_hypervisor_id": _truth,
    "img_hv_type": _text,
    "img_linked_clone": _truth,
    "os_require_quiesce": _truth,
    "os_secure_boot": _one_of("disabled optional required"),
    "os_shutdown_timeout": _number,
    "os_skip_agent_inject_files_at_boot": _truth,
    "os_skip_agent_inject_ssh": _truth,
    "os_type": _one_of("linux windows"),
}
_is_free_text = _one_of(
    "hw_architecture hw_cpu_realtime_mask hw_device_id hw_disk_type hw_ipxe_boot hw_mem_page_size "
    "hw_rng_model img_compression_level img_owner_id img_root_device_name img_version os_admin_user "
    "os_command_line os_distro"
)
_NUMBERED = re.compile(r"(hw_numa_cpus|hw_numa_mem)\.\d+\Z")


def is_known(name: str) -> bool:
    """Tell whether a property is one of these."""
    return name in _VALUES or _is_free_text(name) or _NUMBERED.match(name) is not None


def check_value(name: str, value: str) -> None:
    """Refuse a value that a known property cannot hold. Raises Invalid."""
    if not _VALUES.get(name, _text)(value):
        raise Invalid(f"{value!r} is no value of the image property {name}.")
