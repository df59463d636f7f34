"""Calling other services: endpoints, tokens, bounded retries, and errors in our own terms."""

from __future__ import annotations

import html
import itertools
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import requests
from keystoneauth1 import exceptions

from compute_service.clients.auth import Mounts, plugin_of, session_of
from compute_service.clients.clock import SystemClock
from compute_service.config.keystoneauth import Client, Credentials
from compute_service.config.settings import Settings
from compute_service.domain import request_id
from compute_service.domain.context import Context
from compute_service.domain.errors import (
    ComputeError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Timeout,
    Unavailable,
)
from compute_service.ports.clock import Clock

LOG = logging.getLogger(__name__)

Query = Sequence[tuple[str, str]]
REPEATABLE = frozenset(("GET", "HEAD", "PUT", "DELETE", "PATCH"))
"""Methods that are tried again. A POST is not: its first try may have taken effect."""
RETRIES = 3
RETRIED_CODES = ("503",)
LONGEST_DELAY = 4.0
LONGEST_MESSAGE = 1000

_VERSION = re.compile(r"/v\d+(\.\d+)?/?$")
_KINDS: dict[int, type[ComputeError]] = {
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    406: Unavailable,
    409: Conflict,
    408: Timeout,
    429: Unavailable,
}
_CONNECTION_ERRORS = (exceptions.ConnectFailure, exceptions.RetriableConnectionFailure)

Observe = Callable[[str, str, str, float], None]
"""Called after each try with service, method, outcome (a status code, or `unreachable`) and seconds."""


def unobserved(service: str, method: str, outcome: str, seconds: float) -> None:
    """Observe nothing."""


ErrorOf = Callable[[requests.Response, str], ComputeError | None]
"""A service's own reading of a failed response and its message; None leaves it to the general rule."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how soon a call is tried again, on failed connections and on certain codes."""

    connects: int = RETRIES
    codes: int = 0
    connect_delay: float | None = None
    code_delay: float | None = None
    retried_codes: tuple[str, ...] = RETRIED_CODES

    def delay(self, tried: int, fixed: float | None) -> float:
        """Return the seconds to wait before try number `tried` + 1."""
        return fixed if fixed is not None else float(min(0.5 * 2 ** (tried - 1), LONGEST_DELAY))


@dataclass(frozen=True, slots=True)
class Reach:
    """How one service is reached: everything a `RestClient` needs to know of the outside."""

    name: str
    """The section of nova.conf, for messages."""
    session: Any
    auth: Any
    service_type: str
    interfaces: tuple[str, ...] = ("internal", "public")
    region: str | None = None
    service_name: str | None = None
    addresses: tuple[str, ...] = ()
    """Used in turn instead of the catalog's, if any."""
    patience: Patience = Patience()
    service_auth: Any = None
    """Whose token goes along with a user's, if any."""
    clock: Clock = field(default_factory=SystemClock)
    observe: Observe = unobserved


def credentials_of(settings: Settings, name: str) -> Any:
    """Return the plugin by which the service itself signs in to call the service of section [`name`].

    A section without credentials uses those of [service_user], or else of [keystone_authtoken].
    """
    for candidate in (name, "service_user", "keystone_authtoken"):
        section: Credentials = getattr(settings, candidate)
        if section.auth_type is not None:
            return plugin_of(section, candidate)
    raise Unavailable(f"[{name}] auth_type is not set, and neither [service_user] has one.")


def reach_of(
    settings: Settings,
    name: str,
    *,
    retries: int = RETRIES,
    addresses: tuple[str, ...] = (),
    mounts: Mounts | None = None,
    clock: Clock | None = None,
) -> Reach:
    """Return how the service of section [`name`] is reached. Raises Unavailable when it cannot be."""
    section: Client = getattr(settings, name)
    override = (section.endpoint_override,) if section.endpoint_override else ()
    user = settings.service_user
    return Reach(
        name=name,
        session=session_of(section, mounts),
        auth=credentials_of(settings, name),
        service_type=section.service_type or name,
        interfaces=section.valid_interfaces,
        region=section.region_name,
        service_name=section.service_name,
        addresses=override or addresses,
        patience=Patience(
            connects=retries if section.connect_retries is None else section.connect_retries,
            codes=retries if section.status_code_retries is None else section.status_code_retries,
            connect_delay=section.connect_retry_delay,
            code_delay=section.status_code_retry_delay,
            retried_codes=section.retriable_status_codes or RETRIED_CODES,
        ),
        service_auth=plugin_of(user, "service_user") if user.send_service_user_token else None,
        clock=clock or SystemClock(),
    )


