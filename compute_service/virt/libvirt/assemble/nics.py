"""The network interfaces: how each is connected to what os-vif plugged, and what card the guest sees."""

from __future__ import annotations

from compute_service.config.libvirt import Libvirt
from compute_service.domain.errors import BuildAborted, HostRejected
from compute_service.domain.vif import Vif
from compute_service.virt.libvirt.assemble.machine import QEMU
from compute_service.virt.libvirt.assemble.place import Host
from compute_service.virt.libvirt.assemble.properties import Wishes
from compute_service.virt.libvirt.xml.interface import Interface

NAME_LENGTH = 14
"""What the kernel takes of an interface's name, in the network service's convention."""
MODELS = {
    "kvm": frozenset(
        {"virtio", "e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "spapr-vlan", "vmxnet3"}
    ),
    "qemu": frozenset(
        {"virtio", "e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "spapr-vlan", "vmxnet3"}
    ),
    "xen": frozenset({"netfront", "e1000", "ne2k_pci", "pcnet", "rtl8139"}),
}
INTEGRATION_BRIDGE = "br-int"


def tap_name(vif: Vif) -> str:
    """Return the name of the interface's end on the host."""
    return f"tap{vif.port_id}"[:NAME_LENGTH]


def bridge_of(vif: Vif) -> str:
    """Return the bridge that the interface is on. Raises HostRejected for a port this host cannot plug."""
    if vif.vif_type == "bridge":
        return str(vif.details.get("bridge_name") or f"brq{vif.network_id}"[:NAME_LENGTH])
    if vif.vif_type == "ovs":
        if _hybrid(vif):
            return f"qbr{vif.port_id}"[:NAME_LENGTH]
        return str(vif.details.get("bridge_name") or INTEGRATION_BRIDGE)
    raise HostRejected(f"Port {vif.port_id} is bound as {vif.vif_type}, which this host cannot plug.")


def _hybrid(vif: Vif) -> bool:
    """Return whether a Linux bridge for the firewall stands between guest and Open vSwitch."""
    return bool(vif.details.get("ovs_hybrid_plug"))


def assemble_interfaces(
    vifs: tuple[Vif, ...], vcpus: int, wishes: Wishes, host: Host, options: Libvirt
) -> tuple[Interface, ...]:
    """Return the interfaces in their order. Raises BuildAborted, HostRejected."""
    return tuple(assemble_interface(vif, vcpus, wishes, host, options) for vif in vifs)


def assemble_interface(vif: Vif, vcpus: int, wishes: Wishes, host: Host, options: Libvirt) -> Interface:
    """Return one interface, as it is defined or attached later."""
    model = _model(wishes, host, options)
    virtio = model == "virtio" and host.virt_type in QEMU
    queues = _queues(vcpus, wishes, options) if virtio else None
    tuned = virtio and bool(options.rx_queue_size or options.tx_queue_size or queues)
    switched = vif.vif_type == "ovs" and not _hybrid(vif)
    alone = vif.vif_type == "tap"
    limits = _bandwidth(wishes)
    return Interface(
        type="ethernet" if alone else "bridge",
        mac=vif.mac,
        model=model,
        bridge=None if alone else bridge_of(vif),
        target=tap_name(vif),
        virtualport="openvswitch" if switched else None,
        interface_id=_interface_id(vif) if switched else None,
        driver="vhost" if tuned and host.virt_type == "kvm" else None,
        queues=queues,
        rx_queue_size=options.rx_queue_size if virtio else None,
        tx_queue_size=options.tx_queue_size if virtio else None,
        packed=True if virtio and wishes.truth("packed_ring") else None,
        mtu=vif.mtu if host.virt_type in QEMU else None,
        inbound_average=limits["inbound_average"],
        inbound_peak=limits["inbound_peak"],
        inbound_burst=limits["inbound_burst"],
        outbound_average=limits["outbound_average"],
        outbound_peak=limits["outbound_peak"],
        outbound_burst=limits["outbound_burst"],
    )


def _interface_id(vif: Vif) -> str:
    return str(vif.details.get("ovs_interfaceid") or vif.port_id)


def _model(wishes: Wishes, host: Host, options: Libvirt) -> str | None:
    if host.virt_type == "lxc":
        return None
    asked = wishes.text("vif_model")
    if asked is None:
        if host.virt_type == "xen":
            return "netfront"
        return "virtio" if options.use_virtio_for_bridges else None
    if asked not in MODELS.get(host.virt_type, ()):
        raise BuildAborted(f"Guests of type {host.virt_type} have no network card {asked}.")
    return asked


def _queues(vcpus: int, wishes: Wishes, options: Libvirt) -> int | None:
    if not wishes.truth("multiqueue") or vcpus == 1:
        return None
    return min(vcpus, options.max_queues or 256)


def _bandwidth(wishes: Wishes) -> dict[str, int | None]:
    limits = {
        f"{way}_{what}": wishes.number(f"quota_vif_{way}_{what}")
        for way in ("inbound", "outbound")
        for what in ("average", "peak", "burst")
    }
    for way in ("inbound", "outbound"):
        if limits[f"{way}_average"] is None and (limits[f"{way}_peak"] or limits[f"{way}_burst"]):
            raise BuildAborted(f"quota:vif_{way}_peak and _burst need quota:vif_{way}_average.")
    return limits
