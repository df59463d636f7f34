"""Notifications over a real broker, heard by the stock listener that telemetry and others are built on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest

from compute_service.bus.notify import OsloNotifier
from compute_service.cmd.allinone import AllInOne
from compute_service.config.settings import settings_of
from compute_service.domain.notices.notice import Form, Notice
from proving.infrastructure.rabbitmq import RabbitMq
from tests.fixtures.rabbitmq import broker, installed
from tests.functional.caller import Caller
from tests.functional.one_process import OneProcess
from tests.integration.notifications.ear import Ear

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not installed(), reason="RabbitMQ is not installed: apt-get install rabbitmq-server"),
    pytest.mark.timeout(180),
]


@pytest.fixture
def listen(rabbitmq: RabbitMq) -> Iterator[Callable[..., Ear]]:
    """Start listeners; all are stopped at the end of the test."""
    ears: list[Ear] = []

    def start(*topics: str) -> Ear:
        ears.append(Ear(rabbitmq.url(), *topics))
        return ears[-1]

    yield start
    for ear in ears:
        ear.stop()


@pytest.fixture
def site(rabbitmq: RabbitMq) -> Iterator[AllInOne]:
    """A site that tells what happens in both forms over the broker, on topics of this test."""
    options = {
        "oslo_messaging_notifications": {
            "driver": "messagingv2",
            "transport_url": rabbitmq.url(),
            "topics": "flat_of_test",
        },
        "notifications": {
            "notification_format": "both",
            "versioned_notifications_topics": "versioned_of_test",
            "notify_on_state_change": "vm_and_task_state",
        },
    }
    running = AllInOne.start(hosts=1, options=options)
    yield running
    assert running.stop()


@pytest.fixture
def member(site: AllInOne) -> Caller:
    """A user of the site."""
    return OneProcess(site).caller("demo")


def boot(site: AllInOne, member: Caller) -> str:
    """Order a server and wait until it is active."""
    cloud = OneProcess(site)
    body = {
        "name": "heard",
        "imageRef": cloud.image,
        "flavorRef": cloud.small_flavor,
        "networks": [{"uuid": cloud.private_network}],
    }
    made = member.call("POST", "/servers", {"server": body})
    assert made.status == 202, made.body
    uuid: str = made.body["server"]["id"]
    until(lambda: member.call("GET", f"/servers/{uuid}").body["server"]["status"] == "ACTIVE")
    return uuid


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_stock_consumer_hears_a_servers_life_in_both_forms(
    listen: Callable[..., Ear], site: AllInOne, member: Caller
) -> None:
    versioned, flat = listen("versioned_of_test"), listen("flat_of_test")
    uuid = boot(site, member)
    assert member.call("POST", f"/servers/{uuid}/action", {"os-stop": None}).status == 202
    until(lambda: member.call("GET", f"/servers/{uuid}").body["server"]["status"] == "SHUTOFF")
    assert member.call("DELETE", f"/servers/{uuid}").status == 204

    versioned.wait("instance.delete.end")
    life = [one for one in versioned.types("instance.") if one != "instance.update"]
    assert life == [
        "instance.create.start",
        "instance.create.end",
        "instance.power_off.start",
        "instance.power_off.end",
        "instance.delete.start",
        "instance.delete.end",
    ]
    priority, publisher, _, payload, metadata = versioned.wait("instance.create.end")
    data = payload["nova_object.data"]
    assert (priority, publisher) == ("INFO", f"nova-compute:{data['host']}")
    assert (data["uuid"], data["state"], data["display_name"]) == (uuid, "active", "heard")
    assert data["ip_addresses"][0]["nova_object.data"]["version"] == 4
    assert metadata["message_id"]
    assert metadata["timestamp"]
    assert metadata["context"]["request_id"] == data["request_id"]
    assert data["action_initiator_user"] == data["user_id"]

    flat.wait("compute.instance.delete.end")
    *_, payload, _ = flat.wait("compute.instance.create.end")
    assert (payload["instance_id"], payload["state"]) == (uuid, "active")
    assert payload["fixed_ips"][0]["address"] == data["ip_addresses"][0]["nova_object.data"]["address"]


def test_changes_of_state_are_heard_in_order(
    listen: Callable[..., Ear], site: AllInOne, member: Caller
) -> None:
    versioned = listen("versioned_of_test")
    uuid = boot(site, member)
    versioned.wait("instance.create.end")
    states = [
        payload["nova_object.data"]["state_update"]["nova_object.data"]
        for _, _, event_type, payload, _ in versioned.heard
        if event_type == "instance.update" and payload["nova_object.data"]["uuid"] == uuid
    ]
    assert (states[0]["old_state"], states[0]["state"]) == (None, "building")
    assert (states[-1]["old_state"], states[-1]["state"]) == ("building", "active")
    for before, after in pairwise(states):
        assert after["old_task_state"] == before["new_task_state"]


def test_what_waited_for_the_broker_is_heard_when_it_is_back() -> None:
    with broker() as mortal:
        settings = settings_of(
            {
                "oslo_messaging_notifications": {"driver": ("messagingv2",), "transport_url": mortal.url()},
                "notifications": {"notification_format": "versioned"},
            }
        )
        outcomes: list[str] = []
        notifier = OsloNotifier(settings, outcomes.append)
        ear = Ear(mortal.url(), "versioned_notifications")
        try:
            notifier.notify(_numbered(0))
            ear.wait("instance.test.0")
            mortal.kill()
            began = time.monotonic()
            for number in range(1, 6):
                notifier.notify(_numbered(number))
            assert time.monotonic() - began < 1.0, "who tells something waited for the broker"
            mortal.start()
            mortal.ready()
            ear.wait("instance.test.5", 60.0)
            assert ear.types() == [f"instance.test.{number}" for number in range(6)]
        finally:
            notifier.close()
            ear.stop()
        assert set(outcomes) == {"sent"}


def _numbered(number: int) -> Notice:
    return Notice(
        form=Form.VERSIONED, event_type=f"instance.test.{number}", publisher="nova-compute:h", payload={}
    )
