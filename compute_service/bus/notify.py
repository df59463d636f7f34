"""Notifications to telemetry and others, in the form that OpenStack services share.

[oslo_messaging_notifications] says how: over RabbitMQ or Kafka (`messagingv2`, `messaging`), into the log
(`log`), or not at all (no driver). Notifications never hold up work: they are sent in the background, and
when the broker is away for long the oldest give way.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

from compute_service.bus.pool import Pool
from compute_service.config.messaging import messaging_conf
from compute_service.config.settings import Settings
from compute_service.domain.request_id import current
from compute_service.ports.notify import Notifier

LOG = logging.getLogger(__name__)

_MOST = 10_000
"""Notifications that may wait for the broker."""


class Silent:
    """A Notifier that tells nobody."""

    def notify(self, event_type: str, payload: dict[str, Any], priority: str = "INFO") -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class OsloNotifier:
    """A Notifier by the drivers of oslo.messaging; `publisher` is `service.host`."""

    def __init__(self, settings: Settings, publisher: str) -> None:
        import oslo_messaging

        conf = messaging_conf(settings)
        section = settings.oslo_messaging_notifications
        transport = oslo_messaging.get_notification_transport(
            conf, url=section.transport_url or settings.default.transport_url
        )
        self._notifier = oslo_messaging.Notifier(
            transport,
            publisher_id=publisher,
            retry=section.retry if section.retry >= 0 else 3,
        )
        self._waiting: deque[tuple[str, dict[str, Any], str, str | None]] = deque(maxlen=_MOST)
        self._pool = Pool(1, "notify")

    def notify(self, event_type: str, payload: dict[str, Any], priority: str = "INFO") -> None:
        """Queue one notification."""
        self._waiting.append((event_type, payload, priority, current()))
        self._pool.submit(self._send)

    def close(self) -> None:
        """Send what is waiting, for a few seconds at most."""
        self._pool.close(5.0)

    def _send(self) -> None:
        try:
            event_type, payload, priority, request_id = self._waiting.popleft()
        except IndexError:  # it gave way to a newer one
            return
        level = getattr(self._notifier, priority.lower(), self._notifier.info)
        try:
            level({"request_id": request_id}, event_type, payload)
        except Exception as error:
            LOG.warning("notification %s was lost: %s", event_type, error)


def notifier_of(settings: Settings, publisher: str) -> Notifier:
    """Return the Notifier that the settings ask for."""
    drivers = [name for name in settings.oslo_messaging_notifications.driver if name != "noop"]
    return OsloNotifier(settings, publisher) if drivers else Silent()
