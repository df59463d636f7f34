"""Notifications to telemetry and others, over the message library that OpenStack services share.

[oslo_messaging_notifications] says how: over RabbitMQ or Kafka (`messagingv2`, `messaging`), into the log
(`log`), or not at all (no driver). Work is never held up: a notification goes into a line, and one thread
sends what is in it. While the broker is away the line grows to `MOST`; then the oldest give way, and count.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from compute_service.config.messaging import messaging_conf
from compute_service.config.settings import Settings
from compute_service.domain.errors import Invalid
from compute_service.domain.notices.notice import Form, Notice
from compute_service.domain.request_id import Asker
from compute_service.ports.notify import Notifier

LOG = logging.getLogger(__name__)

DRIVERS = ("messagingv2", "messaging", "log", "routing", "noop", "test")
MOST = 10_000
"""Notifications that may wait for the broker."""
_CLOSING = 5.0
_COMPLAIN_EVERY = 60.0
_LIBRARY = ("oslo_messaging.notify.messaging", "oslo_messaging.notify.notifier")

Observe = Callable[[str], None]
"""Called with what became of a notification: `sent`, `overflow` (it gave way), `failed` (the broker refused
it or all retries were used up), `unmade` (it could not be put together)."""


def _unobserved(outcome: str) -> None:
    """Observe nothing."""


class Silent:
    """A Notifier that tells nobody."""

    forms: tuple[Form, ...] = ()

    def notify(self, notice: Notice) -> None:
        """Do nothing."""

    def gave_up(self, event_type: str, error: Exception) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class OsloNotifier:
    """A Notifier by the drivers of oslo.messaging."""

    def __init__(self, settings: Settings, observe: Observe = _unobserved, most: int = MOST) -> None:
        self.forms = forms_of(settings)
        self._observe = observe
        self._most = most
        self._send_by = _notifiers(settings)
        self._waiting: deque[Notice] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._sending = False
        self._closed = False
        self._complained_at = -_COMPLAIN_EVERY
        self._lost = _Lost()

    def notify(self, notice: Notice) -> None:
        """Put one notification in line."""
        gave_way = False
        with self._changed:
            if self._closed:
                return
            if len(self._waiting) >= self._most:
                self._waiting.popleft()
                gave_way = True
            self._waiting.append(notice)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
                self._thread.start()
            self._changed.notify()
        if gave_way:
            self._lose("overflow", notice.event_type, "too many are waiting for the broker")

    def gave_up(self, event_type: str, error: Exception) -> None:
        """Note that a notification could not be put together."""
        self._lose("unmade", event_type, f"{type(error).__name__}: {error}")

    def close(self) -> None:
        """Send what is waiting, for a few seconds at most."""
        deadline = time.monotonic() + _CLOSING
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            while (self._waiting or self._sending) and self._thread is not None:
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            left_over = len(self._waiting)
            self._waiting.clear()
        for _ in range(left_over):
            self._observe("overflow")
        if left_over:
            LOG.warning("%d notifications were not sent: the broker is away", left_over)

    def _run(self) -> None:
        while (notice := self._next()) is not None:
            self._send(notice)

    def _next(self) -> Notice | None:
        with self._changed:
            self._sending = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            self._sending = True
            return self._waiting.popleft()

    def _send(self, notice: Notice) -> None:
        sender = self._send_by[notice.form].prepare(publisher_id=notice.publisher)
        level = getattr(sender, notice.priority.lower(), sender.info)
        with self._lost as lost:
            try:
                level(_Telling(notice.asker), notice.event_type, notice.payload)
            except Exception as error:
                lost.words = str(error)
        if lost.words is None:
            self._observe("sent")
        else:
            self._lose("failed", notice.event_type, lost.words)

    def _lose(self, outcome: str, event_type: str, why: str) -> None:
        """Count a loss; the log hears of one a minute."""
        self._observe(outcome)
        now = time.monotonic()
        if now - self._complained_at >= _COMPLAIN_EVERY:
            self._complained_at = now
            LOG.warning("notification %s was lost: %s (more may follow)", event_type, why)


@dataclass(frozen=True, slots=True)
class _Telling:
    """Who asked, in the form in which the library lets it pass: it drops contexts without a redacted copy."""

    asker: Asker

    def redacted_copy(self) -> _Telling:
        return self


class _Plain:
    """A serializer that writes who asked beside the message."""

    def serialize_entity(self, context: object, entity: Any) -> Any:
        return entity

    def serialize_context(self, context: _Telling) -> dict[str, str]:
        return {name: value for name, value in context.asker._asdict().items() if value is not None}


class _Lost(logging.Filter):
    """Hears whether a notification was lost: the library tells only its log, with the payload and all."""

    words: str | None = None

    def __enter__(self) -> _Lost:
        self.words = None
        self._thread = threading.get_ident()
        for name in _LIBRARY:
            logging.getLogger(name).addFilter(self)
        return self

    def __exit__(self, *_: object) -> None:
        for name in _LIBRARY:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR or record.thread != self._thread:
            return True
        error = record.exc_info[1] if record.exc_info else None
        self.words = str(error) if error is not None else "the broker does not answer"
        return False


def _notifiers(settings: Settings) -> dict[Form, Any]:
    """Return the library's notifier of each form."""
    import oslo_messaging

    section = settings.oslo_messaging_notifications
    transport = oslo_messaging.get_notification_transport(
        messaging_conf(settings), url=section.transport_url or settings.default.transport_url
    )
    topics = {
        Form.UNVERSIONED: section.topics,
        Form.VERSIONED: settings.notifications.versioned_notifications_topics,
    }
    plain = _Plain()
    return {
        form: oslo_messaging.Notifier(transport, topics=list(topics[form]), serializer=plain)
        for form in forms_of(settings)
    }


def forms_of(settings: Settings) -> tuple[Form, ...]:
    """Return the forms in which notifications are wanted; none without a driver."""
    if not any(name != "noop" for name in settings.oslo_messaging_notifications.driver):
        return ()
    wanted = settings.notifications.notification_format
    return tuple(Form) if wanted == "both" else (Form(wanted),)


def notifier_of(settings: Settings, observe: Observe = _unobserved) -> Notifier:
    """Return the Notifier that the settings ask for. Raises Invalid when it cannot be had."""
    for driver in settings.oslo_messaging_notifications.driver:
        if driver not in DRIVERS:
            known = ", ".join(DRIVERS)
            raise Invalid(f"[oslo_messaging_notifications] driver '{driver}' is unknown; there are {known}.")
    if not forms_of(settings):
        return Silent()
    try:
        return OsloNotifier(settings, observe)
    except Exception as error:  # The library has one kind for each thing that can be wrong with an address.
        raise Invalid(f"[oslo_messaging_notifications] cannot be used: {error}") from error