class RestClient:
    """Makes calls to one service. Errors: Invalid, Forbidden, NotFound, Conflict, Unavailable, Timeout."""

    def __init__(
        self, reach: Reach, headers: Mapping[str, str] | None = None, error_of: ErrorOf | None = None
    ) -> None:
        self._reach = reach
        self._headers = dict(headers or {})
        self._error_of = error_of
        self._turn = itertools.count()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: object = None,
        ctx: Context | None = None,
        **given: Any,
    ) -> requests.Response:
        """Make a call and return the answer, which is a success.

        With a context that has a token the call is made as that user, else as the service. `given` may be:
        `headers`; `data`, a body that is not JSON, as an iterator (never sent twice); `stream`, which leaves
        the answer's body to be read in pieces.
        """
        headers = {"Accept": "application/json", **self._headers, **given.pop("headers", {})}
        if (request := _request_id(ctx)) is not None:
            headers["X-Openstack-Request-Id"] = request
        repeatable = method in REPEATABLE and "data" not in given
        url = path + (f"?{urlencode(query)}" if query else "")
        as_user = ctx is not None and ctx.token is not None
        ready = as_user or "data" in given
        if ready:
            headers |= self._token_headers(ctx.token if ctx else None)
        if body is not None:
            given["data"] = msgspec.json.encode(body)
            headers.setdefault("Content-Type", "application/json")
        response = self._persist(method, url, repeatable, headers=headers, authenticated=not ready, **given)
        if response.status_code >= 300:
            raise self._error(response, as_user)
        return response

    def json(self, method: str, path: str, **given: Any) -> Any:
        """Make a call and return the answer's JSON. Takes what `call` takes."""
        return self._decode(self.call(method, path, **given))

    def find(self, path: str, **given: Any) -> Any:
        """GET a thing and return its JSON, or None when there is none."""
        try:
            return self.json("GET", path, **given)
        except NotFound:
            return None

    def delete(self, path: str, **given: Any) -> bool:
        """DELETE a thing and tell whether it was there."""
        try:
            self.call("DELETE", path, **given)
        except NotFound:
            return False
        return True

    def _decode(self, response: requests.Response) -> Any:
        try:
            return msgspec.json.decode(response.content)
        except msgspec.DecodeError as error:
            raise Unavailable(
                f"The {self._reach.name} service answered something that is not JSON."
            ) from error

    def _persist(self, method: str, path: str, repeatable: bool, **given: Any) -> requests.Response:
        """Try until an answer comes that is not worth another try, within the bounds of patience."""
        patience = self._reach.patience
        connects = codes = 0
        while True:
            try:
                response = self._send(method, path, **given)
            except exceptions.ConnectTimeout as error:
                raise Timeout(f"The {self._reach.name} service did not answer in time.") from error
            except _CONNECTION_ERRORS as error:
                connects += 1
                if not repeatable or connects > patience.connects:
                    raise Unavailable(f"The {self._reach.name} service is out of reach: {error}") from error
                self._wait(patience.delay(connects, patience.connect_delay), str(error))
                continue
            except exceptions.ClientException as error:
                raise self._failure(error) from error
            worth = repeatable and str(response.status_code) in patience.retried_codes
            if not worth or codes >= patience.codes:
                return response
            codes += 1
            response.close()
            self._wait(patience.delay(codes, patience.code_delay), f"HTTP {response.status_code}")

    def _send(self, method: str, path: str, **given: Any) -> requests.Response:
        reach = self._reach
        address = self.address() + path
        began, outcome = time.perf_counter(), "unreachable"
        try:
            response: requests.Response = reach.session.request(
                address,
                method,
                auth=reach.auth,
                raise_exc=False,
                connect_retries=0,
                status_code_retries=0,
                redirect=False,
                **given,
            )
            outcome = str(response.status_code)
        finally:
            reach.observe(reach.name, method, outcome, time.perf_counter() - began)
        return response

    def address(self) -> str:
        """Return the service's address without a version at its end. Addresses are used in turn."""
        reach = self._reach
        if reach.addresses:
            found: str | None = reach.addresses[next(self._turn) % len(reach.addresses)]
        else:
            found = reach.session.get_endpoint(
                auth=reach.auth,
                service_type=reach.service_type,
                service_name=reach.service_name,
                interface=list(reach.interfaces),
                region_name=reach.region,
                skip_discovery=True,
            )
        if not found:
            raise Unavailable(f"The catalog lists no {reach.service_type} service for [{reach.name}].")
        return _VERSION.sub("", found).rstrip("/")

    def _token_headers(self, user_token: str | None) -> dict[str, str]:
        """Return what says who calls: the user, with the service's token if configured, or the service."""
        session, own = self._reach.session, self._reach.service_auth
        try:
            if user_token is None:
                return dict(session.get_auth_headers(self._reach.auth) or {})
            headers = {"X-Auth-Token": user_token}
            return headers | ({"X-Service-Token": session.get_token(own)} if own is not None else {})
        except exceptions.ClientException as error:
            raise self._failure(error) from error

    def _wait(self, seconds: float, why: str) -> None:
        LOG.warning("calling the %s service again in %.1f s: %s", self._reach.name, seconds, why)
        self._reach.clock.sleep(seconds)

    def _failure(self, error: exceptions.ClientException) -> ComputeError:
        name = self._reach.name
        if isinstance(error, exceptions.Unauthorized):
            return Unavailable(f"The identity service does not accept the credentials of [{name}].")
        return Unavailable(f"The {name} service cannot be called: {error}")

    def _error(self, response: requests.Response, as_user: bool) -> ComputeError:
        message = message_of(response)
        response.close()
        code = response.status_code
        if code == 401 and not as_user:
            return Unavailable(f"The {self._reach.name} service does not accept our token: {message}")
        if self._error_of is not None and (own := self._error_of(response, message)) is not None:
            return own
        if kind_of(code) is Unavailable:
            return Unavailable(f"The {self._reach.name} service answered {code}: {message}")
        return kind_of(code)(message)


