"""One part of the cloud is away: what is asked meanwhile gets an answer, and nothing stays stuck."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from proving.plan import Plan
from proving.process import Missing
from proving.site import Site, site
from tests.functional.caller import Caller, Reply, wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PROMPT = 25.0
"""Seconds within which any request is answered, whatever is away."""
RECOVERY = 60.0
"""Seconds after which nothing is stuck any more."""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cloud of two hosts, and one API process: each has tokens of its own for the services around it."""
    plan = Plan(hosts=2, api_workers=1)
    try:
        with site(tmp_path_factory.mktemp("site"), plan) as made:
            yield made
    except Missing as missing:
        pytest.skip(f"THESE TESTS DID NOT RUN: {missing}")


@pytest.fixture
def demo(cloud: Site) -> Caller:
    """A user whose token the API has seen before."""
    caller = Caller(cloud.compute_url, cloud.token("demo"))
    assert caller.get("/servers").status == 200
    return caller


@contextmanager
def without(cloud: Site, name: str) -> Iterator[None]:
    """Kill a part; it is back afterwards."""
    part = cloud.infrastructure[name]
    part.stop(signal.SIGKILL)
    try:
        yield
    finally:
        part.start()
        part.ready()


def order(cloud: Site, demo: Caller, name: str) -> Reply:
    """Ask for a server; the answer has to be prompt."""
    server = {"name": name, "imageRef": cloud.image, "flavorRef": "42", "networks": "auto"}
    began = time.monotonic()
    reply = demo.post("/servers", {"server": server})
    assert time.monotonic() - began < PROMPT
    return reply


def comes_to_be_and_goes(
    cloud: Site, demo: Caller, reply: Reply, statuses: tuple[str, ...] = ("ACTIVE",)
) -> None:
    """Wait until a server that was ordered is idle in one of the statuses, and remove it without a trace."""
    assert reply.status == 202, reply
    uuid = reply.body["server"]["id"]

    def idle() -> bool:
        seen = demo.get(f"/servers/{uuid}")
        return seen.status == 200 and seen.body["server"]["OS-EXT-STS:task_state"] is None

    wait_for(idle, RECOVERY, cloud.logs)
    assert demo.server(uuid)["status"] in statuses, demo.server(uuid)
    assert demo.delete(f"/servers/{uuid}").status == 204
    demo.gone(uuid, RECOVERY)
    assert not [port for port in cloud.network.ports.values() if port.device_id == uuid]


def test_without_identity_those_known_go_on_and_others_are_put_off(cloud: Site, demo: Caller) -> None:
    comes_to_be_and_goes(cloud, demo, order(cloud, demo, "keystone"))
    unknown = Caller(cloud.compute_url, cloud.token("demo"))
    with without(cloud, "keystone"):
        began = time.monotonic()
        assert unknown.get("/servers").status == 503
        assert time.monotonic() - began < PROMPT
        assert demo.get("/servers").status == 200
        reply = order(cloud, demo, "no-keystone")
    comes_to_be_and_goes(cloud, demo, reply)
    assert unknown.get("/servers").status == 200


def test_without_images_an_order_is_refused(cloud: Site, demo: Caller) -> None:
    with without(cloud, "glance"):
        assert order(cloud, demo, "no-glance").status in (500, 503)
        assert demo.get("/servers").status == 200
    comes_to_be_and_goes(cloud, demo, order(cloud, demo, "glance"))


def test_an_order_without_placement_is_not_stuck(cloud: Site, demo: Caller) -> None:
    with without(cloud, "placement"):
        reply = order(cloud, demo, "no-placement")
        time.sleep(2)
    comes_to_be_and_goes(cloud, demo, reply, ("ACTIVE", "ERROR"))
    comes_to_be_and_goes(cloud, demo, order(cloud, demo, "placement"))


def test_an_order_without_the_broker_comes_to_be(cloud: Site, demo: Caller) -> None:
    with without(cloud, "rabbitmq"):
        reply = order(cloud, demo, "no-broker")
        time.sleep(2)
    comes_to_be_and_goes(cloud, demo, reply)


def test_an_order_that_the_database_leaves_half_way_comes_to_be(cloud: Site, demo: Caller) -> None:
    reply = order(cloud, demo, "half-way")
    with without(cloud, "mariadb"):
        assert order(cloud, demo, "no-database").status in (500, 503)
        time.sleep(2)
    comes_to_be_and_goes(cloud, demo, reply)


def test_without_the_cache_of_tokens_all_goes_on(cloud: Site, demo: Caller) -> None:
    # The last, for who missed the cache does not look for it again for minutes.
    with without(cloud, "memcached"):
        comes_to_be_and_goes(cloud, demo, order(cloud, demo, "no-memcached"))
