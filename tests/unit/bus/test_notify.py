from __future__ import annotations

import logging

import pytest

from compute_service.bus.notify import OsloNotifier, Silent, notifier_of
from compute_service.config.settings import Settings, settings_of
from compute_service.domain.request_id import bound


def test_without_a_driver_nobody_is_told() -> None:
    assert isinstance(notifier_of(Settings(), "api.host"), Silent)
    noop = settings_of({"oslo_messaging_notifications": {"driver": ("noop",)}})
    assert isinstance(notifier_of(noop, "api.host"), Silent)


def test_the_log_driver_writes_publisher_event_and_payload(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    settings = settings_of({"oslo_messaging_notifications": {"driver": ("log",)}})
    notifier = notifier_of(settings, "compute.host-1")
    assert isinstance(notifier, OsloNotifier)
    with bound("req-9"):
        notifier.notify("instance.create.end", {"uuid": "u-1"})
    notifier.close()
    line = next(
        r.getMessage() for r in caplog.records if r.name == "oslo.messaging.notification.instance.create.end"
    )
    assert '"publisher_id": "compute.host-1"' in line
    assert "u-1" in line
