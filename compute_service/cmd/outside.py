"""The outside services over HTTP, each as its section of nova.conf says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from compute_service.clients.glance import GlanceImages
from compute_service.clients.http import Observe, Reach, reach_of, unobserved
from compute_service.clients.keystone import KeystoneIdentity
from compute_service.clients.neutron import NeutronNetwork
from compute_service.clients.neutron_http import HttpNetworkApi, network_error
from compute_service.clients.placement import PlacementClient
from compute_service.clients.relay import HttpRelay
from compute_service.cmd.metrics import Metrics
from compute_service.cmd.wiring import Outside
from compute_service.config.settings import Settings
from compute_service.ports.identity import Identity
from compute_service.ports.images import Images
from compute_service.ports.network import Network
from compute_service.ports.placement import Placement


def outside_of(settings: Settings, metrics: Metrics) -> Outside:
    """Return clients of all outside services. Raises Unavailable when there is no way to sign in to one."""
    observe = observer_of(settings, metrics)
    return Outside(
        identity=identity_service(settings, observe),
        images=image_service(settings, observe),
        network=network_service(settings, observe),
        placement=placement_service(settings, observe),
        network_api=HttpRelay(_network_reach(settings, observe), network_error),
        image_api=HttpRelay(_image_reach(settings, observe)),
    )


def observer_of(settings: Settings, metrics: Metrics) -> Observe:
    """Return what counts calls to outside services, where anybody can see that."""
    return metrics.service_call if settings.stratus.metrics_port else unobserved


def _reach(settings: Settings, name: str, observe: Observe, **more: Any) -> Reach:
    return replace(reach_of(settings, name, **more), observe=observe)


def _image_reach(settings: Settings, observe: Observe) -> Reach:
    options = settings.glance
    addresses = options.api_servers or ()
    return _reach(settings, "glance", observe, retries=options.num_retries, addresses=addresses)


def _network_reach(settings: Settings, observe: Observe) -> Reach:
    return _reach(settings, "neutron", observe, retries=settings.neutron.http_retries)


def identity_service(settings: Settings, observe: Observe = unobserved) -> Identity:
    """Return the client of [keystone]."""
    return KeystoneIdentity(_reach(settings, "keystone", observe))


def image_service(settings: Settings, observe: Observe = unobserved) -> Images:
    """Return the client of [glance]."""
    return GlanceImages(_image_reach(settings, observe))


def network_service(settings: Settings, observe: Observe = unobserved) -> Network:
    """Return the client of [neutron]."""
    reach = _network_reach(settings, observe)
    return NeutronNetwork(HttpNetworkApi(reach, settings.neutron.extension_sync_interval))


def placement_service(settings: Settings, observe: Observe = unobserved) -> Placement:
    """Return the client of [placement]."""
    return PlacementClient(_reach(settings, "placement", observe))
