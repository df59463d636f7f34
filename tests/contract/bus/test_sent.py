"""What is counted of messages that go out, over a broker of this test's own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Protocol

import pytest

from compute_service.bus.oslo import OsloBus
from compute_service.config.settings import settings_of
from compute_service.domain.errors import NotFound, Unavailable
from tests.fixtures.rabbitmq import WITH_A_BROKER, broker

pytestmark = WITH_A_BROKER


class Speech(Protocol):
    """A topic of this test."""

    VERSION: ClassVar[int] = 1

    def who(self) -> str: ...
    def fail(self) -> str: ...
    def tell(self, word: str) -> None: ...


class Speaker:
    """Answers the topic."""

    def who(self) -> str:
        return "me"

    def fail(self) -> str:
        raise NotFound("nobody")

    def tell(self, word: str) -> None:
        pass


@pytest.fixture
def mortal() -> Iterator[Any]:
    """A broker that the test may stop."""
    with broker() as running:
        yield running


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_each_message_is_counted_by_what_became_of_it(mortal: Any) -> None:
    counts: Counter[tuple[str, str, str]] = Counter()
    times: list[float] = []

    def sent(topic: str, verb: str, outcome: str, seconds: float) -> None:
        counts[topic, verb, outcome] += 1
        times.append(seconds)

    bus = OsloBus(settings_of({"DEFAULT": {"rpc_response_timeout": 10}}), mortal.url(), sent=sent)
    bus.serve(Speech, "counted", "one", Speaker())
    client = bus.client(Speech, "counted", "one", timeout=2)
    assert client.who() == "me"
    bus.check()
    with pytest.raises(NotFound):
        client.fail()
    client.tell("hello")
    until(lambda: counts["counted", "tell", "ok"] == 1)
    assert counts["counted", "who", "ok"] == 1
    assert counts["counted", "fail", "NotFound"] == 1

    mortal.kill()
    with pytest.raises(Unavailable):
        client.who()
    assert counts["counted", "who", "Timeout"] + counts["counted", "who", "Unavailable"] == 1
    client.tell("lost")
    until(lambda: counts["counted", "tell", "dropped"] == 1)
    assert all(seconds >= 0 for seconds in times)
    with pytest.raises(RuntimeError, match="'tell' to counted did not get out"):
        bus.check()

    mortal.start()
    mortal.ready()

    def well() -> bool:
        client.tell("are you there")
        try:
            bus.check()
        except RuntimeError:
            return False
        return True

    until(well)
    bus.close()
