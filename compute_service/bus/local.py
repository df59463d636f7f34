"""The bus within one process: threads instead of a broker, with the same encoding and the same losses.

Arguments and answers go through JSON bytes, so that what works here works over a broker. Each serving has a
bounded queue and a bounded number of threads at work; a cast to a full queue is dropped, as a broker's might
be, and a call to one is refused.

With `step`, nothing runs by itself: every cast is handed to it as a `Delivery` that the caller runs, repeats,
delays or forgets, and calls are run in place. That is how the simulation owns the order of messages.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from compute_service.bus.codec import Fault, Verb, error_of, misfit
from compute_service.bus.dispatch import Dispatcher, Observe, unobserved
from compute_service.bus.pool import Pool
from compute_service.bus.proxy import proxy
from compute_service.domain.errors import Timeout, Unavailable
from compute_service.domain.record import Record
from compute_service.domain.request_id import Asker, asker

LOG = logging.getLogger(__name__)

P = TypeVar("P")

_ENCODER = msgspec.json.Encoder()
_THREADS = 256
"""The most threads of one bus. They are made when needed; this only bounds a runaway."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One cast on its way. Calling it delivers it; it may be called never, once or more often."""

    topic: str
    server: str
    verb: str
    deliver: Callable[[], None]

    def __call__(self) -> None:
        self.deliver()


class LocalBus:
    """A `Bus` in one process. `timeout` is what a call waits unless its client says otherwise."""

    def __init__(
        self,
        timeout: float = 60.0,
        queue_length: int = 10_000,
        step: Callable[[Delivery], None] | None = None,
        observe: Observe = unobserved,
    ) -> None:
        self.timeout = timeout
        self.step = step
        self._queue_length = queue_length
        self._observe = observe
        self._servings: dict[str, list[_LocalServing]] = {}
        self._turn = itertools.count()
        self._lock = threading.Lock()
        self._pool = Pool(_THREADS, "bus")

    def client(
        self, protocol: type[P], topic: str, server: str | None = None, timeout: float | None = None
    ) -> P:
        """Return a client of a topic, or of one server of it."""
        wait = self.timeout if timeout is None else timeout
        return proxy(protocol, _LocalSender(self, topic, server, wait))

    def serve(
        self, protocol: type[Any], topic: str, server: str, endpoint: object, threads: int = 8
    ) -> _LocalServing:
        """Answer for a topic under a server name until stopped."""
        dispatcher = Dispatcher(protocol, topic, endpoint, self._observe)
        serving = _LocalServing(self, topic, server, dispatcher, max(1, threads))
        with self._lock:
            self._servings[topic] = [*self._servings.get(topic, ()), serving]
        return serving

    def close(self) -> None:
        """Stop serving at once and let go of the threads; what is queued is lost."""
        with self._lock:
            self._servings = {}
        self._pool.close()

    def waiting(self) -> int:
        """Return how many messages are queued or being worked on."""
        return sum(serving.load for servings in self._servings.values() for serving in servings)

    def find(self, topic: str, server: str | None) -> _LocalServing | None:
        """Return who is to get the next message, in turn, or None."""
        able = [s for s in self._servings.get(topic, ()) if server is None or s.server == server]
        return able[next(self._turn) % len(able)] if able else None

    def forget(self, serving: _LocalServing) -> None:
        """Send no more to a serving."""
        with self._lock:
            self._servings[serving.topic] = [
                other for other in self._servings.get(serving.topic, ()) if other is not serving
            ]

    def submit(self, work: Callable[[], None]) -> bool:
        """Run on a thread of the bus; False when the bus is closed."""
        return self._pool.submit(work)

    @property
    def queue_length(self) -> int:
        """How many messages may wait for one serving."""
        return self._queue_length


