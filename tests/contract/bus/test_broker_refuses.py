"""What a daemon does while the broker refuses its password, with a broker of this test's own."""

from __future__ import annotations

import logging
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


class Speaker:
    """Answers the topic."""

    def who(self) -> str:
        return "me"


@pytest.fixture
def strict() -> Iterator[RabbitMq]:
    """A broker whose password the test may change."""
    with broker() as running:
        yield running


def answer_of(client: Speech, within: float) -> str:
    """Return the answer, asked for again until it comes."""
    deadline = time.monotonic() + within
    while True:
        try:
            return client.who()
        except ComputeError:
            if time.monotonic() > deadline:
                raise


def test_serving_begins_once_the_broker_knows_the_password(strict: RabbitMq) -> None:
    strict.set_password("not known to the daemon")
    bus = OsloBus(settings_of({"DEFAULT": {"rpc_response_timeout": 1}}), strict.url())
    serving = bus.serve(Speech, "early", "one", Speaker())
    assert not serving.ready.is_set()
    with pytest.raises(RuntimeError, match=r"no queue for early\.one"):
        bus.check()
    strict.set_password(strict.password)
    assert serving.ready.wait(40)
    assert answer_of(bus.client(Speech, "early", "one", timeout=5), 20) == "me"
    bus.close()


def test_a_refused_daemon_neither_spins_nor_fills_its_log_and_goes_on_when_it_is_let_in(
    strict: RabbitMq, caplog: pytest.LogCaptureFixture
) -> None:
    bus = OsloBus(settings_of({}), strict.url())
    bus.serve(Speech, "refused", "one", Speaker())
    client = bus.client(Speech, "refused", "one", timeout=5)
    assert client.who() == "me"

    strict.set_password("not known to the daemon")
    with pytest.raises(Unavailable, match="ACCESS_REFUSED"):
        client.who()
    caplog.clear()
    spent = time.process_time()
    with caplog.at_level(logging.INFO):
        time.sleep(6)
    assert time.process_time() - spent < 1.0
    told = "".join(f"{record.getMessage()}{record.exc_text or ''}\n" for record in caplog.records)
    assert "ACCESS_REFUSED" in told
    assert told.count("\n") < 150

    strict.set_password(strict.password)
    assert answer_of(client, 40) == "me"
    bus.close()
