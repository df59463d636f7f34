"""What this host can do, in placement's standard traits."""

from __future__ import annotations

from compute_service.virt.libvirt.assemble import consoles, disks, nics
from compute_service.virt.libvirt.assemble.machine import QEMU, X86
from compute_service.virt.libvirt.capabilities import DomainCapabilities
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.storage.inspection import DRIVERS, PLAIN

X86_FEATURES = {
    **{
        name.lower(): name
        for name in (
            "ABM", "AVX", "AVX2", "AVX512BITALG", "AVX512BW", "AVX512CD", "AVX512DQ", "AVX512ER", "AVX512F",
            "AVX512IFMA", "AVX512PF", "AVX512VBMI", "AVX512VBMI2", "AVX512VL", "AVX512VNNI", "BMI2", "F16C",
            "FMA4", "MMX", "MPX", "PDPE1GB", "SGX", "SSE", "SSE2", "SSE4A", "SSSE3", "STIBP", "SVM", "TBM",
            "VMX", "XOP", "3DNOW",
        )
    },
    "aes": "AESNI",
    "amd-ssbd": "AMD_SSBD",
    "amd-no-ssb": "AMD_NO_SSB",
    "amx-bf16": "AMXBF16",
    "amx-int8": "AMXINT8",
    "amx-tile": "AMXTILE",
    "avx512-vpopcntdq": "AVX512VPOPCNTDQ",
    "bmi1": "BMI",
    "fma": "FMA3",
    "gfni": "AVX512GFNI",
    "ibpb": "AMD_IBPB",
    "md-clear": "INTEL_MD_CLEAR",
    "pcid": "INTEL_PCID",
    "pclmulqdq": "CLMUL",
    "pclmuldq": "CLMUL",
    "pni": "SSE3",
    "rtm": "TSX",
    "sha-ni": "SHA",
    "spec-ctrl": "INTEL_SPEC_CTRL",
    "ssbd": "INTEL_SSBD",
    "sse4.1": "SSE41",
    "sse4.2": "SSE42",
    "vaes": "AVX512VAES",
    "virt-ssbd": "AMD_VIRT_SSBD",
    "vpclmulqdq": "AVX512VPCLMULQDQ",
}  # fmt: skip
"""The trait HW_CPU_X86_... of a processor feature that libvirt names so."""
ALSO = {"SVM": "AMD_SVM", "VMX": "INTEL_VMX"}
"""Traits that came later for what an older one says too."""
ARCHITECTURES = {
    "aarch64": "AARCH64", "mipsel": "MIPSEL", "ppc64le": "PPC64LE", "riscv64": "RISCV64", "s390x": "S390X",
    "x86_64": "X86_64",
}  # fmt: skip
IMAGE_TYPES = frozenset({*PLAIN, *DRIVERS}) - {"qed"}
VIDEO = frozenset({"bochs", "cirrus", "gop", "none", "qxl", "vga", "virtio", "vmvga", "xen"})
SOUND = ("AC97", "ES1370", "ICH6", "ICH9", "PCSPK", "SB16", "USB", "VIRTIO")


def traits_of(parts: Parts) -> tuple[str, ...]:
    """Return the host's traits, sorted."""
    options = parts.settings.libvirt
    arch = parts.hosts.capabilities().arch
    domains = parts.hosts.domains(arch, None)
    found = {f"COMPUTE_IMAGE_TYPE_{name.upper()}" for name in IMAGE_TYPES}
    found |= _cpu(parts.hosts.features())
    found |= _devices(options.virt_type, domains)
    found |= _machine(options.virt_type, arch, domains)
    if options.file_backed_memory:
        found.add("COMPUTE_MEM_BACKING_FILE")
    return tuple(sorted(found))


def _cpu(features: frozenset[str]) -> set[str]:
    names = {X86_FEATURES[name] for name in features if name in X86_FEATURES}
    names |= {ALSO[name] for name in names if name in ALSO}
    return {f"HW_CPU_X86_{name}" for name in names}


def _devices(virt_type: str, domains: DomainCapabilities) -> set[str]:
    buses = {bus for bus in disks.BUSES.get(virt_type, ()) if domains.offers("disk", "bus", bus)}
    models = domains.devices.get("video", {}).get("modelType", frozenset()) & VIDEO
    found = {f"COMPUTE_STORAGE_BUS_{bus.upper()}" for bus in buses}
    found |= {
        f"COMPUTE_GRAPHICS_MODEL_{name.upper()}" for name in models & consoles.MODELS.get(virt_type, set())
    }
    found |= {f"COMPUTE_NET_VIF_MODEL_{_word(name)}" for name in nics.MODELS.get(virt_type, ())}
    return found


def _machine(virt_type: str, arch: str, domains: DomainCapabilities) -> set[str]:
    found = {f"COMPUTE_ARCH_{ARCHITECTURES[arch]}"} if arch in ARCHITECTURES else set()
    if virt_type == "lxc":
        return found | {"COMPUTE_STORAGE_BUS_LXC"}
    if virt_type in QEMU:
        found |= {"COMPUTE_NET_VIRTIO_PACKED", "COMPUTE_ADDRESS_SPACE_EMULATED"}
        if virt_type == "kvm":
            found.add("COMPUTE_ADDRESS_SPACE_PASSTHROUGH")
        if arch in X86:
            found |= {f"COMPUTE_SOUND_MODEL_{name}" for name in SOUND}
    if arch in X86:
        found.add("COMPUTE_FIRMWARE_BIOS")
    if "efi" in domains.firmwares:
        found |= {"COMPUTE_FIRMWARE_UEFI", "COMPUTE_SECURITY_STATELESS_FIRMWARE"}
        if domains.secure_boot:
            found.add("COMPUTE_SECURITY_UEFI_SECURE_BOOT")
    return found


def _word(name: str) -> str:
    return name.replace("-", "_").upper()
