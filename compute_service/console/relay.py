"""Carries bytes between the two sides of a session until one ends or its time is over."""

from __future__ import annotations

import logging
import threading

from compute_service.console.streams import Ended, Stream

LOG = logging.getLogger(__name__)


def relay(one: Stream, other: Stream, seconds: float | None = None) -> str:
    """Carry bytes both ways; return why it ended. Both streams are closed then.

    `seconds` bounds the session; None does not.
    """
    over: list[str] = []
    timer = None
    if seconds is not None:
        timer = threading.Timer(max(seconds, 0.0), _end, ("its time is over", over, one, other))
        timer.daemon = True
        timer.start()
    back = threading.Thread(target=_carry, args=(other, one, over), name="console", daemon=True)
    back.start()
    _carry(one, other, over)
    back.join()
    if timer is not None:
        timer.cancel()
    return over[0]


def _carry(source: Stream, sink: Stream, over: list[str]) -> None:
    why = "it broke off"
    try:
        while True:
            sink.send(source.receive())
    except (Ended, TimeoutError) as ended:
        why = str(ended)
    except Exception:
        LOG.exception("a console session failed")
    finally:
        _end(why, over, source, sink)


def _end(why: str, over: list[str], *streams: Stream) -> None:
    over.append(why)
    for stream in streams:
        stream.close()
