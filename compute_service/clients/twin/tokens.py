"""Tokens of the identity twin: signing in by password or token, validation, revocation."""

from __future__ import annotations

from typing import Any

import msgspec

from compute_service.clients.fake.identity import FakeIdentity, NotAuthenticated, Project, Token, User
from compute_service.clients.twin.catalog import catalog_of
from compute_service.clients.twin.router import Answer, Request, Route
from compute_service.domain.errors import Forbidden, Invalid, NotFound


class Tokens:
    """The handlers of /v3/auth/tokens."""

    def __init__(self, identity: FakeIdentity) -> None:
        self._identity = identity

    def routes(self) -> list[Route]:
        """Return the table."""
        return [
            Route("POST", "/v3/auth/tokens", self.authenticate),
            Route("GET", "/v3/auth/tokens", self.show_token),
            Route("DELETE", "/v3/auth/tokens", self.revoke),
        ]

    def authenticate(self, request: Request) -> Answer:
        """POST /v3/auth/tokens: by password or by a token, for a project, the system or nothing."""
        auth = request.member("auth")
        claimed = auth.get("identity")
        if not isinstance(claimed, dict) or not isinstance(claimed.get("methods"), list):
            raise Invalid("auth.identity.methods is a required property")
        user, methods, parent = self._prove(claimed)
        project, system = self._scope(auth.get("scope"), user, parent)
        expires_at = parent.expires_at if parent else None
        token = self._identity.issue(
            user, project, system=system, methods=tuple(methods), expires_at=expires_at
        )
        body = {"token": self._token(token, "nocatalog" not in dict(request.query))}
        return Answer(body, 201, (("X-Subject-Token", token.id), ("Vary", "X-Auth-Token")))

    def show_token(self, request: Request) -> Answer:
        """GET /v3/auth/tokens: what a token is worth."""
        asker = self.asker(request)
        subject = request.header("X-Subject-Token")
        try:
            token = self._identity.validate(subject)
        except NotAuthenticated as error:
            raise NotFound("Failed to validate token") from error
        if subject != asker.id and not may_see_all(asker):
            raise Forbidden("You are not authorized to perform the requested action.")
        body = {"token": self._token(token, "nocatalog" not in dict(request.query))}
        return Answer(body, 200, (("X-Subject-Token", subject),))

    def revoke(self, request: Request) -> Answer:
        """DELETE /v3/auth/tokens."""
        asker = self.asker(request)
        subject = request.header("X-Subject-Token")
        if subject != asker.id and not may_see_all(asker):
            raise Forbidden("You are not authorized to perform the requested action.")
        try:
            self._identity.revoke(subject)
        except NotAuthenticated as error:
            raise NotFound("Failed to validate token") from error
        return Answer(None, 204)

    def asker(self, request: Request) -> Token:
        """Return the token that a request was made with. Raises NotAuthenticated."""
        return self._identity.validate(request.header("X-Auth-Token"))

    def _prove(self, claimed: dict[str, Any]) -> tuple[User, list[str], Token | None]:
        """Return who signs in, by which methods, and the token that was shown."""
        user: User | None = None
        parent: Token | None = None
        for method in claimed["methods"]:
            proof = claimed.get(method)
            if not isinstance(proof, dict):
                raise Invalid(f"auth.identity.{method} is a required property")
            if method == "password":
                user = self._by_password(proof.get("user") or {})
            elif method == "token":
                parent = self._identity.validate(str(proof.get("id")))
                user = parent.user
            else:
                raise NotAuthenticated(f"Attempted to authenticate with an unsupported method: {method}.")
        if user is None:
            raise NotAuthenticated("The request you have made requires authentication.")
        return user, list(dict.fromkeys([*(parent.methods if parent else ()), *claimed["methods"]])), parent

    def _by_password(self, given: dict[str, Any]) -> User:
        try:
            name = str(given.get("id") or given.get("name"))
            domain = None if given.get("id") else self._domain_id(given.get("domain"))
            user = self._identity.find(self._identity.users.values(), name, domain)
        except NotFound as error:
            raise NotAuthenticated("The request you have made requires authentication.") from error
        self._identity.check_password(user, str(given.get("password")))
        return user

    def _scope(self, scope: object, user: User, parent: Token | None) -> tuple[Project | None, bool]:
        if scope is None:
            if parent is None and user.default_project_id:
                return self._identity.projects[user.default_project_id], False
            return None, False
        if scope == "unscoped" or (isinstance(scope, dict) and "unscoped" in scope):
            return None, False
        if isinstance(scope, dict) and isinstance(scope.get("system"), dict):
            return None, True
        if not isinstance(scope, dict) or not isinstance(scope.get("project"), dict):
            raise NotAuthenticated("Only projects and the system can be scopes here.")
        wanted = scope["project"]
        try:
            domain = None if wanted.get("id") else self._domain_id(wanted.get("domain"))
            name = str(wanted.get("id") or wanted.get("name"))
            return self._identity.find(self._identity.projects.values(), name, domain), False
        except NotFound as error:
            raise NotAuthenticated("The request you have made requires authentication.") from error

    def _domain_id(self, given: object) -> str:
        if not isinstance(given, dict):
            raise Invalid("A name needs a domain.")
        name = str(given.get("id") or given.get("name"))
        return self._identity.find(self._identity.domains.values(), name).id

    def _token(self, token: Token, with_catalog: bool) -> dict[str, Any]:
        body: dict[str, Any] = {
            "methods": token.methods,
            "user": {
                "id": token.user.id,
                "name": token.user.name,
                "domain": self.domain(token.user.domain_id),
                "password_expires_at": None,
            },
            "audit_ids": [token.audit_id],
            "issued_at": f"{token.issued_at.isoformat(timespec='microseconds')}Z",
            "expires_at": f"{token.expires_at.isoformat(timespec='microseconds')}Z",
        }
        if token.project is None and not token.system:
            return body
        body["roles"] = msgspec.to_builtins(token.roles)
        if token.project is not None:
            body["is_domain"] = False
            body["project"] = {
                "id": token.project.id,
                "name": token.project.name,
                "domain": self.domain(token.project.domain_id),
            }
        else:
            body["system"] = {"all": True}
        if with_catalog:
            body["catalog"] = catalog_of(self._identity.endpoints)
        return body

    def domain(self, domain_id: str) -> dict[str, str]:
        """Return a domain by identifier and name."""
        domain = self._identity.domains.get(domain_id)
        return {"id": domain_id, "name": domain.name if domain else ""}


def may_see_all(token: Token) -> bool:
    """Tell whether the bearer may see what is others'."""
    return bool({role.name for role in token.roles} & {"admin", "service"})
