"""The bus over a broker, by oslo.messaging: RabbitMQ with classic or quorum queues.

Whatever the broker does, a caller is held no longer than its timeout: the library may wait without end for a
connection, so calls run on threads of the bus and the caller waits for the thread with a limit. Casts go out
in the background; after `CAST_AGE` seconds a cast that could not be sent is dropped, as the port allows.

There is one transport a broker address. Nothing is fanned out. Kafka has no answers, so it carries
notifications (`bus/notify.py`) and no calls or casts between daemons.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeout
from itertools import chain, repeat
from typing import Any, TypeVar

import msgspec
import oslo_messaging
from oslo_messaging.rpc.client import RPCClient

from compute_service.bus.codec import Reply, Verb, answer_from, args_from, error_of
from compute_service.bus.dispatch import Dispatcher, Observe, unobserved
from compute_service.bus.pool import Pool
from compute_service.bus.proxy import proxy
from compute_service.bus.refusals import slow_down
from compute_service.config.messaging import messaging_conf
from compute_service.config.settings import Settings
from compute_service.domain.errors import ComputeError, Timeout, Unavailable
from compute_service.domain.request_id import Asker, asker, current

LOG = logging.getLogger(__name__)

P = TypeVar("P")

CAST_AGE = 30.0
"""Seconds after which a cast is not worth sending any more."""
TROUBLE_LASTS = 60.0
"""Seconds for which a message that did not get out counts against the broker, unless one did since."""
_CASTING_THREADS = 4
_CALLING_THREADS = 64
_MOST_CASTS = 10_000
"""Casts that may wait for the broker."""
_CLOSING = 5.0
_PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between two tries to serve on a broker that refuses; the last one holds for all further ones."""
_METHOD = "deliver"
_BESIDE = Asker._fields[1:]
"""What a message's context says of who asks."""
_RETURNED = oslo_messaging.TransportOptions(at_least_once=True)
"""Have the broker say so at once when nobody has a queue for a message."""


