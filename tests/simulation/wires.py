"""The messages under way: any may be lost, doubled, or overtaken by others."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.faults import Faults

Message = Callable[[], None]


class Wires:
    """Messages that wait to be delivered."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._under_way: list[Message] = []

    def send(self, message: Message) -> None:
        """Send, perhaps in vain, perhaps twice."""
        if self._faults.happens("lost messages", self._faults.odds.lost):
            return
        self._under_way.append(message)
        if self._faults.happens("doubled messages", self._faults.odds.doubled):
            self._under_way.append(message)

    @property
    def waiting(self) -> int:
        """How many are under way."""
        return len(self._under_way)

    def take(self) -> Message:
        """Return one of them, any."""
        return self._under_way.pop(self._faults.rnd.randrange(len(self._under_way)))
