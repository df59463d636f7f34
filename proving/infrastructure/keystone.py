"""Keystone, the identity service."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from proving.infrastructure.wsgi import WsgiService, service_program, write_conf

ADMIN = "admin"
_TIMEOUT = 30.0
REGION = "RegionOne"


class Keystone(WsgiService):
    """Serves version 3 at `url`/v3. `admin` is its first user, of the project of that name."""

    def __init__(self, folder: Path, port: int, database: str) -> None:
        self.passwords: dict[str, str] = {ADMIN: secrets.token_hex(16)}
        """User name → password."""
        self.projects: dict[str, str] = {}
        """Project name → identifier."""
        self.users: dict[str, str] = {}
        """User name → identifier."""
        self._http = requests.Session()
        # A connection that was idle may be closed by the server just as the next call is sent on it.
        self._http.headers["Connection"] = "close"
        self._roles: dict[str, str] = {}
        self._lock = threading.RLock()
        self._conf = write_conf(
            folder / "keystone.conf",
            {
                "DEFAULT": {"use_stderr": True, "max_token_size": 512},
                "database": {"connection": database},
                "token": {"provider": "fernet"},
                "fernet_tokens": {"key_repository": folder / "tokens"},
                "credential": {"key_repository": folder / "credentials"},
                "cache": {"enabled": True, "backend": "oslo_cache.dict"},
                # The cheapest there is: the passwords are random and live as long as the folder.
                "identity": {"password_hash_rounds": 4},
            },
        )
        super().__init__("keystone", folder, port, {"OS_KEYSTONE_CONFIG_FILES": str(self._conf)})

    def install(self) -> None:
        """Make schema, keys, first user and the catalog's entry of Keystone itself."""
        script = str(Path(__file__).with_name("keystone_prepare.py"))
        url = f"{self.url}/v3"
        urls = [f"--bootstrap-{kind}-url={url}" for kind in ("admin", "public", "internal")]
        keys = [
            f"--keystone-{kind}={number}" for kind, number in (("user", os.getuid()), ("group", os.getgid()))
        ]
        commands = (
            ["fernet_setup", *keys, "--", "credential_setup", *keys, "--", "db_sync", "--"],
            ["bootstrap", f"--bootstrap-region-id={REGION}", *urls],
        )
        self.prepare(
            service_program("python"),
            "-P",
            script,
            str(self._conf),
            *commands[0],
            *commands[1],
            environment={"OS_BOOTSTRAP_PASSWORD": self.passwords[ADMIN]},
        )

    def ready(self, seconds: float = 120.0) -> None:
        """Wait until it serves."""
        super().ready(seconds)
        if not self.projects:
            self._sign_in()

    def add_project(self, name: str) -> str:
        """Make a project, unless it is there, and return its identifier."""
        with self._lock:
            if name not in self.projects:
                body = {"project": {"name": name, "domain_id": "default"}}
                self.projects[name] = self._call("POST", "/projects", body)["project"]["id"]
            return self.projects[name]

    def add_user(self, name: str, project: str, roles: Sequence[str]) -> None:
        """Make a user, unless it is there, with these roles in a project, which is made if need be."""
        scope = self.add_project(project)
        with self._lock:
            if name not in self.users:
                self.passwords.setdefault(name, secrets.token_hex(16))
                user = {"name": name, "password": self.passwords[name], "domain_id": "default"}
                self.users[name] = self._call("POST", "/users", {"user": user})["user"]["id"]
            for role in roles:
                self._call("PUT", f"/projects/{scope}/users/{self.users[name]}/roles/{self._roles[role]}")

    def add_endpoint(self, kind: str, name: str, url: str) -> None:
        """List a service in the catalog."""
        service = self._call("POST", "/services", {"service": {"type": kind, "name": name}})["service"]["id"]
        for interface in ("public", "internal"):
            endpoint = {"interface": interface, "url": url, "service_id": service, "region_id": REGION}
            self._call("POST", "/endpoints", {"endpoint": endpoint})

    def token(self, user: str, project: str) -> str:
        """Return a new token of a user for a project."""
        who = {"name": user, "domain": {"id": "default"}, "password": self.passwords[user]}
        scope = {"project": {"name": project, "domain": {"id": "default"}}}
        body: Any = {
            "auth": {"identity": {"methods": ["password"], "password": {"user": who}}, "scope": scope}
        }
        answer = self._http.post(f"{self.url}/v3/auth/tokens", json=body, timeout=_TIMEOUT)
        answer.raise_for_status()
        return answer.headers["X-Subject-Token"]

    def credentials(self, user: str = "nova") -> dict[str, str]:
        """Return the options of a section by which a service signs in."""
        return {
            "auth_type": "password",
            "auth_url": f"{self.url}/v3",
            "username": user,
            "password": self.passwords[user],
            "project_name": "service",
            "user_domain_id": "default",
            "project_domain_id": "default",
            "region_name": REGION,
        }

    def _sign_in(self) -> None:
        for kind, names in (("projects", self.projects), ("users", self.users), ("roles", self._roles)):
            names.update({row["name"]: row["id"] for row in self._call("GET", f"/{kind}")[kind]})

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Make a call as the administrator."""
        with self._lock:
            token = self._http.headers.get("X-Auth-Token")
            for attempt in range(2):
                if token is None or attempt:
                    self._http.headers["X-Auth-Token"] = token = self.token(ADMIN, ADMIN)
                answer = self._http.request(method, f"{self.url}/v3{path}", json=body, timeout=_TIMEOUT)
                if answer.status_code != 401:
                    break
        if not answer.ok:
            raise RuntimeError(f"Keystone answered {answer.status_code} to {method} {path}: {answer.text}")
        return answer.json() if answer.content else None
