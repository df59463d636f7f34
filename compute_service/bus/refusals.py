"""What becomes of a connection that the broker refuses once it was there, as after a change of the password.

The library takes a refusal for an error in a message, and waits for answers again at once, without a pause:
thousands of tracebacks a second, and a core. It tells of each in its log, and that is where it can be held
back: in the thread that asks again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

PAUSE = 2.0
"""Seconds between two tries to get at answers."""
_TELLS = "oslo_messaging._drivers.amqpdriver"
_OF_A_REFUSAL = "Failed to process incoming message"


class Pausing(logging.Filter):
    """Lets a thread that tells of a refusal pause, and takes the traceback out of what it tells."""

    def __init__(self, sleep: Callable[[float], object] = time.sleep) -> None:
        super().__init__()
        self._sleep = sleep

    def filter(self, record: logging.LogRecord) -> bool:
        """Hold a refusal back for a while; everything else passes as it is."""
        if str(record.msg).startswith(_OF_A_REFUSAL) and record.exc_info:
            record.msg, record.args = "%s (%s)", (_OF_A_REFUSAL, record.exc_info[1])
            record.exc_info = record.exc_text = None
            self._sleep(PAUSE)
        return True


def slow_down() -> None:
    """Have refusals told no more often than the pause lets them, in this process."""
    logger = logging.getLogger(_TELLS)
    if not any(isinstance(one, Pausing) for one in logger.filters):
        logger.addFilter(Pausing())
