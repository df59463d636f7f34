"""The metadata service as a WSGI application: each guest is told of itself, and of no other.

| answer | when |
|---|---|
| 200 | there is something at the path |
| 400 | the proxy's headers are missing or doubled; a bad password, or a method the password does not have |
| 403 | the proxy's signature is wrong |
| 404 | no such server, a server of another project, or nothing at the path: guests take it for "not here" |
| 405 | a method other than GET and HEAD |
| 409 | the password was posted already |
| 500 | a fault of ours |
| 503 | a database, or a service that is needed for the answer, does not answer: guests try again |
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from compute_service.config.settings import Settings
from compute_service.control.guest_password import MOST_BYTES, guest_password, post_guest_password
from compute_service.control.server_facts import server_facts
from compute_service.domain.errors import ComputeError, NotFound
from compute_service.metadata.asker import Asker, WhoAsks
from compute_service.metadata.cache import Lately
from compute_service.metadata.guest import TEXT, Found, Guest, Path, is_password, path_of
from compute_service.metadata.servers import Servers
from compute_service.ports.clock import Clock
from compute_service.ports.network import Network
from compute_service.ports.vendor_data import VendorDataSource
from compute_service.store.servers import Located

LOG = logging.getLogger(__name__)
ACCESS = logging.getLogger("compute_service.metadata.access")

MOST_GUESTS = 2000
"""How many guests one process remembers."""
_ROUTE = "stratus.route"
"""Where a request's environment tells the metrics what was asked for."""
_SERVER = "stratus.server"
"""Where it tells the log who asked."""

Environ = dict[str, Any]
StartResponse = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the service works with. `network` makes or returns the client of the network service."""

    settings: Settings
    clock: Clock
    servers: Servers
    network: Callable[[], Network]
    vendor_data: VendorDataSource | None = None


class MetadataApp:
    """Answers guests."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._who = WhoAsks(parts.settings, parts.network)
        seconds = parts.settings.api.metadata_cache_expiration
        self._guests: Lately[Guest] = Lately(seconds, MOST_GUESTS, parts.clock.time)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        began = time.perf_counter()
        status, found = self._answered(environ)
        ACCESS.info(
            '%s server: %s "%s %s" status: %d time: %.6f',
            environ.get("REMOTE_ADDR", "-"),
            environ.get(_SERVER, "-"),
            environ["REQUEST_METHOD"],
            environ.get("PATH_INFO", ""),
            status,
            time.perf_counter() - began,
        )
        headers = [("Content-Type", found.type), ("Content-Length", str(len(found.body)))]
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", "GET, HEAD"))
        start_response(f"{status.value} {status.phrase}", headers)
        return [b""] if environ["REQUEST_METHOD"] == "HEAD" else [found.body]

    def _answered(self, environ: Environ) -> tuple[HTTPStatus, Found]:
        text = str(environ.get("PATH_INFO") or "/")
        try:
            path = path_of(text)
            environ[_ROUTE] = _kind(path)
            return self._answer(environ, path)
        except ComputeError as error:
            if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                LOG.error("%s %s: %s", environ["REQUEST_METHOD"], text, error.message)
            return _refusal(HTTPStatus(error.status), error.message)
        except Exception:
            LOG.exception("%s %s failed", environ["REQUEST_METHOD"], text)
            message = "An unknown error has occurred. Please try your request again."
            return _refusal(HTTPStatus.INTERNAL_SERVER_ERROR, message)

    def _answer(self, environ: Environ, path: Path) -> tuple[HTTPStatus, Found]:
        method = environ["REQUEST_METHOD"]
        asker = self._who(environ)
        environ[_SERVER] = asker.server
        if is_password(path):
            return self._password(method, asker, environ)
        guest = self._guest(asker)
        if method not in ("GET", "HEAD"):
            return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, "There is only GET and HEAD here.")
        return HTTPStatus.OK, guest.at(path)

    def _guest(self, asker: Asker) -> Guest:
        guest = self._guests.get(asker.server)
        if guest is None:
            located = self._find(asker.server)
            facts = server_facts(located.instance, self._parts.settings)
            guest = Guest(located, facts, self._parts.vendor_data)
            self._guests.put(asker.server, guest)
        _check_project(guest.located, asker)
        return guest

    def _find(self, uuid: str) -> Located:
        found = self._parts.servers.find(uuid)
        if found is None:
            raise NotFound(f"There is no server {uuid}.")
        return found

    def _password(self, method: str, asker: Asker, environ: Environ) -> tuple[HTTPStatus, Found]:
        """Read or keep the password, in the row as it is now: another process may have taken it."""
        located = self._find(asker.server)
        _check_project(located, asker)
        if method in ("GET", "HEAD"):
            return HTTPStatus.OK, Found(body=guest_password(located.instance).encode())
        if method != "POST":
            return _refusal(HTTPStatus.BAD_REQUEST, "The password is read by GET and set by POST.")
        database = self._parts.servers.database(located.database)
        post_guest_password(database, located.uuid, _body(environ))
        return HTTPStatus.OK, Found(body=b"")


def _check_project(located: Located, asker: Asker) -> None:
    project_id = located.instance.project_id
    if project_id != asker.project_id:
        LOG.warning("Server %s is of project %s and not of %s", located.uuid, project_id, asker.project_id)
        raise NotFound(f"There is no server {located.uuid}.")


def _body(environ: Environ) -> bytes:
    """Return what was posted, or as much of it as shows that it is too long."""
    length = str(environ.get("CONTENT_LENGTH") or "")
    wanted = min(int(length), MOST_BYTES + 1) if length.isdigit() else MOST_BYTES + 1
    return bytes(environ["wsgi.input"].read(wanted)) if wanted else b""


def _kind(path: Path) -> str:
    """Return a path as metrics count it: what is asked for, and no word that a guest could make up."""
    if path[:1] != ("openstack",):
        return "/ec2"
    return "/openstack/content" if path[1:2] == ("content",) else "/openstack"


def _refusal(status: HTTPStatus, message: str) -> tuple[HTTPStatus, Found]:
    return status, Found(body=f"{status.value} {status.phrase}\n\n{message}\n".encode(), type=TEXT)
