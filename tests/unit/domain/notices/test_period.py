from __future__ import annotations

from datetime import datetime

import pytest

from compute_service.domain.errors import Invalid
from compute_service.domain.notices.period import Period

NOW = datetime(2026, 3, 14, 15, 9, 26, 535897)


def at(text: str) -> datetime:
    """Return a time."""
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("option", "before", "begun"),
    [
        ("hour", "2026-03-14T14:00", "2026-03-14T15:00"),
        ("hour@5", "2026-03-14T14:05", "2026-03-14T15:05"),
        ("hour@30", "2026-03-14T13:30", "2026-03-14T14:30"),
        ("day", "2026-03-13T00:00", "2026-03-14T00:00"),
        ("day@15", "2026-03-13T15:00", "2026-03-14T15:00"),
        ("day@16", "2026-03-12T16:00", "2026-03-13T16:00"),
        ("month", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("month@14", "2026-02-14T00:00", "2026-03-14T00:00"),
        ("month@28", "2026-01-28T00:00", "2026-02-28T00:00"),
        ("year", "2025-01-01T00:00", "2026-01-01T00:00"),
        ("year@4", "2024-04-01T00:00", "2025-04-01T00:00"),
    ],
)
def test_a_period_begins_where_the_option_says(option: str, before: str, begun: str) -> None:
    period = Period.parse(option)
    assert period.begun(NOW) == at(begun)
    assert period.last(NOW) == (at(before), at(begun))


def test_a_period_is_over_in_the_moment_the_next_begins() -> None:
    assert Period.parse("month").begun(at("2026-01-01T00:00")) == at("2026-01-01T00:00")
    assert Period.parse("month").last(at("2026-01-01T00:00")) == (
        at("2025-12-01T00:00"),
        at("2026-01-01T00:00"),
    )


@pytest.mark.parametrize(
    "text",
    ["", "week", "hour@60", "day@24", "month@0", "month@29", "year@13", "day@", "day@x", "day@-1", "day@1@2"],
)
def test_what_is_no_period_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(Invalid, match="hour, day, month or year"):
        Period.parse(text)