class OsloBus:
    """A `Bus` over the broker at `url` (by default [DEFAULT] transport_url). Raises ComputeError for an
    address that cannot carry calls."""

    def __init__(
        self,
        settings: Settings,
        url: str | None = None,
        observe: Observe = unobserved,
        sent: Observe = unobserved,
    ) -> None:
        address = url or settings.default.transport_url
        if not address.startswith(("rabbit:", "kombu+")):
            raise ComputeError(
                f"daemons cannot talk over '{address.split(':', 1)[0]}': transport_url must be rabbit://"
            )
        self.timeout = float(settings.default.rpc_response_timeout)
        self._observe = observe
        self._observe_sent = sent
        self._conf = messaging_conf(settings)
        slow_down()
        self._transport = oslo_messaging.get_rpc_transport(self._conf, url=address)
        self._casting = Pool(_CASTING_THREADS, "bus-cast")
        self._calling = Pool(_CALLING_THREADS, "bus-call")
        self._room = threading.BoundedSemaphore(_MOST_CASTS)
        self._servings: list[OsloServing] = []
        self._trouble: tuple[float, str] | None = None
        """When a message last failed to get out, and why; None since one did."""

    def client(
        self, protocol: type[P], topic: str, server: str | None = None, timeout: float | None = None
    ) -> P:
        """Return a client of a topic, or of one server of it."""
        target = oslo_messaging.Target(topic=topic, server=server, version="1.0")
        return proxy(protocol, _OsloSender(self, target, self.timeout if timeout is None else timeout))

    def serve(
        self, protocol: type[Any], topic: str, server: str, endpoint: object, threads: int = 8
    ) -> OsloServing:
        """Answer for a topic under a server name until stopped.

        Returns when the broker has the queues, or after `timeout` seconds without it; then it goes on trying.
        """
        dispatcher = Dispatcher(protocol, topic, endpoint, self._observe)

        def made() -> oslo_messaging.MessageHandlingServer:
            target = oslo_messaging.Target(topic=topic, server=server, version="1.0")
            return oslo_messaging.get_rpc_server(
                self._transport, target, [_Endpoint(dispatcher)], executor="threading"
            )

        serving = OsloServing(made, f"{topic}.{server}", max(1, threads))
        self._servings.append(serving)
        if not serving.ready.wait(self.timeout):
            LOG.error("no queue for %s.%s yet: the broker is out of reach; trying on", topic, server)
        return serving

    def sent(self, topic: str, verb: str, outcome: str, seconds: float) -> None:
        """Note what became of a message that was to go out; a cast that was given up is `dropped`."""
        if outcome == "ok":
            self._trouble = None
        elif outcome in ("dropped", "Unavailable"):
            self._trouble = time.monotonic(), f"'{verb}' to {topic} did not get out"
        self._observe_sent(topic, verb, outcome, seconds)

    def check(self) -> None:
        """Raise RuntimeError when the broker seems to be out of reach (a health check)."""
        for serving in self._servings:
            if not (serving.ready.is_set() or serving.stopped):
                raise RuntimeError(f"there is no queue for {serving.address} yet")
        trouble = self._trouble
        if trouble is not None and time.monotonic() - trouble[0] < TROUBLE_LASTS:
            raise RuntimeError(trouble[1])

    def close(self) -> None:
        """Send what is waiting (a few seconds at most) and let go of connections."""
        for serving in self._servings:
            serving.stop(0)
        self._casting.close(_CLOSING)
        self._calling.close()
        _within(_CLOSING, self._transport.cleanup)

    def rpc(self, target: oslo_messaging.Target, timeout: float | None, retry: int | None) -> RPCClient:
        """Return the library's client for one message."""
        return oslo_messaging.get_rpc_client(
            self._transport, target, timeout=timeout, retry=retry, transport_options=_RETURNED
        )

    def call(self, work: Callable[[], Any], timeout: float) -> Any:
        """Run on a thread of the bus and wait at most `timeout` seconds. Raises FutureTimeout."""
        future = self._calling.future(work)
        try:
            return future.result(timeout)
        finally:
            future.cancel()

    def cast(self, work: Callable[[], None]) -> bool:
        """Run in the background; False when too much is waiting or the bus is closed."""
        if not self._room.acquire(blocking=False):
            return False

        def run() -> None:
            try:
                work()
            finally:
                self._room.release()

        return self._casting.submit(run)


class OsloServing:
    """A topic being answered over the broker."""

    def __init__(
        self, make: Callable[[], oslo_messaging.MessageHandlingServer], address: str, threads: int
    ) -> None:
        self._make = make
        self._server: oslo_messaging.MessageHandlingServer | None = None
        self.address = address
        self._threads = threads
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self.ready = threading.Event()
        """Set when the broker has the queues."""
        # Starting waits for the broker without end, so it may not hold up the caller.
        self._starting = threading.Thread(target=self._start, name=f"bus-serve-{address}", daemon=True)
        self._starting.start()

    @property
    def stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._ending.is_set()

    def _start(self) -> None:
        """Start until it works: a broker that refuses, such as one without the user yet, is asked again."""
        pauses = chain(_PAUSES, repeat(_PAUSES[-1]))
        while not self._ending.is_set():
            server = self._make()
            try:
                server.start(override_pool_size=self._threads)
            except Exception as error:  # of this library and of two below it
                LOG.error("cannot serve %s yet: %s", self.address, error)
                self._ending.wait(next(pauses))
                continue
            with self._lock:
                if self._ending.is_set():
                    server.stop()
                    return
                self._server = server
                self.ready.set()
            return

    def stop(self, timeout: float) -> bool:
        """Take no new messages, finish those begun; True when all finished in `timeout` seconds."""
        with self._lock:
            self._ending.set()
            server, self._server = self._server, None
        if server is None:
            return True

        def finish() -> None:
            server.stop()
            server.wait()

        return _within(timeout, finish)


