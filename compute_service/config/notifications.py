"""[notifications]: what is told to telemetry and others."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Notifications(Section):
    """Options of the section [notifications]."""

    notification_format: str = opt(
        "unversioned",
        "The form of notifications.",
        choices=("both", "versioned", "unversioned"),
    )
    notify_on_state_change: str | None = opt(
        None, "Which changes of a server are notified.", choices=(None, "vm_state", "vm_and_task_state")
    )
    default_level: str = opt(
        "INFO",
        "The level of notifications without one.",
        choices=("DEBUG", "INFO", "WARN", "ERROR", "CRITICAL"),
    )
    versioned_notifications_topics: tuple[str, ...] = opt(
        ("versioned_notifications",), "Topics of versioned notifications."
    )
    bdms_in_notifications: bool = opt(False, "Whether notifications list block devices.")
    include_share_mapping: bool = opt(False, "Whether notifications list file shares.")
