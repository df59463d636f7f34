"""What is kept of errors, and which of them may pass."""

from __future__ import annotations

import pytest

from compute_service.domain.errors import ComputeError, Conflict, HostRejected, Stale, Timeout, Unavailable
from compute_service.flows.failure import error_of, failure_of, is_transient
from compute_service.store.dialects import DatabaseDown


@pytest.mark.parametrize("error", [Unavailable("u"), Timeout("t"), Stale("s"), DatabaseDown("d")])
def test_what_may_pass_is_worth_another_try(error: ComputeError) -> None:
    assert is_transient(failure_of(error))


@pytest.mark.parametrize("error", [Conflict("c"), HostRejected("h"), ComputeError("e"), ValueError("v")])
def test_what_will_not_pass_is_not(error: Exception) -> None:
    assert not is_transient(failure_of(error))


def test_an_error_of_one_part_alone_is_kept_as_what_it_is_for_all() -> None:
    kept = failure_of(DatabaseDown("Database api does not answer."))
    assert (kept.kind, kept.message) == ("Unavailable", "Database api does not answer.")
    assert isinstance(error_of(kept), Unavailable)


def test_what_nobody_raised_on_purpose_is_kept_with_its_traceback() -> None:
    try:
        raise ValueError("unexpected")
    except ValueError as error:
        kept = failure_of(error)
    assert kept.kind == "ValueError"
    assert "test_failure.py" in (kept.details or "")
