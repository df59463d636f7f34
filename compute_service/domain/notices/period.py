"""Audit periods: hours, days, months or years, each beginning where `@offset` says.

`hour@30` begins at half past, `day@6` at six, `month@15` on the 15th, `year@4` in April; times are UTC.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from compute_service.domain.errors import Invalid

_NAMESPACE = uuid.UUID("7f0c8f0e-3d0e-5f2b-9a55-4f2d6c1b7a11")
_OFFSETS = {"hour": (0, 59), "day": (0, 23), "month": (1, 28), "year": (1, 12)}
"""The least and the greatest offset of each unit; the least is where none is given."""


@dataclass(frozen=True, slots=True)
class Period:
    """A way to cut time into periods."""

    unit: str
    offset: int

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read `unit` or `unit@offset`. Raises Invalid."""
        unit, at, offset = text.strip().partition("@")
        least, most = _OFFSETS.get(unit, (0, -1))
        number = int(offset) if offset.isdecimal() else least
        if (at and not offset.isdecimal()) or not least <= number <= most:
            raise Invalid(
                f"[DEFAULT] instance_usage_audit_period is '{text}': it must be hour, day, month or year, or "
                "with an offset hour@0 to hour@59, day@0 to day@23, month@1 to month@28, year@1 to year@12."
            )
        return cls(unit, number)

    def begun(self, now: datetime) -> datetime:
        """Return when the period that `now` is in began."""
        begin = now.replace(minute=0, second=0, microsecond=0)
        if self.unit == "hour":
            begin = begin.replace(minute=self.offset)
        elif self.unit == "day":
            begin = begin.replace(hour=self.offset)
        elif self.unit == "month":
            begin = begin.replace(hour=0, day=self.offset)
        else:
            begin = begin.replace(hour=0, day=1, month=self.offset)
        return begin if begin <= now else self._before(begin)

    def last(self, now: datetime) -> tuple[datetime, datetime]:
        """Return the beginning and the end of the last period that is over."""
        end = self.begun(now)
        return self._before(end), end

    def note_id(self, cell: str, end: datetime) -> str:
        """Return the flow by which a cell's log tells that the use in the period until `end` was told."""
        return str(uuid.uuid5(_NAMESPACE, f"{cell} {self} {end.isoformat()}"))

    def _before(self, begin: datetime) -> datetime:
        """Return the beginning of the period before the one that begins so."""
        if self.unit == "hour":
            return begin - timedelta(hours=1)
        if self.unit == "day":
            return begin - timedelta(days=1)
        if self.unit == "month":
            last_month = begin.replace(day=1) - timedelta(days=1)
            return last_month.replace(day=self.offset)
        return begin.replace(year=begin.year - 1)
