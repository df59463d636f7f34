from __future__ import annotations

import logging
import sys

from compute_service.bus.refusals import PAUSE, Pausing, slow_down


def record(message: str, error: Exception | None = None) -> logging.LogRecord:
    """Return what a library logs, with the traceback of an error."""
    info = None
    if error is not None:
        try:
            raise error
        except Exception:
            info = sys.exc_info()
    return logging.LogRecord("library", logging.ERROR, "file", 1, message, None, info)


def test_a_refusal_is_told_in_one_line_after_a_pause() -> None:
    slept: list[float] = []
    told = record("Failed to process incoming message, retrying..", ValueError("ACCESS_REFUSED"))
    assert Pausing(slept.append).filter(told)
    assert slept == [PAUSE]
    assert told.getMessage() == "Failed to process incoming message (ACCESS_REFUSED)"
    assert told.exc_info is None


def test_whatever_else_is_told_passes_at_once_as_it_is() -> None:
    slept: list[float] = []
    told = record("Failed to publish", ValueError("no"))
    assert Pausing(slept.append).filter(told)
    assert slept == []
    assert told.exc_info is not None


def test_a_process_with_many_buses_pauses_once() -> None:
    logger = logging.getLogger("oslo_messaging._drivers.amqpdriver")
    slow_down()
    slow_down()
    assert sum(isinstance(one, Pausing) for one in logger.filters) == 1
