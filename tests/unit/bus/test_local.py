from __future__ import annotations

import threading
from typing import ClassVar, Protocol

import pytest

from compute_service.bus.dispatch import Dispatcher
from compute_service.bus.local import Delivery, LocalBus
from compute_service.domain.errors import Unavailable
from compute_service.domain.protocol import ComputeAgent, Conductor, Scheduler


class Speech(Protocol):
    """A topic of this test."""

    VERSION: ClassVar[int] = 1

    def who(self) -> str: ...
    def tell(self, word: str) -> None: ...


class Speaker:
    """Answers the topic, and holds on while its gate is closed."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.gate = threading.Event()
        self.gate.set()

    def who(self) -> str:
        self.gate.wait(5)
        return "me"

    def tell(self, word: str) -> None:
        self.gate.wait(5)
        self.heard.append(word)


def test_steps_are_the_callers_to_run_repeat_or_forget() -> None:
    steps: list[Delivery] = []
    bus, speaker = LocalBus(step=steps.append), Speaker()
    bus.serve(Speech, "t", "one", speaker)
    client = bus.client(Speech, "t", "one")
    for word in ("a", "b", "c"):
        client.tell(word)
    assert speaker.heard == []
    assert [(s.topic, s.server, s.verb) for s in steps] == [("t", "one", "tell")] * 3
    steps[2]()
    steps[0]()
    steps[0]()
    assert speaker.heard == ["c", "a", "a"]


def test_calls_run_in_place_when_stepping() -> None:
    bus = LocalBus(step=lambda _: None)
    bus.serve(Speech, "t", "one", Speaker())
    assert bus.client(Speech, "t").who() == "me"


def test_a_full_queue_drops_casts_and_refuses_calls(caplog: pytest.LogCaptureFixture) -> None:
    bus, speaker = LocalBus(queue_length=2), Speaker()
    speaker.gate.clear()
    serving = bus.serve(Speech, "t", "one", speaker, threads=1)
    client = bus.client(Speech, "t")
    client.tell("at work")
    while bus.waiting() != 1 or serving.load != 1 or serving.queued:
        pass
    for word in ("first", "second", "dropped"):
        client.tell(word)
    assert "dropped 'tell'" in caplog.text
    with pytest.raises(Unavailable, match="too much to do for 'who'"):
        client.who()
    speaker.gate.set()
    assert serving.stop(5)
    assert speaker.heard == ["at work", "first", "second"]
    bus.close()


def test_one_thread_keeps_the_order() -> None:
    bus, speaker = LocalBus(), Speaker()
    serving = bus.serve(Speech, "t", "one", speaker, threads=1)
    words = [str(number) for number in range(200)]
    for word in words:
        bus.client(Speech, "t").tell(word)
    assert serving.stop(5)
    assert speaker.heard == words


def test_a_closed_bus_refuses_calls() -> None:
    bus = LocalBus()
    bus.serve(Speech, "t", "one", Speaker())
    bus.close()
    with pytest.raises(Unavailable):
        bus.client(Speech, "t").who()


def test_messages_are_observed() -> None:
    seen: list[tuple[str, str, str]] = []
    bus = LocalBus(observe=lambda topic, verb, outcome, _: seen.append((topic, verb, outcome)))
    bus.serve(Speech, "t", "one", Speaker())
    bus.client(Speech, "t").who()
    assert seen == [("t", "who", "ok")]


def test_an_endpoint_that_lacks_a_verb_is_refused() -> None:
    class Mute:
        def who(self) -> str:
            return "?"

    with pytest.raises(TypeError, match="Mute lacks tell of Speech"):
        Dispatcher(Speech, "t", Mute())


@pytest.mark.parametrize("protocol", [Conductor, Scheduler, ComputeAgent])
def test_every_protocol_of_the_service_can_travel(protocol: type) -> None:
    assert LocalBus().client(protocol, "t") is not None
