"""The outside services over HTTP, each as its section of nova.conf says."""

from __future__ import annotations

from compute_service.clients.glance import GlanceImages
from compute_service.clients.http import reach_of
from compute_service.clients.keystone import KeystoneIdentity
from compute_service.clients.neutron import NeutronNetwork
from compute_service.clients.neutron_http import HttpNetworkApi
from compute_service.clients.placement import PlacementClient
from compute_service.cmd.wiring import Outside
from compute_service.config.settings import Settings
from compute_service.ports.identity import Identity
from compute_service.ports.images import Images
from compute_service.ports.network import Network
from compute_service.ports.placement import Placement


def outside_of(settings: Settings) -> Outside:
    """Return clients of all outside services. Raises Unavailable when there is no way to sign in to one."""
    return Outside(
        identity=identity_service(settings),
        images=image_service(settings),
        network=network_service(settings),
        placement=placement_service(settings),
    )


def identity_service(settings: Settings) -> Identity:
    """Return the client of [keystone]."""
    return KeystoneIdentity(reach_of(settings, "keystone"))


def image_service(settings: Settings) -> Images:
    """Return the client of [glance]."""
    options = settings.glance
    addresses = options.api_servers or ()
    return GlanceImages(reach_of(settings, "glance", retries=options.num_retries, addresses=addresses))


def network_service(settings: Settings) -> Network:
    """Return the client of [neutron]."""
    options = settings.neutron
    reach = reach_of(settings, "neutron", retries=options.http_retries)
    return NeutronNetwork(HttpNetworkApi(reach, options.extension_sync_interval))


def placement_service(settings: Settings) -> Placement:
    """Return the client of [placement]."""
    return PlacementClient(reach_of(settings, "placement"))
