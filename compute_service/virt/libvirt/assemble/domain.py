"""A whole guest: its specification, its host and its place put together into a domain."""

from __future__ import annotations

from compute_service.config.libvirt import Libvirt
from compute_service.config.settings import Settings
from compute_service.domain.errors import Invalid
from compute_service.domain.guest import GuestSpec
from compute_service.virt.libvirt.assemble.consoles import (
    assemble_channels,
    assemble_consoles,
    assemble_graphics,
    assemble_inputs,
    assemble_serials,
    assemble_video,
)
from compute_service.virt.libvirt.assemble.cpu import assemble_cpu, assemble_cputune
from compute_service.virt.libvirt.assemble.devices import (
    assemble_controllers,
    assemble_memballoon,
    assemble_memory_backing,
    assemble_rng,
    assemble_sound,
    assemble_tpm,
    assemble_watchdog,
)
from compute_service.virt.libvirt.assemble.disks import assemble_disks, assemble_filesystems
from compute_service.virt.libvirt.assemble.machine import (
    architecture,
    assemble_clock,
    assemble_features,
    assemble_os,
    assemble_sysinfo,
    check_kind,
    machine_type,
    os_type,
)
from compute_service.virt.libvirt.assemble.nics import assemble_interfaces
from compute_service.virt.libvirt.assemble.place import Host, Place
from compute_service.virt.libvirt.assemble.properties import Wishes
from compute_service.virt.libvirt.xml.domain import Domain
from compute_service.virt.libvirt.xml.machine import GroupRange, IdMap, IdRange
from compute_service.virt.libvirt.xml.owner import Server

KIB = 1024


def assemble(spec: GuestSpec, host: Host, place: Place, settings: Settings) -> Domain:
    """Return the domain that a guest is.

    Raises BuildAborted (what is asked for makes no sense on any host), HostRejected (this host cannot),
    Invalid (an option of this host).
    """
    options, wishes = settings.libvirt, Wishes(spec)
    arch = architecture(wishes, host.capabilities)
    machine = machine_type(wishes, options, arch) if os_type(host.virt_type) == "hvm" else None
    if host.virt_type == "xen":
        machine = None
    check_kind(host, arch, machine)
    disks = assemble_disks(place, wishes, host, options, machine)
    vcpus = spec.flavor.vcpus
    return Domain(
        type=host.virt_type,
        name=spec.name,
        uuid=spec.uuid,
        server=owner(spec, wishes),
        memory=spec.flavor.memory_mb * KIB,
        memory_backing=assemble_memory_backing(wishes, host, options),
        vcpus=vcpus,
        cputune=assemble_cputune(wishes),
        sysinfo=assemble_sysinfo(spec, host, options),
        os=assemble_os(spec, wishes, host, place, machine),
        idmap=_idmap(host, options),
        features=assemble_features(wishes, host, machine),
        cpu=assemble_cpu(vcpus, wishes, host, options),
        clock=assemble_clock(wishes, host),
        disks=disks,
        filesystems=assemble_filesystems(place, host),
        controllers=assemble_controllers(wishes, host, options, machine, disks),
        interfaces=assemble_interfaces(spec.vifs, vcpus, wishes, host, options),
        serials=assemble_serials(wishes, host, place, settings),
        consoles=assemble_consoles(host),
        channels=assemble_channels(wishes, host, settings),
        inputs=assemble_inputs(wishes, host, settings),
        tpm=assemble_tpm(wishes, host, place, options),
        graphics=assemble_graphics(host, settings),
        sound=assemble_sound(wishes, host),
        video=assemble_video(wishes, host, settings),
        watchdog=assemble_watchdog(wishes, host),
        memballoon=assemble_memballoon(host, options),
        rng=assemble_rng(wishes, host),
    )


def owner(spec: GuestSpec, wishes: Wishes) -> Server:
    """Return what the definition says of the server."""
    flavor = spec.flavor
    windows = wishes.text("os_type") == "windows"
    return Server(
        name=_printable(spec.display_name),
        flavor=_printable(flavor.name),
        vcpus=flavor.vcpus,
        memory_mb=flavor.memory_mb,
        disk_gb=flavor.disk_gb,
        project_id=spec.project_id,
        user_id=spec.user_id,
        image_id=spec.image.id if spec.image is not None else None,
        config_drive=spec.config_drive or None,
        admin_user=wishes.text("admin_user") or ("Administrator" if windows else None),
    )


def _printable(text: str) -> str:
    """Return the text without what an XML document cannot hold."""
    return "".join(c if c.isprintable() else "?" for c in text).strip()


def _idmap(host: Host, options: Libvirt) -> IdMap | None:
    if host.virt_type != "lxc" or not (options.uid_maps or options.gid_maps):
        return None
    users = [IdRange(**_range(each, "uid_maps")) for each in options.uid_maps]
    groups = [GroupRange(**_range(each, "gid_maps")) for each in options.gid_maps]
    return IdMap(users=tuple(users), groups=tuple(groups))


def _range(text: str, option: str) -> dict[str, int]:
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        raise Invalid(f"The option {option} in [libvirt] has {text!r}; it takes guest:host:count.")
    start, target, count = (int(part) for part in parts)
    return {"start": start, "target": target, "count": count}
