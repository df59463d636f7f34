"""Notifications to whoever listens (telemetry, high availability)."""

from __future__ import annotations

from typing import Any, Protocol


class Notifier(Protocol):
    """Says what happened; a failure to say it is logged and never fails the work."""

    def notify(self, event_type: str, payload: dict[str, Any], priority: str = "INFO") -> None:
        """Emit one notification, such as `instance.create.end`."""
