"""Where notifications go when no message bus carries them."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

LOG = logging.getLogger(__name__)


class LogNotifier:
    """Writes each notification to the log at debug level."""

    def notify(self, event_type: str, payload: dict[str, Any], priority: str = "INFO") -> None:
        """Log one notification."""
        LOG.debug("notification %s %s %s", priority, event_type, payload.get("uuid", ""))


class MemoryNotifier:
    """Keeps the latest notifications, for tests and for trying things out."""

    def __init__(self, keep: int = 10_000) -> None:
        self.sent: deque[tuple[str, dict[str, Any], str]] = deque(maxlen=keep)

    def notify(self, event_type: str, payload: dict[str, Any], priority: str = "INFO") -> None:
        """Remember one notification."""
        self.sent.append((event_type, payload, priority))
