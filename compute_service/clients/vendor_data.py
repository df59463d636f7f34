"""Vendor data as [api] says: a file that every server gets, and services that are asked about each server.

A service is sent what identifies the server, and answers with a JSON object. Source: Compute documentation,
Vendordata.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import requests
from keystoneauth1 import exceptions

from compute_service.clients.auth import TIMEOUT, Mounts, plugin_of, session_of
from compute_service.config.api import Api
from compute_service.config.settings import Settings
from compute_service.domain.errors import Unavailable
from compute_service.domain.metadata.facts import ServerFacts

LOG = logging.getLogger(__name__)

STATIC, DYNAMIC = "StaticJSON", "DynamicJSON"
AUTH = "vendordata_dynamic_auth"
_USER_AGENT = "openstack-nova-vendordata"
_RESERVED = "static"
"""The name under which the file's data stands beside that of services."""


def vendor_data_of(settings: Settings, mounts: Mounts | None = None) -> VendorData:
    """Return the source that the configuration describes. Raises Unavailable when it cannot sign in.

    Services under a prefix in `mounts` are applications of this process.
    """
    section = settings.vendordata_dynamic_auth
    targets = tuple(_targets(settings.api)) if DYNAMIC in settings.api.vendordata_providers else ()
    auth = plugin_of(section, AUTH) if targets and section.auth_type is not None else None
    return VendorData(settings.api, targets, session_of(section, mounts) if targets else None, auth)


def _targets(options: Api) -> Iterator[tuple[str, str]]:
    """Yield the services by name, leaving out what is none."""
    seen = {_RESERVED}
    for target in options.vendordata_dynamic_targets:
        name, _, url = target.partition("@")
        if not name or not url or name in seen:
            LOG.error(
                "[api] vendordata_dynamic_targets: %r is not name@URL with a name of its own; nobody asks it",
                target,
            )
            continue
        seen.add(name)
        yield name, url


class VendorData:
    """The `VendorDataSource` port."""

    def __init__(self, options: Api, targets: tuple[tuple[str, str], ...], session: Any, auth: Any) -> None:
        self._options = options
        self._targets = targets
        self._session = session
        self._auth = auth
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._static: dict[str, Any] = {}

    def static(self) -> dict[str, Any] | None:
        """Return what is in the file; it is read again when it was changed. {} when it cannot be read."""
        if STATIC not in self._options.vendordata_providers:
            return None
        path = self._options.vendordata_jsonfile_path
        if not path:
            return {}
        with self._lock:
            try:
                now = Path(path).stat()
                if self._seen != (now.st_mtime_ns, now.st_size):
                    self._static = _object(Path(path).read_bytes())
                    self._seen = (now.st_mtime_ns, now.st_size)
            except (OSError, ValueError) as error:
                LOG.warning("[api] vendordata_jsonfile_path %s cannot be used: %s", path, error)
                self._static, self._seen = {}, None
            return self._static

    def dynamic(self, facts: ServerFacts) -> dict[str, Any]:
        """Ask each service of a server. Raises Unavailable when one failed and that is fatal."""
        return {name: self._ask(name, url, facts) for name, url in self._targets}

    def _ask(self, name: str, url: str, facts: ServerFacts) -> dict[str, Any]:
        try:
            return self._answer(url, facts)
        except (exceptions.ClientException, requests.RequestException, ValueError) as error:
            if self._options.vendordata_dynamic_failure_fatal:
                raise Unavailable(
                    f"The vendor data service {name} failed for server {facts.uuid}."
                ) from error
            LOG.warning("vendor data service %s failed for server %s: %s", name, facts.uuid, error)
            return {}

    def _answer(self, url: str, facts: ServerFacts) -> dict[str, Any]:
        options = self._options
        given: dict[str, Any] = {"timeout": _timeouts(options)}
        if options.vendordata_dynamic_ssl_certfile:
            given["verify"] = options.vendordata_dynamic_ssl_certfile
        response = self._session.request(
            url,
            "POST",
            data=msgspec.json.encode(_question(facts)),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            user_agent=_USER_AGENT,
            auth=self._auth,
            authenticated=self._auth is not None,
            **given,
        )
        return _object(response.content) if response.content else {}


def _timeouts(options: Api) -> tuple[float, float]:
    return options.vendordata_dynamic_connect_timeout, options.vendordata_dynamic_read_timeout or TIMEOUT


def _question(facts: ServerFacts) -> dict[str, Any]:
    return {
        "project-id": facts.project_id,
        "instance-id": facts.uuid,
        "image-id": facts.image_id or None,
        "user-data": facts.user_data,
        "hostname": facts.short_hostname,
        "metadata": facts.metadata,
        "boot-roles": facts.boot_roles,
    }


def _object(content: bytes) -> dict[str, Any]:
    """Return a JSON object. Raises ValueError for anything else."""
    found = msgspec.json.decode(content)
    if not isinstance(found, dict):
        raise ValueError("it holds no JSON object")
    return found
