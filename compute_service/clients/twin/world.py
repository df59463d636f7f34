"""A small cloud around the compute service, for development only.

Identity, images, networks and placement in memory, spoken to over HTTP by stock clients and in process by
ourselves, who see the same things. `default_world` fills it: a default domain, projects and users for each
role, a private and a public network, a tiny image.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compute_service.clients.fake.identity import FakeIdentity
from compute_service.clients.fake.images import FakeImages
from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.twin.auth import TokenAuth
from compute_service.clients.twin.identity import identity_app
from compute_service.clients.twin.image import image_app
from compute_service.clients.twin.mount import Application, Mount
from compute_service.clients.twin.network import network_app
from compute_service.domain.image import Image
from compute_service.ports.clock import Clock

PASSWORD = "development"  # noqa: S105 - everyone's, and printed: these users guard nothing
REGION = "RegionOne"
TINY_BYTES = 1024 * 1024
_USERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("admin", "admin", ("admin", "manager", "member", "reader")),
    ("demo", "demo", ("member", "reader")),
    ("demo-manager", "demo", ("manager", "member", "reader")),
    ("demo-reader", "demo", ("reader",)),
    ("other", "other", ("member", "reader")),
    ("nova", "service", ("admin", "service")),
)
"""Name, project and roles there."""
_SERVICES = (
    ("identity", "keystone", "/identity"),
    ("image", "glance", "/image"),
    ("network", "neutron", "/network"),
    ("placement", "placement", "/placement"),
)


@dataclass(frozen=True, slots=True)
class World:
    """The services around compute. `placement` is a WSGI application, or None where there is none."""

    identity: FakeIdentity
    images: FakeImages
    network: FakeNetwork
    placement: Application | None = None

    def application(
        self, base_url: str, others: Mapping[str, tuple[str, str, str, Application]] | None = None
    ) -> Application:
        """Return all services as one WSGI application that is served at `base_url`, and list them in the
        catalog. `others` adds services: prefix → (type, name, path of its endpoint, application); those
        check tokens themselves."""
        auth_url = f"{base_url}/identity"
        applications: dict[str, Application] = {
            "/identity": identity_app(self.identity),
            "/image": self._guarded(image_app(self.images), auth_url, ("/", "/versions")),
            "/network": self._guarded(network_app(self.network), auth_url, ("/",)),
        }
        if self.placement is not None:
            applications["/placement"] = self._guarded(self.placement, auth_url, ("/",))
        for service_type, name, prefix in _SERVICES:
            if prefix in applications:
                self.identity.add_endpoint(service_type, name, f"{base_url}{prefix}", REGION)
        for prefix, (service_type, name, path, application) in (others or {}).items():
            applications[prefix] = application
            self.identity.add_endpoint(service_type, name, f"{base_url}{prefix}{path}", REGION)
        return Mount(applications)

    def clouds(self, base_url: str) -> dict[str, Any]:
        """Return a clouds.yaml as a document: a cloud for each user, and `system` for the system's admin."""
        users = [
            (name, {"project_name": project, "project_domain_id": "default"}) for name, project, _ in _USERS
        ]
        clouds = {name: _cloud(base_url, name, scope) for name, scope in users}
        clouds["system"] = _cloud(base_url, "admin", {"system_scope": "all"})
        return {"clouds": clouds}

    def _guarded(self, application: Application, auth_url: str, open_paths: tuple[str, ...]) -> TokenAuth:
        return TokenAuth(application, self.identity, auth_url, frozenset(open_paths))


def default_world(placement: Application | None = None, clock: Clock | None = None) -> World:
    """Return a world with users, networks and an image."""
    identity, images, network = FakeIdentity(clock), FakeImages(clock), FakeNetwork(clock)
    identity.add_domain("Default", "default")
    for role in ("admin", "manager", "member", "reader", "service"):
        identity.add_role(role)
    projects: dict[str, str] = {}
    for user_name, project_name, roles in _USERS:
        if project_name not in projects:
            projects[project_name] = identity.add_project(project_name, project_id=_stable(project_name)).id
        user = identity.add_user(user_name, PASSWORD, user_id=_stable(f"user {user_name}"))
        for role in roles:
            identity.grant(user, role, identity.projects[projects[project_name]])
        network.groups.default(projects[project_name])
    for role in ("admin", "member", "reader"):
        identity.grant(identity.users[_stable("user admin")], role)
    service = projects["service"]
    network.add_network("private", "10.0.0.0/16", service, shared=True)
    network.add_network("public", "172.24.4.0/24", service, external=True)
    tiny = Image(id="5c3f7a9e-0000-4000-8000-74696e790001", name="tiny", disk_format="raw", owner=service)
    images.add(tiny, bytes(TINY_BYTES))
    return World(identity, images, network, placement)


def _cloud(base_url: str, user: str, scope: dict[str, str]) -> dict[str, Any]:
    return {
        "auth": {
            "auth_url": f"{base_url}/identity",
            "username": user,
            "password": PASSWORD,
            "user_domain_id": "default",
            **scope,
        },
        "region_name": REGION,
        "identity_api_version": 3,
    }


def _stable(name: str) -> str:
    """Return an identifier that is the same in every run, so that servers in a database keep their owner."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]
