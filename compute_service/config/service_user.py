"""[service_user]: the service's own user, whose token goes along with a user's."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.keystoneauth import Credentials, Session
from compute_service.config.option import opt


@dataclass(frozen=True, kw_only=True)
class ServiceUser(Session, Credentials):
    """Options of the section [service_user]."""

    send_service_user_token: bool = opt(
        False,
        "Whether calls made with a user's token also carry this service's, so that a token which runs "
        "out during long work is still accepted.",
    )
    region_name: str | None = opt(None, "The region of the identity service.")
