"""The identity service in memory: domains, projects, users, roles, tokens and the catalog."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from compute_service.clients.clock import SystemClock
from compute_service.clients.fake.faults import Faults
from compute_service.domain.errors import Conflict, Forbidden, NotFound
from compute_service.domain.record import Record
from compute_service.ports.clock import Clock

TOKEN_LIFE = timedelta(hours=1)
_ROUNDS = 1_000
"""Few: the passwords of a world in memory guard nothing."""


class Domain(Record):
    """A domain."""

    id: str
    name: str
    enabled: bool = True
    description: str = ""


class Project(Record):
    """A project."""

    id: str
    name: str
    domain_id: str
    enabled: bool = True
    description: str = ""


class User(Record):
    """A user."""

    id: str
    name: str
    domain_id: str
    enabled: bool = True
    default_project_id: str | None = None


class Role(Record):
    """A role."""

    id: str
    name: str


class Token(Record):
    """A token: whose it is and for what. Without a project and system scope it is unscoped."""

    id: str
    user: User
    project: Project | None = None
    system: bool = False
    roles: tuple[Role, ...] = ()
    issued_at: datetime
    expires_at: datetime
    methods: tuple[str, ...] = ("password",)
    audit_id: str = ""


class Endpoint(Record):
    """One entry of the catalog."""

    service_type: str
    service_name: str
    url: str
    interface: str = "public"
    region: str = "RegionOne"
    id: str
    service_id: str


class NotAuthenticated(Forbidden):
    """The credentials are wrong, or the token is unknown or has run out (401)."""

    status = 401


N = TypeVar("N", Domain, Project, User, Role)


class FakeIdentity(Faults):
    """Identity in memory."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock or SystemClock()
        self.domains: dict[str, Domain] = {}
        self.projects: dict[str, Project] = {}
        self.users: dict[str, User] = {}
        self.roles: dict[str, Role] = {}
        self.assignments: set[tuple[str, str, str]] = set()
        """(user, project or "system", role), by identifier."""
        self.endpoints: list[Endpoint] = []
        self._passwords: dict[str, tuple[bytes, bytes]] = {}
        self._tokens: dict[str, Token] = {}

    def project_exists(self, project_id: str) -> bool | None:
        """Tell whether a project exists."""
        with self._call("project_exists"):
            return project_id in self.projects

    def add_domain(self, name: str, domain_id: str | None = None) -> Domain:
        """Make a domain. Raises Conflict."""
        return self._add(self.domains, Domain(id=domain_id or _new_id(), name=name))

    def add_project(self, name: str, domain_id: str = "default", project_id: str | None = None) -> Project:
        """Make a project. Raises Conflict."""
        return self._add(self.projects, Project(id=project_id or _new_id(), name=name, domain_id=domain_id))

    def add_role(self, name: str) -> Role:
        """Make a role. Raises Conflict."""
        return self._add(self.roles, Role(id=_new_id(), name=name))

    def add_user(
        self, name: str, password: str, domain_id: str = "default", user_id: str | None = None
    ) -> User:
        """Make a user. Raises Conflict."""
        user = self._add(self.users, User(id=user_id or _new_id(), name=name, domain_id=domain_id))
        salt = secrets.token_bytes(8)
        self._passwords[user.id] = (salt, _digest(password, salt))
        return user

    def grant(self, user: User, role: str, project: Project | None = None) -> None:
        """Give a user a role (by name) on a project, or on the system. Raises NotFound."""
        with self._lock:
            found = self.find(self.roles.values(), role)
            self.assignments.add((user.id, project.id if project else "system", found.id))

    def add_endpoint(self, service_type: str, service_name: str, url: str, region: str = "RegionOne") -> None:
        """List a service in the catalog under all three interfaces; a type listed before is replaced."""
        with self._lock:
            self.endpoints = [e for e in self.endpoints if e.service_type != service_type]
            service = _new_id()
            for interface in ("public", "internal", "admin"):
                self.endpoints.append(
                    Endpoint(
                        service_type=service_type,
                        service_name=service_name,
                        url=url,
                        interface=interface,
                        region=region,
                        id=_new_id(),
                        service_id=service,
                    )
                )

    def find(self, rows: Iterable[N], name_or_id: str, domain_id: str | None = None) -> N:
        """Return a row by identifier or by name, in a domain if given. Raises NotFound."""
        rows = list(rows)
        for row in rows:
            if row.id == name_or_id:
                return row
        for row in rows:
            if row.name == name_or_id and domain_id in (None, getattr(row, "domain_id", domain_id)):
                return row
        raise NotFound(f"Could not find {name_or_id}.")

    def roles_of(self, user: User, project: Project | None, system: bool = False) -> tuple[Role, ...]:
        """Return a user's roles on a project or the system, by name."""
        target = "system" if system else project.id if project else ""
        with self._lock:
            ids = {role for who, where, role in self.assignments if (who, where) == (user.id, target)}
            return tuple(sorted((self.roles[role] for role in ids), key=lambda role: role.name))

    def check_password(self, user: User, password: str) -> None:
        """Raises NotAuthenticated when the password is wrong or the user may not sign in."""
        salt, digest = self._passwords.get(user.id, (b"", b""))
        if not user.enabled or not hmac.compare_digest(digest, _digest(password, salt)):
            raise NotAuthenticated("The request you have made requires authentication.")

    def issue(
        self,
        user: User,
        project: Project | None = None,
        *,
        system: bool = False,
        methods: tuple[str, ...] = ("password",),
        expires_at: datetime | None = None,
    ) -> Token:
        """Make a token for a user who has proved who it is. Raises NotAuthenticated without a role there."""
        with self._call("issue"):
            roles = self.roles_of(user, project, system)
            if (project is not None or system) and not roles:
                raise NotAuthenticated("The user has no role there.")
            now = self._clock.now()
            self._forget_expired(now)
            token = Token(
                id=secrets.token_urlsafe(32),
                user=user,
                project=project,
                system=system,
                roles=roles,
                issued_at=now,
                expires_at=expires_at or now + TOKEN_LIFE,
                methods=methods,
                audit_id=secrets.token_urlsafe(12),
            )
            self._tokens[token.id] = token
            return token

    def validate(self, token_id: str) -> Token:
        """Return a token that is good. Raises NotAuthenticated."""
        with self._call("validate"):
            token = self._tokens.get(token_id)
            if token is None or token.expires_at <= self._clock.now():
                raise NotAuthenticated("The token is not valid.")
            return token

    def revoke(self, token_id: str) -> None:
        """Make a token worthless. Raises NotAuthenticated when it is unknown."""
        with self._call("revoke"):
            self.validate(token_id)
            del self._tokens[token_id]

    def _add(self, table: dict[str, N], row: N) -> N:
        with self._lock:
            same = [r for r in table.values() if r.name == row.name]
            if row.id in table or any(
                getattr(r, "domain_id", None) == getattr(row, "domain_id", None) for r in same
            ):
                raise Conflict(f"{type(row).__name__} {row.name} exists.")
            table[row.id] = row
            return row

    def _forget_expired(self, now: datetime) -> None:
        for token_id in [t.id for t in self._tokens.values() if t.expires_at <= now]:
            del self._tokens[token_id]


def _new_id() -> str:
    return uuid.uuid4().hex


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
