"""Where notifications go when no message bus carries them."""

from __future__ import annotations

from collections import deque

from compute_service.domain.notices.notice import Form, Notice


class MemoryNotifier:
    """Keeps the latest notifications, for tests and for trying things out. By default nobody listens."""

    def __init__(self, forms: tuple[Form, ...] = (), keep: int = 10_000) -> None:
        self.forms = forms
        self.sent: deque[Notice] = deque(maxlen=keep)
        self.given_up: list[tuple[str, Exception]] = []

    def notify(self, notice: Notice) -> None:
        """Remember one notification."""
        self.sent.append(notice)

    def gave_up(self, event_type: str, error: Exception) -> None:
        """Remember what could not be put together."""
        self.given_up.append((event_type, error))

    def types(self) -> list[str]:
        """Return the event types that were sent, in order."""
        return [notice.event_type for notice in self.sent]
