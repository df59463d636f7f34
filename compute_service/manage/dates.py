"""Dates as operators write them on a command line."""

from __future__ import annotations

from datetime import UTC, datetime

from compute_service.domain.errors import Invalid

_FORMATS = ("%d %b %Y", "%b %d %Y", "%d %B %Y", "%B %d %Y", "%Y/%m/%d", "%a %b %d %H:%M:%S %Y")


def parse_date(text: str) -> datetime:
    """Return a moment as a naive datetime in UTC. Raises Invalid.

    Read are ISO 8601 (with or without a time and a zone; no zone is UTC) and forms such as `Aug 31 2025`.
    """
    cleaned = " ".join(text.replace(",", " ").split())
    try:
        return _in_utc(datetime.fromisoformat(cleaned))
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return datetime.strptime(cleaned, form)
        except ValueError:
            continue
    raise Invalid(f"{text!r} is not a date; write it as 2025-08-31 or 2025-08-31 23:59.")


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
