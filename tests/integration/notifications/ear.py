"""A stock consumer of notifications, as telemetry and others are built."""

from __future__ import annotations

import threading
from typing import Any

import oslo_messaging
from oslo_config import cfg

Heard = tuple[str, str, str, dict[str, Any], dict[str, Any]]
"""Priority, publisher, event type, payload, and what came with the message."""


class Ear:
    """A stock consumer of some topics: endpoints by priority, at most one call at a time."""

    def __init__(self, url: str, *topics: str) -> None:
        conf = cfg.ConfigOpts()
        conf([], project="ear", default_config_files=[])
        transport = oslo_messaging.get_notification_transport(conf, url=url)
        self.heard: list[Heard] = []
        self._changed = threading.Condition()
        self._listener = oslo_messaging.get_notification_listener(
            transport, [oslo_messaging.Target(topic=topic) for topic in topics], [self], executor="threading"
        )
        self._listener.start()

    def info(self, context: Any, publisher: str, event_type: str, payload: Any, metadata: Any) -> None:
        """Hear a notification of priority INFO."""
        self._hear(("INFO", publisher, event_type, payload, {**metadata, "context": context}))

    def error(self, context: Any, publisher: str, event_type: str, payload: Any, metadata: Any) -> None:
        """Hear a notification of priority ERROR."""
        self._hear(("ERROR", publisher, event_type, payload, {**metadata, "context": context}))

    def _hear(self, heard: Heard) -> None:
        with self._changed:
            self.heard.append(heard)
            self._changed.notify_all()

    def wait(self, event_type: str, seconds: float = 30.0, request_id: str | None = None) -> Heard:
        """Return the first notification of a type, of one request if named; fail when none comes in time."""

        def fits(heard: Heard) -> bool:
            of = heard[4]["context"].get("request_id")
            return heard[2] == event_type and request_id in (None, of)

        def found() -> Heard | None:
            return next((one for one in self.heard if fits(one)), None)

        with self._changed:
            assert self._changed.wait_for(found, seconds), f"{event_type} never came: {self.types()}"
        heard = found()
        assert heard is not None
        return heard

    def types(self, prefix: str = "") -> list[str]:
        """Return the event types heard so far, in order."""
        return [event_type for _, _, event_type, _, _ in self.heard if event_type.startswith(prefix)]

    def stop(self) -> None:
        """Stop listening."""
        self._listener.stop()
        self._listener.wait()
