"""What a daemon sees when its broker goes away, with a broker of this test's own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import ClassVar, Protocol

import pytest

from compute_service.bus.oslo import OsloBus
from compute_service.config.settings import settings_of
from compute_service.domain.errors import ComputeError, Unavailable
from proving.infrastructure.rabbitmq import RabbitMq
from tests.fixtures.rabbitmq import WITH_A_BROKER, broker

pytestmark = WITH_A_BROKER


class Speech(Protocol):
    """A topic of this test."""

    VERSION: ClassVar[int] = 1

    def who(self) -> str: ...
    def tell(self, word: str) -> None: ...


class Speaker:
    """Answers the topic."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def who(self) -> str:
        return "me"

    def tell(self, word: str) -> None:
        self.heard.append(word)


@pytest.fixture
def mortal() -> Iterator[RabbitMq]:
    """A broker that the test may stop."""
    with broker() as running:
        yield running


def test_quorum_queues_carry_calls(mortal: RabbitMq) -> None:
    settings = settings_of({"oslo_messaging_rabbit": {"rabbit_quorum_queue": True}})
    bus = OsloBus(settings, mortal.url())
    bus.serve(Speech, "quorum", "one", Speaker())
    assert bus.client(Speech, "quorum", "one", timeout=10).who() == "me"
    bus.close()


def test_an_outage_holds_nobody_up_and_heals_by_itself(mortal: RabbitMq) -> None:
    bus = OsloBus(settings_of({"DEFAULT": {"rpc_response_timeout": 10}}), mortal.url())
    speaker = Speaker()
    bus.serve(Speech, "outage", "one", speaker)
    client = bus.client(Speech, "outage", "one", timeout=2)
    assert client.who() == "me"

    mortal.kill()
    for _ in range(2):
        started = time.monotonic()
        with pytest.raises(Unavailable):
            client.who()
        assert time.monotonic() - started < 2.5
    started = time.monotonic()
    client.tell("lost, perhaps")
    assert time.monotonic() - started < 0.2

    mortal.start()
    mortal.ready()
    answer, deadline = "", time.monotonic() + 40
    while not answer and time.monotonic() < deadline:
        try:
            answer = client.who()
        except Unavailable:
            continue
    assert answer == "me"
    bus.close()


def test_serving_begins_when_the_broker_comes_late(mortal: RabbitMq) -> None:
    mortal.kill()
    bus = OsloBus(settings_of({"DEFAULT": {"rpc_response_timeout": 1}}), mortal.url())
    started = time.monotonic()
    serving = bus.serve(Speech, "late", "one", Speaker())
    assert time.monotonic() - started < 2
    assert not serving.ready.is_set()
    mortal.start()
    mortal.ready()
    assert serving.ready.wait(40)
    assert bus.client(Speech, "late", "one", timeout=10).who() == "me"
    bus.close()


def test_a_broker_that_cannot_answer_is_refused() -> None:
    with pytest.raises(ComputeError, match="cannot talk over 'kafka'"):
        OsloBus(settings_of({}), "kafka://127.0.0.1:9092/")
