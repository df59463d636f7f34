"""Whose request it is, and what becomes of one that is nobody's."""

from __future__ import annotations

from typing import Any

import pytest

from compute_service.clients.neutron_rows import NetworkRow, SubnetRow
from compute_service.config.settings import settings_of
from compute_service.domain.instance import Instance
from compute_service.domain.vif import NetworkRequest, RequestedNetworks
from compute_service.metadata.signature import sign
from compute_service.ports.network import NetworkPlan
from tests.fixtures.stores import WEST
from tests.unit.metadata.conftest import SECRET, Site, signed

META = "/openstack/latest/meta_data.json"


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


def test_a_signature_is_that_of_the_networks_proxy() -> None:
    assert sign("key", "The quick brown fox jumps over the lazy dog") == (
        "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    )


def test_a_server_is_found_in_any_cell(site: Site) -> None:
    for server in (site.add(), site.add(WEST)):
        assert site.ask(server, META).status == 200


@pytest.mark.parametrize("missing", ["X-Instance-ID", "X-Tenant-ID"])
def test_a_header_that_is_missing_or_doubled_is_a_bad_request(
    site: Site, server: Instance, missing: str
) -> None:
    headers = signed(server.uuid, server.project_id)
    assert site.call(META, without(headers, missing)).status == 400
    assert site.call(META, headers | {missing: ""}).status == 400
    doubled = site.call(META, headers | {missing: f"{headers[missing]},{headers[missing]}"})
    assert doubled.status == 400
    assert f"Multiple {missing}" in doubled.text


@pytest.mark.parametrize(
    "headers",
    [
        lambda s: signed(s.uuid, s.project_id, "other secret"),
        lambda s: without(signed(s.uuid, s.project_id), "X-Instance-ID-Signature"),
        lambda s: signed(s.uuid, s.project_id) | {"X-Instance-ID-Signature": "\u00e4"},
        lambda s: signed(s.uuid, s.project_id) | {"X-Instance-ID": "11111111-1111-4111-8111-111111111111"},
    ],
)
def test_a_request_that_the_proxy_did_not_sign_is_forbidden(
    site: Site, server: Instance, headers: Any
) -> None:
    answer = site.call(META, headers(server))
    assert answer.status == 403
    assert server.display_name not in answer.text


def test_a_server_that_is_not_there_or_of_another_project_is_not_found(site: Site, server: Instance) -> None:
    assert site.call(META, signed("no-such-server", "project")).status == 404
    for _ in range(2):
        assert site.call(META, signed(server.uuid, "another")).status == 404
        assert site.ask(server, META).status == 200


def test_a_deleted_server_is_not_found(site: Site, server: Instance) -> None:
    from compute_service.store.instances import instance_delete, instance_get
    from tests.fixtures.stores import EAST, EPOCH

    with site.store.database(EAST).write() as tx:
        seen = instance_get(tx, server.uuid)
        assert seen is not None
        instance_delete(tx, seen, EPOCH)
    assert site.ask(server, META).status == 404


# Without the headers of a server


def attached(site: Site, server: Instance, provider: str | None = None) -> str:
    """Give a server a port, on a network that a provider serves; return its address."""
    network = site.network.plane.create_network(NetworkRow(project_id=server.project_id, name="n")).id
    served = () if provider is None else (provider,)
    site.network.plane.create_subnet(
        SubnetRow(
            project_id=server.project_id,
            network_id=network,
            cidr="10.1.0.0/24",
            advanced_service_providers=served,
        )
    )
    requested = RequestedNetworks(mode="list", networks=(NetworkRequest(network_id=network),))
    plan = NetworkPlan(requested=requested)
    [vif] = site.network.allocate(server.project_id, server.uuid, "h", None, plan, "host")
    return vif.fixed_ips[0].address


def provided(address: str, provider: str = "nsx") -> dict[str, str]:
    return {
        "X-Metadata-Provider": provider,
        "X-Metadata-Provider-Signature": sign(SECRET, provider),
        "X-Forwarded-For": address,
    }


def test_a_provider_tells_the_address_on_its_networks(site: Site, server: Instance) -> None:
    other = site.add()
    address = attached(site, server, "nsx")
    assert attached(site, other) == address
    answer = site.call(META, provided(address))
    assert answer.status == 200
    assert server.uuid in answer.text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"X-Forwarded-For": "10.1.0.77"}, 404),
        ({"X-Forwarded-For": ""}, 400),
        ({"X-Forwarded-For": "nowhere"}, 400),
        ({"X-Metadata-Provider": "other", "X-Metadata-Provider-Signature": sign(SECRET, "other")}, 404),
        ({"X-Metadata-Provider": "a,b"}, 400),
        ({"X-Metadata-Provider-Signature": "0"}, 403),
    ],
)
def test_a_provider_that_is_wrong_is_refused(
    site: Site, server: Instance, change: dict[str, str], status: int
) -> None:
    assert site.call(META, provided(attached(site, server, "nsx")) | change).status == status


def test_without_a_proxy_the_address_of_the_connection_decides(site: Site, server: Instance) -> None:
    site.start(settings_of({}))
    address = attached(site, server)
    answer = site.call(META, {}, REMOTE_ADDR=address)
    assert answer.status == 200
    assert server.uuid in answer.text
    stranger = site.add()
    spoofed = signed(stranger.uuid, stranger.project_id)
    assert server.uuid in site.call(META, spoofed, REMOTE_ADDR=address).text
    assert site.call(META, {"X-Forwarded-For": address}, REMOTE_ADDR="10.1.0.99").status == 404
    assert site.call(META, {}, REMOTE_ADDR="").status == 400


def test_a_forwarded_address_is_believed_where_it_may_be(site: Site, server: Instance) -> None:
    site.start(settings_of({"api": {"use_forwarded_for": True}}))
    address = attached(site, server)
    answer = site.call(META, {"X-Forwarded-For": f"{address}, 192.0.2.1"}, REMOTE_ADDR="192.0.2.2")
    assert answer.status == 200
    assert site.call(META, {}, REMOTE_ADDR=address).status == 200


def test_an_address_that_two_servers_have_tells_neither(site: Site, server: Instance) -> None:
    site.start(settings_of({}))
    address = attached(site, server)
    assert attached(site, site.add()) == address
    assert site.call(META, {}, REMOTE_ADDR=address).status == 400
