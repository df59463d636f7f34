from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from typing import Any

import pytest

from compute_service.bus.notify import OsloNotifier, Silent, forms_of, notifier_of
from compute_service.config.settings import Settings, settings_of
from compute_service.domain.errors import Invalid
from compute_service.domain.notices.notice import Form, Notice
from compute_service.domain.request_id import Asker


def a_notice(number: int = 1, form: Form = Form.VERSIONED) -> Notice:
    """Return a notification that can be told from others."""
    return Notice(
        form=form,
        event_type="instance.create.end",
        publisher="nova-compute:host-1",
        payload={"uuid": f"u-{number}"},
        asker=Asker("req-9", "req-global", "alice", "project"),
    )


def settings_with(form: str = "both", **messaging: Any) -> Settings:
    """Return settings with which notifications go to the log."""
    return settings_of(
        {
            "oslo_messaging_notifications": {"driver": ("log",), **messaging},
            "notifications": {"notification_format": form},
        }
    )


class Stuck:
    """Stands in for the library's notifier; sends nothing until let."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.sent: list[str] = []

    def prepare(self, **_: Any) -> Stuck:
        return self

    def info(self, context: dict[str, Any], event_type: str, payload: dict[str, Any]) -> None:
        self.let.wait(10)
        self.sent.append(payload["uuid"])


def test_without_a_driver_nobody_is_told_and_no_form_is_wanted() -> None:
    for driver in ((), ("noop",)):
        settings = settings_of({"oslo_messaging_notifications": {"driver": driver}})
        assert isinstance(notifier_of(settings), Silent)
        assert notifier_of(settings).forms == forms_of(settings) == ()


@pytest.mark.parametrize(
    ("option", "forms"),
    [
        ("versioned", (Form.VERSIONED,)),
        ("unversioned", (Form.UNVERSIONED,)),
        ("both", (Form.UNVERSIONED, Form.VERSIONED)),
    ],
)
def test_the_option_says_which_forms_are_wanted(option: str, forms: tuple[Form, ...]) -> None:
    assert forms_of(settings_with(option)) == forms


def test_the_log_driver_writes_the_whole_envelope(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outcomes: Counter[str] = Counter()
    notifier = OsloNotifier(settings_with(), lambda outcome: outcomes.update([outcome]))
    notifier.notify(a_notice())
    notifier.close()
    line = next(
        r.getMessage() for r in caplog.records if r.name == "oslo.messaging.notification.instance.create.end"
    )
    sent = json.loads(line)
    assert sent["publisher_id"] == "nova-compute:host-1"
    assert sent["event_type"] == "instance.create.end"
    assert sent["priority"] == "INFO"
    assert sent["payload"] == {"uuid": "u-1"}
    assert {"timestamp", "message_id"} <= set(sent)
    assert outcomes == {"sent": 1}


def test_notifications_go_out_in_the_order_they_came(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = Stuck()
    stuck.let.set()
    monkeypatch.setattr("compute_service.bus.notify._notifiers", lambda settings: {Form.VERSIONED: stuck})
    notifier = OsloNotifier(settings_with("versioned"))
    for number in range(100):
        notifier.notify(a_notice(number))
    notifier.close()
    assert stuck.sent == [f"u-{number}" for number in range(100)]


def test_while_the_broker_is_away_nobody_waits_and_the_oldest_give_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stuck = Stuck()
    monkeypatch.setattr("compute_service.bus.notify._notifiers", lambda settings: {Form.VERSIONED: stuck})
    outcomes: Counter[str] = Counter()
    notifier = OsloNotifier(settings_with("versioned"), lambda outcome: outcomes.update([outcome]), most=5)
    for number in range(20):
        notifier.notify(a_notice(number))
    lost = outcomes["overflow"]
    assert lost in (14, 15)  # One may be in the sender's hands.
    stuck.let.set()
    notifier.close()
    assert stuck.sent[-5:] == [f"u-{number}" for number in range(15, 20)]
    assert outcomes["sent"] + outcomes["overflow"] == 20


def test_what_the_library_only_logs_as_lost_is_counted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Refusing(Stuck):
        def info(self, context: dict[str, Any], event_type: str, payload: dict[str, Any]) -> None:
            try:
                raise ConnectionError("broker is away")
            except ConnectionError:
                logging.getLogger("oslo_messaging.notify.messaging").exception("lost: %s", payload)

    monkeypatch.setattr(
        "compute_service.bus.notify._notifiers", lambda settings: {Form.VERSIONED: Refusing()}
    )
    outcomes: Counter[str] = Counter()
    notifier = OsloNotifier(settings_with("versioned"), lambda outcome: outcomes.update([outcome]))
    notifier.notify(a_notice())
    notifier.notify(a_notice())
    notifier.close()
    assert outcomes == {"failed": 2}
    words = [record.getMessage() for record in caplog.records]
    assert [one for one in words if "broker is away" in one] == words[:1], (
        "told once a minute, without payload"
    )


def test_what_could_not_be_put_together_is_counted() -> None:
    outcomes: list[str] = []
    notifier = OsloNotifier(settings_with(), outcomes.append)
    notifier.gave_up("instance.create.end", KeyError("flavor"))
    notifier.close()
    assert outcomes == ["unmade"]


def test_after_closing_nothing_is_taken() -> None:
    outcomes: list[str] = []
    notifier = OsloNotifier(settings_with(), outcomes.append)
    notifier.close()
    notifier.notify(a_notice())
    assert outcomes == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"driver": ("messagingv3",)}, "driver 'messagingv3' is unknown"),
        ({"driver": ("messagingv2",), "transport_url": "nonsense"}, "cannot be used: No scheme"),
        ({"driver": ("messagingv2",), "transport_url": "smoke://x"}, "cannot be used: .*smoke"),
    ],
)
def test_what_cannot_be_used_keeps_a_daemon_from_starting(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint):
        notifier_of(settings_with(**options))
