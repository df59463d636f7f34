"""The receiving end: a message becomes a method call, and what comes of it an answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import msgspec

from compute_service.bus.codec import Reply, Verb, check_version, fault_of, verbs_of
from compute_service.domain.errors import ComputeError, NotSupported
from compute_service.domain.request_id import Asker, bound

LOG = logging.getLogger(__name__)

Observe = Callable[[str, str, str, float], None]
"""Called after each message with topic, verb, outcome (`ok`, an error's class) and seconds."""


def unobserved(topic: str, verb: str, outcome: str, seconds: float) -> None:
    """Observe nothing."""


class Dispatcher:
    """Hands messages of one topic to an endpoint that has the Protocol's methods."""

    def __init__(self, protocol: Any, topic: str, endpoint: object, observe: Observe = unobserved) -> None:
        self._verbs = verbs_of(protocol)
        missing = [name for name in self._verbs if not callable(getattr(endpoint, name, None))]
        if missing:
            raise TypeError(f"{type(endpoint).__name__} lacks {', '.join(missing)} of {protocol.__name__}")
        self._version: int = getattr(protocol, "VERSION", 1)
        self._topic = topic
        self._endpoint = endpoint
        self._observe = observe

    def answer(
        self, name: str, version: int, on_behalf: Asker, args: Callable[[Verb], msgspec.Struct]
    ) -> Reply:
        """Run a verb and return its answer or its fault. `args` reads the arguments; nothing is raised."""
        started = time.perf_counter()
        outcome = "ok"
        with bound(on_behalf):
            try:
                return Reply(value=self._run(name, version, args))
            except ComputeError as error:
                outcome = type(error).__name__
                LOG.info("%s.%s: %s: %s", self._topic, name, outcome, error)
                return Reply(fault=fault_of(error))
            except Exception as error:
                outcome = "crash"
                LOG.exception("%s.%s failed", self._topic, name)
                return Reply(fault=fault_of(error))
            finally:
                known = name if name in self._verbs else "unknown"
                self._observe(self._topic, known, outcome, time.perf_counter() - started)

    def _run(self, name: str, version: int, args: Callable[[Verb], msgspec.Struct]) -> Any:
        check_version(self._topic, name, version, self._version)
        verb = self._verbs.get(name)
        if verb is None:
            raise NotSupported(f"there is no '{name}' in the topic '{self._topic}'")
        return getattr(self._endpoint, name)(**verb.unpack(args(verb)))
