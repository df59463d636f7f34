"""[neutron]: the network service."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.keystoneauth import Client
from compute_service.config.option import opt


@dataclass(frozen=True, kw_only=True)
class Neutron(Client):
    """Options of the section [neutron]."""

    service_type: str | None = opt("network", "The type under which the catalog lists the service.")
    ovs_bridge: str = opt("br-int", "The Open vSwitch bridge of ports that do not name theirs.")
    default_floating_pool: str = opt("nova", "The network of floating addresses when none is named.")
    extension_sync_interval: int = opt(
        600, "Seconds for which the list of the service's extensions is believed.", min=0
    )
    http_retries: int = opt(3, "How often a failed call is tried again.", min=0)
    physnets: tuple[str, ...] = opt((), "Physical networks whose NUMA affinity is configured.")
    service_metadata_proxy: bool = opt(
        False, "Whether metadata requests come through the network service's proxy and are signed by it."
    )
    metadata_proxy_shared_secret: str = opt(
        "", "The secret that signs the proxy's metadata requests.", secret=True
    )
