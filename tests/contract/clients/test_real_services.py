"""The clients of images, networks and identity on services that stand somewhere.

STRATUS_REAL_SERVICES names a nova.conf whose sections say how they are reached, and STRATUS_REAL_NETWORK a
network in which ports may be made. Without them nothing is tested here, and each test says so.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from compute_service.clients.glance import GlanceImages
from compute_service.clients.http import Reach, reach_of
from compute_service.clients.keystone import KeystoneIdentity
from compute_service.clients.neutron import NeutronNetwork
from compute_service.clients.neutron_http import HttpNetworkApi
from compute_service.config.settings import Settings
from compute_service.domain.errors import Conflict, NotFound
from compute_service.domain.image import Image
from compute_service.domain.vif import NetworkRequest, RequestedNetworks
from compute_service.ports.network import NetworkPlan, PortOrder

NETWORK = "STRATUS_REAL_NETWORK"
DATA = bytes(range(256)) * 4096


def own_project(reach: Reach) -> str:
    return str(reach.session.get_project_id(reach.auth))


@pytest.fixture
def images(real: Settings) -> GlanceImages:
    return GlanceImages(reach_of(real, "glance"))


@pytest.fixture
def image(images: GlanceImages) -> Iterator[Image]:
    wanted = Image(id=str(uuid.uuid4()), name="contract", visibility="private", disk_format="raw")
    yield images.create(wanted.replace(properties={"image_type": "snapshot"}))
    images.delete(wanted.id)


def test_an_image_goes_up_comes_down_and_goes(images: GlanceImages, image: Image) -> None:
    assert images.create(image.replace(owner=None)) == image
    with pytest.raises(Conflict):
        images.download(image.id)
    images.upload(image.id, iter([DATA[:100_000], DATA[100_000:]]), "raw")
    images.upload(image.id, iter([b"not again"]), "raw")
    shown = images.show(image.id)
    assert (shown.status, shown.size, shown.properties["image_type"]) == ("active", len(DATA), "snapshot")
    assert b"".join(images.download(image.id)) == DATA
    images.delete(image.id)
    images.delete(image.id)
    with pytest.raises(NotFound):
        images.show(image.id)


def test_our_own_project_exists_and_an_invented_one_does_not(real: Settings) -> None:
    reach = reach_of(real, "keystone")
    identity = KeystoneIdentity(reach)
    assert identity.project_exists(own_project(reach)) is True
    assert identity.project_exists(uuid.uuid4().hex) is False


def test_a_servers_ports_are_made_found_moved_and_removed(real: Settings, server: str) -> None:
    network_id = os.environ.get(NETWORK)
    if network_id is None:
        pytest.skip(f"no real network: {NETWORK} names none")
    reach = reach_of(real, "neutron")
    network = NeutronNetwork(HttpNetworkApi(reach))
    entries = (NetworkRequest(network_id=network_id, tag="one"), NetworkRequest(network_id=network_id))
    plan = NetworkPlan(requested=RequestedNetworks(mode="list", networks=entries))
    try:
        vifs = network.allocate(own_project(reach), server, "contract", "nova", plan, "")
        assert [(vif.network_id, vif.tag, vif.ours) for vif in vifs] == [
            (network_id, "one", True),
            (network_id, None, True),
        ]
        assert network.allocate(own_project(reach), server, "contract", "nova", plan, "") == vifs
        assert {vif.port_id for vif in network.describe(server)} == {vif.port_id for vif in vifs}
        network.unbind(server, vifs)
    finally:
        network.release(server, ())
    assert network.describe(server) == ()


def test_a_servers_port_comes_and_goes_by_itself(real: Settings, server: str) -> None:
    network_id = os.environ.get(NETWORK)
    if network_id is None:
        pytest.skip(f"no real network: {NETWORK} names none")
    reach = reach_of(real, "neutron")
    network = NeutronNetwork(HttpNetworkApi(reach))
    order = PortOrder(
        key=str(uuid.uuid4()),
        project_id=own_project(reach),
        server=server,
        hostname="contract",
        zone="nova",
        request=NetworkRequest(network_id=network_id, tag="one"),
    )
    try:
        vif = network.attach(order, "")
        assert (vif.network_id, vif.tag, vif.ours) == (network_id, "one", True)
        assert network.attach(order, "") == vif
        network.withdraw(order)
        network.withdraw(order)
        assert network.describe(server) == ()
        again = network.attach(order, "")
        assert again.port_id != vif.port_id
        network.detach(server, again)
        network.detach(server, again)
        assert network.describe(server) == ()
    finally:
        network.release(server, ())
