"""Who asks: carried from the edge through every use case, and into logs and flows (without the token)."""

from __future__ import annotations

from compute_service.domain.record import Record


class Context(Record):
    """One request's origin. `request_id` is ours (req-…); `global_request_id` came with the request.

    `is_admin` is what the policy rule `context_is_admin` says of the roles.
    """

    request_id: str
    user_id: str
    project_id: str
    roles: tuple[str, ...] = ()
    is_admin: bool = False
    global_request_id: str | None = None
    user_domain_id: str | None = None
    project_domain_id: str | None = None
    system_scope: str | None = None
    service_roles: tuple[str, ...] = ()
    token: str | None = None
    """The user's token, for calls on the user's behalf while the request lasts. Never stored or logged."""
    remote_address: str | None = None

    def __repr__(self) -> str:
        return f"Context({self.request_id}, user={self.user_id}, project={self.project_id})"
