"""Errors in the form that flows keep, and how long to wait before trying again."""

from __future__ import annotations

import traceback

from compute_service.domain import errors
from compute_service.domain.errors import ComputeError, kind_of
from compute_service.domain.flow import Failure

TRANSIENT = frozenset({"Unavailable", "Stale", "Timeout"})
"""Kinds of failure that may pass by themselves."""

LONGEST_PAUSE = 20.0
"""Seconds; pauses double from one second up to this."""


def failure_of(error: BaseException) -> Failure:
    """Return what is kept of an error; the traceback of one that nobody raised on purpose is among it."""
    if isinstance(error, ComputeError):
        return Failure(kind=kind_of(error), message=error.message)
    details = "".join(traceback.format_exception(error))[-16_000:]
    return Failure(kind=type(error).__name__, message=str(error) or type(error).__name__, details=details)


def error_of(failure: Failure) -> ComputeError:
    """Return a failure as the error it was, or as a plain ComputeError when its kind is none of ours."""
    kind = getattr(errors, failure.kind, None)
    if isinstance(kind, type) and issubclass(kind, ComputeError):
        found = ComputeError.__new__(kind)
        ComputeError.__init__(found, failure.message)
        return found
    return ComputeError(failure.message)


def is_transient(failure: Failure) -> bool:
    """Tell whether trying the same again makes sense."""
    return failure.kind in TRANSIENT


def pause_before(attempt: int) -> float:
    """Return the seconds to wait before an attempt (1 is the first repetition)."""
    return float(min(2 ** max(attempt - 1, 0), LONGEST_PAUSE))