def kind_of(status: int) -> type[ComputeError]:
    """Return our error for a failed answer's status, if the service has no reading of its own."""
    return Unavailable if status >= 500 or status < 400 else _KINDS.get(status, Invalid)


def part(identifier: str) -> str:
    """Return an identifier as one part of a path. Raises NotFound for what could lead elsewhere."""
    if identifier in ("", ".", ".."):
        raise NotFound(f"There is nothing called '{identifier}'.")
    return quote(identifier, safe="")


def message_of(response: requests.Response) -> str:
    """Return what a failed response says in the JSON and HTML forms in use, or its reason."""
    try:
        if "html" in response.headers.get("Content-Type", ""):
            found: str | None = text_of(response.text)
        else:
            found = _message_in(msgspec.json.decode(response.content))
    except (msgspec.DecodeError, requests.RequestException):
        found = None
    return (found or f"{response.status_code} {response.reason}")[:LONGEST_MESSAGE]


def text_of(page: str) -> str:
    """Return the words of a page without its title and heading."""
    body = re.sub(r"(?s)<(title|h1)>.*?</\1>", "", page)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def _message_in(body: object) -> str | None:
    if isinstance(body, list):
        return _message_in(body[0]) if body else None
    if not isinstance(body, dict):
        return body if isinstance(body, str) else None
    for key in ("detail", "message"):
        if isinstance(body.get(key), str) and body[key]:
            return str(body[key]).strip()
    return next((found for value in body.values() if (found := _message_in(value))), None)


def _request_id(ctx: Context | None) -> str | None:
    if ctx is not None:
        return ctx.global_request_id or ctx.request_id
    return request_id.outgoing()
