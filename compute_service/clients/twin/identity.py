"""The identity API, version 3, over an identity service in memory. Development only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from compute_service.clients.fake.identity import FakeIdentity, Project, Token, User
from compute_service.clients.twin.catalog import catalog_of
from compute_service.clients.twin.router import Answer, Request, Route, Router
from compute_service.clients.twin.tokens import Tokens, may_see_all
from compute_service.domain.errors import ComputeError, Forbidden, NotFound

_VERSION_ID = "v3.14"


def identity_app(identity: FakeIdentity) -> Router:
    """Return the WSGI application."""
    return Router(_Identity(identity).routes(), _error)


class _Identity:
    """The handlers."""

    def __init__(self, identity: FakeIdentity) -> None:
        self._identity = identity
        self._tokens = Tokens(identity)

    def routes(self) -> list[Route]:
        """Return the table."""
        return [
            Route("GET", "/", self.versions),
            Route("GET", "/v3", self.version),
            *self._tokens.routes(),
            Route("GET", "/v3/auth/catalog", self.catalog),
            Route("GET", "/v3/auth/projects", self.own_projects),
            Route("GET", "/v3/users/{user_id}/projects", self.projects_of_user),
            Route("GET", "/v3/role_assignments", self.role_assignments),
            Route("GET", "/v3/services", self.services),
            Route("GET", "/v3/services/{row_id}", self.service),
            Route("GET", "/v3/endpoints", self.endpoints),
            Route("GET", "/v3/regions", self.regions),
            *self._table("project", self._identity.projects, self._project),
            *self._table("user", self._identity.users, self._user),
            *self._table("role", self._identity.roles, self._plain),
            *self._table("domain", self._identity.domains, self._plain),
        ]

    def versions(self, request: Request) -> Answer:
        """GET / : which versions there are."""
        return Answer({"versions": {"values": [_version(request)]}}, 300)

    def version(self, request: Request) -> Answer:
        """GET /v3."""
        return Answer({"version": _version(request)})

    def catalog(self, request: Request) -> Answer:
        """GET /v3/auth/catalog."""
        self._tokens.asker(request)
        catalog = catalog_of(self._identity.endpoints)
        return Answer({"catalog": catalog, "links": {"self": f"{request.root}/v3/auth/catalog"}})

    def own_projects(self, request: Request) -> Answer:
        """GET /v3/auth/projects: those in which the asker has a role."""
        return self._listed(
            request, "projects", map(self._project, self._projects_of(self._tokens.asker(request).user))
        )

    def projects_of_user(self, request: Request, user_id: str) -> Answer:
        """GET /v3/users/{id}/projects."""
        asker = self._tokens.asker(request)
        if user_id != asker.user.id and not may_see_all(asker):
            raise Forbidden("You are not authorized to perform the requested action.")
        user = self._identity.find(self._identity.users.values(), user_id)
        return self._listed(request, "projects", map(self._project, self._projects_of(user)))

    def role_assignments(self, request: Request) -> Answer:
        """GET /v3/role_assignments, filtered by user, role and project."""
        self._admin(request)
        wanted = {name: value for name, value in request.query if value}
        named = "include_names" in dict(request.query)
        rows = []
        for user, target, role in sorted(self._identity.assignments):
            have = {"user.id": user, "role.id": role, "scope.project.id": target}
            if all(have[name] == value for name, value in wanted.items() if name in have):
                project = {"project": self._brief(self._identity.projects, target, named)}
                rows.append(
                    {
                        "user": self._brief(self._identity.users, user, named),
                        "role": self._brief(self._identity.roles, role, named),
                        "scope": {"system": {"all": True}} if target == "system" else project,
                        "links": {},
                    }
                )
        return self._listed(request, "role_assignments", rows)

    def services(self, request: Request) -> Answer:
        """GET /v3/services."""
        self._admin(request)
        rows = [
            {key: service[key] for key in ("id", "type", "name")} | {"enabled": True}
            for service in catalog_of(self._identity.endpoints)
        ]
        return self._listed(request, "services", _filtered(rows, request))

    def service(self, request: Request, row_id: str) -> Answer:
        """GET /v3/services/{id}."""
        self._admin(request)
        for service in catalog_of(self._identity.endpoints):
            if service["id"] == row_id:
                shown = {key: service[key] for key in ("id", "type", "name")}
                return Answer({"service": {**shown, "enabled": True}})
        raise NotFound(f"Could not find service: {row_id}.")

    def endpoints(self, request: Request) -> Answer:
        """GET /v3/endpoints."""
        self._admin(request)
        rows = [
            {
                "id": e.id,
                "interface": e.interface,
                "region": e.region,
                "region_id": e.region,
                "service_id": e.service_id,
                "url": e.url,
                "enabled": True,
            }
            for e in self._identity.endpoints
        ]
        return self._listed(request, "endpoints", _filtered(rows, request))

    def regions(self, request: Request) -> Answer:
        """GET /v3/regions."""
        self._tokens.asker(request)
        names = dict.fromkeys(endpoint.region for endpoint in self._identity.endpoints)
        rows = [{"id": name, "description": "", "parent_region_id": None} for name in names]
        return self._listed(request, "regions", rows)

    def _table(
        self, noun: str, rows: Mapping[str, Any], shown: Callable[[Any], dict[str, Any]]
    ) -> list[Route]:
        """Return the routes that list and show one kind of rows."""

        def index(request: Request) -> Answer:
            self._admin(request)
            return self._listed(request, f"{noun}s", _filtered(map(shown, list(rows.values())), request))

        def show(request: Request, row_id: str) -> Answer:
            asker = self._tokens.asker(request)
            own = {asker.user.id, asker.project.id if asker.project else None}
            if row_id not in own and not may_see_all(asker):
                raise Forbidden("You are not authorized to perform the requested action.")
            if row_id not in rows:
                raise NotFound(f"Could not find {noun}: {row_id}.")
            return Answer({noun: shown(rows[row_id])})

        return [Route("GET", f"/v3/{noun}s", index), Route("GET", f"/v3/{noun}s/{{row_id}}", show)]

    def _brief(self, rows: Mapping[str, Any], row_id: str, named: bool) -> dict[str, Any]:
        """Return a row by its identifier, and with names if asked."""
        row = rows.get(row_id)
        if not named or row is None:
            return {"id": row_id}
        domain = getattr(row, "domain_id", None)
        return {"id": row_id, "name": row.name} | ({"domain": self._tokens.domain(domain)} if domain else {})

    def _projects_of(self, user: User) -> list[Project]:
        targets = {target for who, target, _ in self._identity.assignments if who == user.id}
        return [project for project in self._identity.projects.values() if project.id in targets]

    def _admin(self, request: Request) -> Token:
        asker = self._tokens.asker(request)
        if not may_see_all(asker):
            raise Forbidden("You are not authorized to perform the requested action.")
        return asker

    def _listed(self, request: Request, noun: str, rows: Iterable[object]) -> Answer:
        links = {"self": f"{request.root}{request.path}", "next": None, "previous": None}
        return Answer({noun: list(rows), "links": links})

    def _project(self, row: Project) -> dict[str, Any]:
        parent = {"parent_id": row.domain_id, "is_domain": False, "tags": [], "options": {}}
        return {**msgspec.to_builtins(row), **parent, "links": {}}

    def _user(self, row: User) -> dict[str, Any]:
        return {**msgspec.to_builtins(row), "options": {}, "password_expires_at": None, "links": {}}

    def _plain(self, row: Any) -> dict[str, Any]:
        return {**msgspec.to_builtins(row), "options": {}, "links": {}}


def _filtered(rows: Iterable[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Return the rows that match the query's fields."""
    wanted = [(name, value) for name, value in request.query if value]
    return [
        row
        for row in rows
        if all(str(row[name]).lower() == value.lower() for name, value in wanted if name in row)
    ]


def _version(request: Request) -> dict[str, Any]:
    return {
        "id": _VERSION_ID,
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": f"{request.root}/v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }


def _error(error: ComputeError) -> Answer:
    title = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
    body = {"code": error.status, "title": title.get(error.status, "Error"), "message": error.message}
    return Answer({"error": body}, error.status)
