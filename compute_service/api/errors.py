"""Turning an error into a fault body, once, at the edge. Source: Compute API guide, "Faults"."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from compute_service.domain.errors import ComputeError

_NAMES: dict[int, str] = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}


class Gone(ComputeError):
    """A route of former releases (410)."""

    status = 410


class TooLarge(ComputeError):
    """A body above `max_request_body_size` (413)."""

    status = 413


class BadMediaType(ComputeError):
    """A body that is not JSON (415)."""

    status = 415


class Unauthenticated(ComputeError):
    """No valid token (401)."""

    status = 401


NO_SUCH_PLACE = "The resource could not be found."


class Fault(NamedTuple):
    """An answer that says no."""

    status: int
    body: bytes


def fault(status: int, message: str) -> Fault:
    """Return the fault body of a status code."""
    name = _NAMES.get(status, "computeFault")
    return Fault(status, msgspec.json.encode({name: {"code": status, "message": message}}))


def fault_of(error: Exception) -> Fault:
    """Return the fault of any error. One that nobody meant shows its class and no more."""
    if isinstance(error, ComputeError):
        return fault(error.status, error.message)
    return fault(
        500,
        "Unexpected API Error. The service's log has the details under the request id of this answer.\n"
        f"{type(error)}",
    )
