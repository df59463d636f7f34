"""A guest's counters in the form of the API."""

from __future__ import annotations

from compute_service.domain.guest import Diagnostics
from compute_service.virt.libvirt.definition import defined
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.spawn import OFF

KIB_IN_MIB = 1024


def diagnostics(parts: Parts, uuid: str) -> Diagnostics:
    """Return what a guest used since it runs. Raises NotFound."""
    stats = parts.connection.stats(uuid)
    running = stats.power not in OFF
    domain = defined(parts, uuid, lasting=not running)
    disks = [disk.target for disk in domain.disks if disk.device == "disk"]
    macs = {interface.target: interface.mac for interface in domain.interfaces}
    server = domain.server
    return Diagnostics(
        state=stats.power.name.lower(),
        driver="libvirt",
        hypervisor=parts.settings.libvirt.virt_type,
        hypervisor_os="linux",
        config_drive=bool(server is not None and server.config_drive),
        num_cpus=domain.vcpus,
        num_nics=len(domain.interfaces),
        num_disks=len(disks),
        memory_maximum=domain.memory // KIB_IN_MIB,
        memory_used=(stats.memory_used_kib or 0) // KIB_IN_MIB if running else 0,
        cpu_times_ns=stats.cpu_times_ns,
        disks=tuple(disk for disk in stats.disks if disk.name in disks),
        nics=tuple(nic.replace(mac_address=macs.get(nic.name, "")) for nic in stats.nics if nic.name in macs),
    )
