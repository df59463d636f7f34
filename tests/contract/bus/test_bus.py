"""The same cases on the bus within a process and on the one over a real broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, ClassVar, Protocol

import pytest

from compute_service.bus.local import LocalBus
from compute_service.config.settings import settings_of
from compute_service.domain import request_id
from compute_service.domain.errors import (
    ComputeError,
    InvalidState,
    NotFound,
    NotSupported,
    NoValidHost,
    Timeout,
    Unavailable,
)
from compute_service.domain.flow import StepKey, StepPhase
from compute_service.domain.record import Record
from compute_service.domain.states import PowerState
from compute_service.ports.bus import Bus


class Thing(Record):
    """A record with what records have."""

    name: str
    power: PowerState = PowerState.RUNNING
    at: datetime | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    more: dict[str, Any] = {}


class Speech(Protocol):
    """A topic of this test."""

    VERSION: ClassVar[int] = 1

    def echo(self, thing: Thing, keys: tuple[StepKey, ...] = ()) -> Thing: ...
    def count(self, number: int, by: int = 2) -> int: ...
    def maybe(self, name: str | None) -> Thing | None: ...
    def who(self) -> str: ...
    def fail(self, how: str) -> int: ...
    def sleep(self, seconds: float) -> bool: ...
    def request(self) -> str | None: ...
    def tell(self, word: str) -> None: ...


class Later(Speech, Protocol):
    """The same topic of the next release."""

    VERSION: ClassVar[int] = 2
    SINCE: ClassVar[dict[str, int]] = {"sing": 2}

    def sing(self, song: str) -> str: ...
    def count(self, number: int, by: int = 2, times: int = 1) -> int: ...


class Speaker:
    """Answers the topic."""

    def __init__(self, name: str = "speaker") -> None:
        self.name = name
        self.heard: list[str] = []
        self.begun = threading.Event()

    def echo(self, thing: Thing, keys: tuple[StepKey, ...]) -> Thing:
        assert isinstance(thing, Thing)
        assert all(isinstance(key, StepKey) for key in keys)
        return thing.replace(more=thing.more | {"keys": len(keys)})

    def count(self, number: int, by: int) -> int:
        return number + by

    def maybe(self, name: str | None) -> Thing | None:
        return None if name is None else Thing(name=name)

    def who(self) -> str:
        return self.name

    def fail(self, how: str) -> int:
        if how == "state":
            raise InvalidState("u-1", "stop", "vm_state", "paused")
        if how == "hosts":
            raise NoValidHost("none", {"ComputeFilter": 3})
        if how == "crash":
            raise KeyError("secret")
        raise NotFound(how)

    def sleep(self, seconds: float) -> bool:
        self.begun.set()
        time.sleep(seconds)
        self.heard.append("slept")
        return True

    def request(self) -> str | None:
        return request_id.current()

    def tell(self, word: str) -> None:
        if word == "wait":
            self.begun.set()
            time.sleep(0.3)
        self.heard.append(f"{word}/{request_id.current()}")


@pytest.fixture(params=["local", pytest.param("rabbit", marks=pytest.mark.integration)])
def bus(request: pytest.FixtureRequest) -> Iterator[Bus]:
    made: Any
    if request.param == "local":
        made = LocalBus(timeout=10)
    else:
        from compute_service.bus.oslo import OsloBus

        settings = settings_of({"DEFAULT": {"rpc_response_timeout": 10}})
        made = OsloBus(settings, request.getfixturevalue("rabbitmq").url())
    yield made
    made.close()


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    """A topic of the test's own, so that tests do not hear each other over one broker."""
    return f"t{abs(hash(request.node.name)) % 10**8}"


