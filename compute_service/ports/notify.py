"""Notifications to whoever listens (telemetry, high availability)."""

from __future__ import annotations

from typing import Protocol

from compute_service.domain.notices.notice import Form, Notice


class Notifier(Protocol):
    """Says what happened. It never blocks and never raises: what cannot be said is counted and given up."""

    @property
    def forms(self) -> tuple[Form, ...]:
        """The forms that somebody wants; none means that nothing need even be put together."""

    def notify(self, notice: Notice) -> None:
        """Take one notification to be sent."""

    def gave_up(self, event_type: str, error: Exception) -> None:
        """Note that a notification could not be put together."""