class _Endpoint:
    """What the library calls for each message."""

    target = oslo_messaging.Target(version="1.0")

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    def deliver(
        self, context: dict[str, Any], verb: str, version: int, request_id: str | None, args: dict[str, Any]
    ) -> Any:
        on_behalf = Asker(request_id, *(context.get(name) for name in _BESIDE))
        reply = self._dispatcher.answer(verb, version, on_behalf, lambda found: args_from(found, args))
        return msgspec.to_builtins(reply, str_keys=True)


class _OsloSender:
    def __init__(self, bus: OsloBus, target: oslo_messaging.Target, timeout: float) -> None:
        self._bus = bus
        self._target = target
        self._timeout = timeout

    def cast(self, verb: Verb, args: msgspec.Struct) -> None:
        message, context = _message(verb, args), _context()
        since = time.monotonic()

        def dropped(why: object) -> None:
            LOG.warning("dropped '%s' to %s: %s", verb.name, self._address(), why)
            self._sent(verb, "dropped", since)

        def send() -> None:
            if time.monotonic() - since > CAST_AGE:
                dropped("the broker was out of reach")
                return
            try:
                self._bus.rpc(self._target, None, retry=1).cast(context, _METHOD, **message)
            except Exception as error:
                dropped(error)
            else:
                self._sent(verb, "ok", since)

        if not self._bus.cast(send):
            dropped("too much is waiting")

    def call(self, verb: Verb, args: msgspec.Struct) -> Any:
        since = time.monotonic()
        outcome = "ok"
        try:
            return self._call(verb, args)
        except ComputeError as error:
            outcome = type(error).__name__
            raise
        finally:
            self._sent(verb, outcome, since)

    def _sent(self, verb: Verb, outcome: str, since: float) -> None:
        self._bus.sent(self._target.topic, verb.name, outcome, time.monotonic() - since)

    def _call(self, verb: Verb, args: msgspec.Struct) -> Any:
        message, context = _message(verb, args), _context()
        deadline = time.monotonic() + self._timeout

        def send() -> Any:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Timeout("the wait was over before the message could be sent")
            return self._bus.rpc(self._target, left, retry=1).call(context, _METHOD, **message)

        try:
            reply = msgspec.convert(self._bus.call(send, self._timeout), Reply)
        except (oslo_messaging.MessagingTimeout, FutureTimeout):
            raise self._no_answer(verb) from None
        except CancelledError:
            raise Unavailable(f"the bus is closed: '{verb.name}' was not sent") from None
        except oslo_messaging.MessageUndeliverable:
            raise Timeout(f"nobody answers '{verb.name}' at {self._address()}") from None
        except ComputeError:
            raise
        except Exception as error:  # of this library and of two below it
            raise Unavailable(f"cannot reach {self._address()} for '{verb.name}': {error}") from None
        if reply.fault is not None:
            raise error_of(reply.fault)
        return answer_from(verb, reply.value)

    def _no_answer(self, verb: Verb) -> Timeout:
        return Timeout(f"no answer to '{verb.name}' from {self._address()} in {self._timeout:g} seconds")

    def _address(self) -> str:
        return ".".join(part for part in (self._target.topic, self._target.server) if part)


def _message(verb: Verb, args: msgspec.Struct) -> dict[str, Any]:
    return {
        "verb": verb.name,
        "version": verb.since,
        "request_id": current(),
        "args": msgspec.to_builtins(args, str_keys=True),
    }


def _context() -> dict[str, Any]:
    """Return who asks beside the request's identifier, which is in the message."""
    found = asker()._asdict()
    return {name: found[name] for name in _BESIDE if found[name] is not None}


def _within(timeout: float, work: Callable[[], None]) -> bool:
    """Run on a thread of its own and wait for it; True when it ended in time."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(timeout)
    return not thread.is_alive()
