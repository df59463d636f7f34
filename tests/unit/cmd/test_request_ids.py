"""One request, followed through the whole service by the identifier that its answer had."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

from compute_service.cmd.allinone_seed import IMAGE
from compute_service.cmd.logs import fields
from compute_service.store.flows import flows_of_instance
from tests.fixtures.all_in_one import Start
from tests.functional.caller import Caller

THEIRS = "req-11111111-2222-3333-4444-555555555555"


class Lines(logging.Handler):
    """Keeps logger, message and request of each line, as the formatters see it in the thread that logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.seen: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self.seen.append(fields(record))

    def of(self, request_id: str) -> set[str]:
        """Return the loggers that wrote for a request."""
        return {line["logger"] for line in self.seen if line.get("request_id") == request_id}


@pytest.fixture
def lines() -> Any:
    handler = Lines()
    logger = logging.getLogger("compute_service")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(level)


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


ORDER = {"server": {"name": "a", "imageRef": IMAGE, "flavorRef": "1", "networks": "auto"}}


def test_a_request_is_known_everywhere_by_its_identifiers(start_site: Start, lines: Lines) -> None:
    messaging = {"driver": "messagingv2"}
    forms = {"notification_format": "versioned"}
    site = start_site(options={"oslo_messaging_notifications": messaging, "notifications": forms})
    caller = Caller(site.url, site.token("demo"), {"X-Openstack-Request-Id": THEIRS})
    made = caller.call("POST", "/servers", ORDER)
    assert made.status == 202, made.body
    ours, uuid = made.headers["x-openstack-request-id"], made.body["server"]["id"]
    assert ours.startswith("req-")
    assert ours != THEIRS
    until(lambda: caller.call("GET", f"/servers/{uuid}").body["server"]["status"] == "ACTIVE")

    with site.store.database(site.cell).read() as tx:
        (build,) = flows_of_instance(tx, uuid)
    assert (build.request_id, build.global_request_id) == (ours, THEIRS)

    until(lambda: "instance.create.end" in site.notifications.types())
    for notice in site.notifications.sent:
        if notice.event_type.startswith("instance."):
            assert (notice.asker.request_id, notice.asker.global_request_id) == (ours, THEIRS)
            assert notice.payload["nova_object.data"]["request_id"] == ours

    assert {
        "compute_service.api.access",
        "compute_service.cmd.scheduler_part",
        "compute_service.flows.ending",
        "compute_service.agent.service",
    } <= lines.of(ours)
    shown = [
        line for line in lines.seen if line.get("request_id") == ours and "api.access" not in line["logger"]
    ]
    assert shown
    assert {line.get("global_request_id") for line in shown} == {THEIRS}


def test_what_is_no_identifier_is_not_taken_for_one(start_site: Start) -> None:
    site = start_site()
    for given in ("1234", "req-x", f"{THEIRS} forged", "req-" + "1" * 1000):
        caller = Caller(site.url, site.token("demo"), {"X-Openstack-Request-Id": given})
        made = caller.call("POST", "/servers", ORDER)
        with site.store.api.read() as tx:
            waiting = flows_of_instance(tx, made.body["server"]["id"])
        with site.store.database(site.cell).read() as tx:
            built = flows_of_instance(tx, made.body["server"]["id"])
        assert {flow.global_request_id for flow in (*waiting, *built)} == {None}
