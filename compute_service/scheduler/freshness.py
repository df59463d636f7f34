"""How long an answer is used before it is asked for again: the dearer it was, the longer.

Where hosts are few, an answer costs little and is at most a second old. With a thousand of them each costs a
quarter of a second in placement and in the databases, and to ask for it every second would cost more than the
servers that are placed meanwhile.
"""

from __future__ import annotations

LEAST, MOST = 1.0, 5.0
"""Seconds for which any answer is used, and beyond which none is."""
_SHARE = 50
"""One part in so many of the time may go into asking."""


def fresh_for(took: float) -> float:
    """Return the seconds for which an answer is used that took so many to get."""
    return min(max(LEAST, _SHARE * took), MOST)
