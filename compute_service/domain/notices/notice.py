"""One notification as it is handed to a `Notifier`."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from compute_service.domain.record import Record
from compute_service.domain.request_id import Asker


class Form(StrEnum):
    """The form of a payload: `[notifications] notification_format`, where `both` is each of them."""

    UNVERSIONED = "unversioned"
    VERSIONED = "versioned"


class Notice(Record):
    """What happened. The message library adds an id and the time."""

    form: Form
    event_type: str
    """Such as `instance.create.end`, or `compute.instance.create.end` without versions."""
    publisher: str
    """Such as `nova-compute:host`, or `compute.host` without versions."""
    payload: dict[str, Any]
    priority: str = "INFO"
    asker: Asker = Asker()
