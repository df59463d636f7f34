"""Another service's own API, for what compute only passes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from compute_service.domain.context import Context
from compute_service.domain.errors import Unavailable


class Relay(Protocol):
    """Makes a call as the user who asks, who sees and may there what that service allows.

    Errors: Invalid, Forbidden, NotFound, Conflict, OverQuota, Unavailable, Timeout.
    """

    def address(self) -> str:
        """Return where the service is, without a version."""

    def ask(
        self,
        ctx: Context,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return the answer's JSON, or None where it has no body. `path` begins with the version."""


class NoRelay:
    """There is no such service here."""

    def address(self) -> str:
        """Refuse. Raises Unavailable."""
        raise Unavailable("This service passes nothing on to others.")

    def ask(self, ctx: Context, method: str, path: str, **more: Any) -> Any:
        """Refuse. Raises Unavailable."""
        raise Unavailable("This service passes nothing on to others.")
