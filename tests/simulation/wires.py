"""The messages under way: any may be lost, doubled, late, or overtaken by others."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.faults import Faults

Message = Callable[[], None]


class Wires:
    """Messages that wait to be delivered."""

    LATEST = 300.0
    """Seconds by which a message may be late."""

    def __init__(self, faults: Faults, now: Callable[[], float] = lambda: 0.0) -> None:
        self._faults, self._now = faults, now
        self._under_way: list[tuple[float, Message]] = []

    def send(self, message: Message) -> None:
        """Send, perhaps in vain, perhaps twice, and the second time perhaps much later."""
        if self._faults.happens("lost messages", self._faults.odds.lost):
            return
        self._under_way.append((0.0, message))
        if self._faults.happens("doubled messages", self._faults.odds.doubled):
            late = self._faults.happens("late messages", self._faults.odds.late)
            due = self._now() + self._faults.rnd.random() * self.LATEST if late else 0.0
            self._under_way.append((due, message))

    @property
    def waiting(self) -> int:
        """How many are under way."""
        return len(self._under_way)

    def take(self) -> Message:
        """Return one of them, any that is due; the next one when none is."""
        now = self._now()
        due = [number for number, (at, _) in enumerate(self._under_way) if at <= now]
        if due:
            return self._under_way.pop(due[self._faults.rnd.randrange(len(due))])[1]
        number = min(range(len(self._under_way)), key=lambda n: self._under_way[n][0])
        at, message = self._under_way[number]
        if at > now and not self._faults.calm:
            return lambda: None
        self._under_way.pop(number)
        return message
