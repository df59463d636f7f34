"""A `Plugger` for Open vSwitch and OVN over os-vif, and for Linux bridges over ip(8).

os-vif would start helpers with more rights; nova-compute has those itself (CAP_NET_ADMIN), so it works in
this process. Its newer releases do not know Linux bridges any more.
"""

from __future__ import annotations

import threading
from typing import Any

from compute_service.config.os_vif import tell_os_vif
from compute_service.config.os_vif_ovs import OsVifOvs
from compute_service.domain.errors import HostRejected
from compute_service.domain.vif import Vif
from compute_service.virt.libvirt.assemble.nics import bridge_of, tap_name
from compute_service.virt.libvirt.storage.run import CommandFailed, Runner

SECONDS = 60.0


class HostPlugger:
    """Plugs what this host's ports can be: `ovs`, `bridge`, and `tap`, for which nothing is to be done."""

    def __init__(self, runner: Runner, options: OsVifOvs) -> None:
        self._runner = runner
        self._options = options
        self._lock = threading.Lock()
        self._os_vif: Any = None

    def plug(self, uuid: str, name: str, vif: Vif) -> None:
        """Make what the interface needs. Raises HostRejected."""
        if vif.vif_type == "bridge":
            self._make_bridge(bridge_of(vif))
        elif vif.vif_type == "ovs":
            self._call("plug", uuid, name, vif)
        elif vif.vif_type != "tap":
            raise HostRejected(f"Port {vif.port_id} is bound as {vif.vif_type}, which this host cannot plug.")

    def unplug(self, uuid: str, name: str, vif: Vif) -> None:
        """Remove that. A bridge stays: others are on it. Raises HostRejected."""
        if vif.vif_type == "ovs":
            self._call("unplug", uuid, name, vif)

    def _make_bridge(self, bridge: str) -> None:
        """Make a bridge that is not there; the network's agent joins it to the network."""
        try:
            self._runner.run(("ip", "link", "show", "dev", bridge), SECONDS)
        except CommandFailed:
            self._runner.run(
                ("ip", "link", "add", "name", bridge, "type", "bridge", "forward_delay", "0"), SECONDS
            )
        self._runner.run(("ip", "link", "set", "dev", bridge, "up"), SECONDS)

    def _call(self, verb: str, uuid: str, name: str, vif: Vif) -> None:
        os_vif = self._loaded()
        guest = os_vif.objects.instance_info.InstanceInfo(uuid=uuid, name=name)
        try:
            getattr(os_vif, verb)(os_vif_object(os_vif.objects, vif), guest)
        except os_vif.exception.ExceptionBase as error:
            raise HostRejected(f"Port {vif.port_id} could not be {verb}ged: {error}") from error

    def _loaded(self) -> Any:
        """Return os-vif, ready. Raises HostRejected when it is not installed."""
        with self._lock:
            if self._os_vif is None:
                self._os_vif = _load(self._options)
            return self._os_vif


def _load(options: OsVifOvs) -> Any:
    try:
        import os_vif
        import os_vif.exception
        import os_vif.objects
        from vif_plug_ovs import privsep
    except ImportError as error:
        raise HostRejected(f"Ports of Open vSwitch need os-vif on this host ({error}).") from error
    os_vif.initialize()
    tell_os_vif(options)
    privsep.vif_plug.set_client_mode(False)
    return os_vif


def os_vif_object(objects: Any, vif: Vif) -> Any:
    """Return an Open vSwitch port in os-vif's terms."""
    hybrid = bool(vif.details.get("ovs_hybrid_plug"))
    integration = str(vif.details.get("bridge_name") or "br-int")
    network: dict[str, Any] = {"id": vif.network_id, "bridge": integration, "label": vif.network_label}
    if vif.mtu is not None:
        network["mtu"] = vif.mtu
    profile: dict[str, Any] = {"interface_id": str(vif.details.get("ovs_interfaceid") or vif.port_id)}
    if vif.details.get("datapath_type"):
        profile["datapath_type"] = vif.details["datapath_type"]
    kind = objects.vif.VIFBridge if hybrid else objects.vif.VIFOpenVSwitch
    return kind(
        id=vif.port_id,
        address=vif.mac,
        network=objects.network.Network(**network, subnets=objects.subnet.SubnetList(objects=[])),
        plugin="ovs",
        active=vif.active,
        has_traffic_filtering=bool(vif.details.get("port_filter")),
        vif_name=tap_name(vif),
        bridge_name=bridge_of(vif),
        port_profile=objects.vif.VIFPortProfileOpenVSwitch(**profile),
    )