def eventually(check: Callable[[], bool], seconds: float = 5) -> bool:
    """Wait until `check` holds."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_records_arrive_as_they_were_sent(bus: Bus, topic: str) -> None:
    bus.serve(Speech, topic, "one", Speaker())
    thing = Thing(
        name="ü",
        power=PowerState.PAUSED,
        at=datetime(2026, 1, 2, 3, 4, 5, 678),
        pairs=(("a", "b"),),
        more={"n": [1, None, 2.5], "deep": {"x": True}},
    )
    key = StepKey(database="d", flow_id="f", seq=1, phase=StepPhase.DO)
    answer = bus.client(Speech, topic, "one").echo(thing, (key, key))
    assert answer == thing.replace(more=thing.more | {"keys": 2})


def test_arguments_may_be_named_or_left_to_their_defaults(bus: Bus, topic: str) -> None:
    bus.serve(Speech, topic, "one", Speaker())
    client = bus.client(Speech, topic)
    assert client.count(3) == 5
    assert client.count(number=3, by=4) == 7
    assert client.maybe(None) is None
    assert client.maybe("x") == Thing(name="x")
    with pytest.raises(TypeError):
        client.count()


def test_errors_come_back_as_they_were_raised(bus: Bus, topic: str) -> None:
    bus.serve(Speech, topic, "one", Speaker())
    client = bus.client(Speech, topic)
    with pytest.raises(NotFound, match=r"^gone$"):
        client.fail("gone")
    with pytest.raises(InvalidState, match="Cannot 'stop' instance u-1 while it is in vm_state paused"):
        client.fail("state")
    with pytest.raises(NoValidHost) as raised:
        client.fail("hosts")
    assert raised.value.reasons == {"ComputeFilter": 3}
    with pytest.raises(ComputeError, match="KeyError") as crashed:
        client.fail("crash")
    assert type(crashed.value) is ComputeError


def test_a_server_name_reaches_that_server_only(bus: Bus, topic: str) -> None:
    for name in ("one", "two"):
        bus.serve(Speech, topic, name, Speaker(name))
    assert {bus.client(Speech, topic, "two").who() for _ in range(4)} == {"two"}
    assert {bus.client(Speech, topic, "one").who() for _ in range(4)} == {"one"}


def test_a_topic_is_answered_by_its_servers_in_turn(bus: Bus, topic: str) -> None:
    for name in ("one", "two"):
        bus.serve(Speech, topic, name, Speaker(name))
    assert {bus.client(Speech, topic).who() for _ in range(10)} == {"one", "two"}


def test_a_cast_arrives_without_anyone_waiting(bus: Bus, topic: str) -> None:
    speaker = Speaker()
    bus.serve(Speech, topic, "one", speaker)
    started = time.monotonic()
    bus.client(Speech, topic, "one").tell("wait")
    assert time.monotonic() - started < 0.25
    assert eventually(lambda: speaker.heard == ["wait/None"])


def test_a_cast_to_nobody_is_lost_quietly(bus: Bus, topic: str) -> None:
    bus.client(Speech, topic, "nobody").tell("x")


def test_the_request_id_travels_with_calls_and_casts(bus: Bus, topic: str) -> None:
    speaker = Speaker()
    bus.serve(Speech, topic, "one", speaker)
    client = bus.client(Speech, topic)
    with request_id.bound("req-7"):
        assert client.request() == "req-7"
        client.tell("x")
    assert client.request() is None
    assert eventually(lambda: speaker.heard == ["x/req-7"])


def test_a_call_that_takes_too_long_times_out(bus: Bus, topic: str) -> None:
    bus.serve(Speech, topic, "one", Speaker())
    started = time.monotonic()
    with pytest.raises(Timeout, match=f"no answer to 'sleep' from {topic} in 0.3 seconds"):
        bus.client(Speech, topic, timeout=0.3).sleep(1)
    assert time.monotonic() - started < 0.9


def test_a_call_to_nobody_times_out(bus: Bus, topic: str) -> None:
    with pytest.raises(Timeout):
        bus.client(Speech, topic, "nobody", timeout=0.5).who()


def test_calls_run_side_by_side(bus: Bus, topic: str) -> None:
    bus.serve(Speech, topic, "one", Speaker(), threads=4)
    client = bus.client(Speech, topic)
    answers: list[bool] = []
    callers = [threading.Thread(target=lambda: answers.append(client.sleep(0.4))) for _ in range(4)]
    started = time.monotonic()
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert answers == [True] * 4
    assert time.monotonic() - started < 1.4


def test_stopping_finishes_what_was_begun(bus: Bus, topic: str) -> None:
    speaker = Speaker()
    serving = bus.serve(Speech, topic, "one", speaker)
    bus.client(Speech, topic, "one").tell("wait")
    assert speaker.begun.wait(5)
    assert serving.stop(5)
    assert speaker.heard == ["wait/None"]
    with pytest.raises(Unavailable):
        bus.client(Speech, topic, "one", timeout=0.5).who()


def test_stopping_says_when_work_did_not_finish_in_time(bus: Bus, topic: str) -> None:
    speaker = Speaker()
    serving = bus.serve(Speech, topic, "one", speaker)
    sleeper = threading.Thread(target=lambda: bus.client(Speech, topic).sleep(2), daemon=True)
    sleeper.start()
    assert speaker.begun.wait(5)
    assert not serving.stop(0.2)
    sleeper.join(5)


def test_an_older_sender_and_a_newer_one_are_understood(bus: Bus, topic: str) -> None:
    bus.serve(Speech, topic, "one", Speaker())
    # The newer one sends an argument that this side does not know.
    assert bus.client(Later, topic).count(1, by=1, times=5) == 2


def test_a_verb_of_a_later_version_is_refused_with_reason(bus: Bus, topic: str) -> None:
    bus.serve(Speech, topic, "one", Speaker())
    with pytest.raises(NotSupported, match=rf"'sing' needs version 2 of the topic '{topic}'.* speaks 1"):
        bus.client(Later, topic).sing("la")
