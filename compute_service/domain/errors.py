"""Every refusal and failure, in five kinds; the API's edge turns a kind into a status code once.

A message is written for the person who made the request. `status` is set only where the field's own
convention departs from the kind (over-quota is Forbidden but over a limit, and so on).
"""

from __future__ import annotations


class ComputeError(Exception):
    """The root of all errors that this service raises on purpose."""

    status = 500

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(ComputeError):
    """The request cannot be understood or refers to what does not exist (400)."""

    status = 400


class Forbidden(ComputeError):
    """The requester may not do this (403)."""

    status = 403


class NotFound(ComputeError):
    """The thing named in the address does not exist, or not for this requester (404)."""

    status = 404


class Conflict(ComputeError):
    """The thing exists but its state does not allow this now (409)."""

    status = 409


class Unavailable(ComputeError):
    """A part this depends on does not answer (503)."""

    status = 503


class NotSupported(ComputeError):
    """The hypervisor or this release cannot do this (501)."""

    status = 501


class OverQuota(Forbidden):
    """A project or user would exceed its quota (403)."""


class PolicyDenied(Forbidden):
    """The policy rule does not grant this to the requester."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"Policy doesn't allow {rule} to be performed.")
        self.rule = rule


class InvalidState(Conflict):
    """A server's state does not allow an action."""

    def __init__(self, uuid: str, action: str, attribute: str, state: str) -> None:
        super().__init__(f"Cannot '{action}' instance {uuid} while it is in {attribute} {state}")


class Locked(Conflict):
    """A locked server refuses actions of those who are not admin."""

    def __init__(self, uuid: str) -> None:
        super().__init__(f"Instance {uuid} is locked")


class NotReady(Conflict):
    """A server has no host yet."""

    def __init__(self, uuid: str) -> None:
        super().__init__(f"Instance {uuid} is not ready")


class Stale(Conflict):
    """A compare-and-swap lost: the row changed since it was read."""


class NetworkAmbiguous(Conflict):
    """Several networks are possible and none was chosen (409)."""


class PortInUse(Conflict):
    """A port is already bound to another device (409)."""


class NoValidHost(ComputeError):
    """No host can take the server; `reasons` counts the refused hosts by reason."""

    def __init__(self, message: str, reasons: dict[str, int] | None = None) -> None:
        super().__init__(message)
        self.reasons = reasons or {}


class BuildAborted(ComputeError):
    """Building cannot succeed on any host (bad image, port, quota of another service): do not try again."""


class HostRejected(ComputeError):
    """This host could not do it; another one may."""


class Cancelled(ComputeError):
    """What went on was ended because somebody asked for that."""


class Timeout(Unavailable):
    """A bounded wait ran out."""


def kind_of(error: ComputeError) -> str:
    """Return the name by which all parts know an error: its class's, or that of the nearest one here."""
    return next(one.__name__ for one in type(error).__mro__ if one.__module__ == __name__)