class _LocalServing:
    def __init__(self, bus: LocalBus, topic: str, server: str, dispatcher: Dispatcher, threads: int) -> None:
        self.topic = topic
        self.server = server
        self._bus = bus
        self._dispatcher = dispatcher
        self._threads = threads
        self._queue: deque[Callable[[], None]] = deque()
        self._working = 0
        self._stopped = False
        self._idle = threading.Condition()

    @property
    def load(self) -> int:
        """Messages queued or being worked on."""
        return len(self._queue) + self._working

    @property
    def queued(self) -> int:
        """Messages that have not begun."""
        return len(self._queue)

    def answer(self, name: str, version: int, on_behalf: Asker, args: bytes) -> bytes:
        """Run one verb; both ways are JSON."""
        reply = self._dispatcher.answer(name, version, on_behalf, lambda verb: _decode(verb, args))
        return _ENCODER.encode(reply)

    def put(self, work: Callable[[], None]) -> bool:
        """Queue a message; False when it cannot be taken."""
        with self._idle:
            if self._stopped or len(self._queue) >= self._bus.queue_length:
                return False
            self._queue.append(work)
            if self._working >= self._threads:
                return True
            self._working += 1
        if not self._bus.submit(self._drain):
            with self._idle:
                self._working -= 1
            return False
        return True

    def _drain(self) -> None:
        while True:
            with self._idle:
                if not self._queue:
                    self._working -= 1
                    self._idle.notify_all()
                    return
                work = self._queue.popleft()
            try:
                work()
            except Exception:
                LOG.exception("a message of %s was lost", self.topic)

    def stop(self, timeout: float) -> bool:
        """Take no new messages and finish those taken; True when that was done in time."""
        self._bus.forget(self)
        deadline = time.monotonic() + timeout
        with self._idle:
            self._stopped = True
            while self._queue or self._working:
                left = deadline - time.monotonic()
                if left <= 0 or not self._idle.wait(left):
                    return False
        return True


@dataclass(frozen=True, slots=True)
class _LocalSender:
    bus: LocalBus
    topic: str
    server: str | None
    timeout: float

    def cast(self, verb: Verb, args: msgspec.Struct) -> None:
        body, on_behalf = _ENCODER.encode(args), asker()
        serving = self.bus.find(self.topic, self.server)
        if serving is None:
            LOG.debug("nobody serves %s for '%s'", self._address(), verb.name)
            return

        def deliver() -> None:
            serving.answer(verb.name, verb.since, on_behalf, body)

        if self.bus.step is not None:
            self.bus.step(Delivery(self.topic, serving.server, verb.name, deliver))
        elif not serving.put(deliver):
            LOG.warning("dropped '%s': the queue of %s is full", verb.name, self._address())

    def call(self, verb: Verb, args: msgspec.Struct) -> Any:
        body, on_behalf = _ENCODER.encode(args), asker()
        serving = self.bus.find(self.topic, self.server)
        if serving is None:
            raise Timeout(f"nobody answers '{verb.name}' at {self._address()}")
        if self.bus.step is not None:
            return _result(verb, serving.answer(verb.name, verb.since, on_behalf, body))
        answer: Future[bytes] = Future()

        def deliver() -> None:
            if answer.set_running_or_notify_cancel():
                answer.set_result(serving.answer(verb.name, verb.since, on_behalf, body))

        if not serving.put(deliver):
            raise Unavailable(f"{self._address()} has too much to do for '{verb.name}'")
        try:
            return _result(verb, answer.result(self.timeout))
        except FutureTimeout:
            answer.cancel()
            raise Timeout(
                f"no answer to '{verb.name}' from {self._address()} in {self.timeout:g} seconds"
            ) from None

    def _address(self) -> str:
        return self.topic if self.server is None else f"{self.topic}.{self.server}"


def _decode(verb: Verb, args: bytes) -> msgspec.Struct:
    try:
        return msgspec.json.decode(args, type=verb.args)
    except msgspec.ValidationError as error:
        raise misfit(verb, error) from None


def _result(verb: Verb, data: bytes) -> Any:
    reply = msgspec.json.decode(data, type=_Answer)
    if reply.fault is not None:
        raise error_of(reply.fault)
    try:
        return msgspec.json.decode(reply.value, type=verb.returns)
    except msgspec.ValidationError as error:
        raise misfit(verb, error) from None


class _Answer(Record):
    """A reply whose value waits for its type."""

    value: msgspec.Raw = msgspec.Raw(b"null")
    fault: Fault | None = None
