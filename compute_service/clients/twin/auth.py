"""A check of tokens like keystonemiddleware's, against an identity service in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from compute_service.clients.fake.identity import FakeIdentity, NotAuthenticated, Token
from compute_service.clients.twin.catalog import catalog_of
from compute_service.clients.twin.router import Answer, send

_OURS = (
    "X_IDENTITY_STATUS",
    "X_SERVICE_IDENTITY_STATUS",
    "X_USER_ID",
    "X_USER_NAME",
    "X_USER_DOMAIN_ID",
    "X_USER_DOMAIN_NAME",
    "X_PROJECT_ID",
    "X_PROJECT_NAME",
    "X_PROJECT_DOMAIN_ID",
    "X_PROJECT_DOMAIN_NAME",
    "X_TENANT_ID",
    "X_TENANT_NAME",
    "X_ROLES",
    "X_IS_ADMIN_PROJECT",
    "X_SERVICE_CATALOG",
    "X_SERVICE_USER_ID",
    "X_SERVICE_PROJECT_ID",
    "X_SERVICE_ROLES",
    "OPENSTACK_SYSTEM_SCOPE",
)
"""Headers that say who asks: whatever a client sends under these names is dropped."""


class TokenAuth:
    """Lets through who has a good token, and tells the application who that is; others get 401.

    `open_paths` need no token. Source of the headers: keystonemiddleware, auth_token.
    """

    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        identity: FakeIdentity,
        auth_url: str = "",
        open_paths: frozenset[str] = frozenset(),
    ) -> None:
        self._app = app
        self._identity = identity
        self._auth_url = auth_url
        self._open = open_paths

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a WSGI request."""
        for name in _OURS:
            environ.pop(f"HTTP_{name}", None)
        if (environ.get("PATH_INFO", "").rstrip("/") or "/") in self._open:
            return self._app(environ, start_response)
        try:
            token = self._identity.validate(environ.get("HTTP_X_AUTH_TOKEN", ""))
            service = environ.get("HTTP_X_SERVICE_TOKEN")
            service_token = self._identity.validate(service) if service else None
        except NotAuthenticated:
            return send(self._refusal(), start_response)
        for name, value in self._headers(token, service_token).items():
            environ[f"HTTP_{name}"] = value
        environ["HTTP_X_AUTH_TOKEN"] = token.id
        return self._app(environ, start_response)

    def _refusal(self) -> Answer:
        body = {"error": {"code": 401, "title": "Unauthorized", "message": _REASON}}
        headers = (("WWW-Authenticate", f'Keystone uri="{self._auth_url}"'),)
        return Answer(body, 401, headers)

    def _headers(self, token: Token, service: Token | None) -> dict[str, str]:
        headers = {
            "X_IDENTITY_STATUS": "Confirmed",
            "X_USER_ID": token.user.id,
            "X_USER_NAME": token.user.name,
            "X_USER_DOMAIN_ID": token.user.domain_id,
            "X_USER_DOMAIN_NAME": self._domain(token.user.domain_id),
            "X_ROLES": ",".join(role.name for role in token.roles),
            "X_IS_ADMIN_PROJECT": "True",
            "X_SERVICE_CATALOG": msgspec.json.encode(catalog_of(self._identity.endpoints)).decode(),
        }
        if token.project is not None:
            headers |= {
                "X_PROJECT_ID": token.project.id,
                "X_PROJECT_NAME": token.project.name,
                "X_PROJECT_DOMAIN_ID": token.project.domain_id,
                "X_PROJECT_DOMAIN_NAME": self._domain(token.project.domain_id),
                "X_TENANT_ID": token.project.id,
                "X_TENANT_NAME": token.project.name,
            }
        if token.system:
            headers["OPENSTACK_SYSTEM_SCOPE"] = "all"
        if service is not None:
            headers |= {
                "X_SERVICE_IDENTITY_STATUS": "Confirmed",
                "X_SERVICE_USER_ID": service.user.id,
                "X_SERVICE_ROLES": ",".join(role.name for role in service.roles),
            }
            if service.project is not None:
                headers["X_SERVICE_PROJECT_ID"] = service.project.id
        return headers

    def _domain(self, domain_id: str) -> str:
        found = self._identity.domains.get(domain_id)
        return found.name if found else ""


_REASON = "The request you have made requires authentication."
