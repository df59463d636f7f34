"""Passing a user's request on to another service over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from compute_service.clients.http import ErrorOf, Reach, RestClient
from compute_service.domain.context import Context
from compute_service.domain.errors import Unavailable


class HttpRelay:
    """The `Relay` port over HTTP."""

    def __init__(self, reach: Reach, error_of: ErrorOf | None = None) -> None:
        self._name = reach.name
        self._rest = RestClient(reach, error_of=error_of)

    def address(self) -> str:
        """Return where the service is, without a version."""
        return self._rest.address()

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
        """Return the answer's JSON, or None where it has no body."""
        answer = self._rest.call(method, path, query=query, body=body, ctx=ctx, headers=dict(headers or {}))
        if not answer.content:
            return None
        try:
            return msgspec.json.decode(answer.content)
        except msgspec.DecodeError as error:
            raise Unavailable(f"The {self._name} service answered something that is not JSON.") from error
