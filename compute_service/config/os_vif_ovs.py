"""[os_vif_ovs]: Open vSwitch ports."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class OsVifOvs(Section):
    """Options of the section [os_vif_ovs]."""

    isolate_vif: bool = opt(False, "Whether a port stays cut off until the network service has wired it.")
    network_device_mtu: int = opt(1500, "The MTU of ports whose network does not tell one.", min=0)
    ovs_vsctl_timeout: int = opt(120, "Seconds a change of the switch may take.", min=0)
    ovsdb_connection: str = opt("tcp:127.0.0.1:6640", "The switch's database.")
    ovsdb_interface: str = opt("native", "How that database is reached.", choices=("vsctl", "native"))
    per_port_bridge: bool = opt(False, "Whether each port has a bridge of its own.")
    default_qos_type: str = opt(
        "linux-noop",
        "The queueing of ports.",
        choices=("linux-htb", "linux-hfsc", "linux-sfq", "linux-codel", "linux-fq_codel", "linux-noop"),
    )
