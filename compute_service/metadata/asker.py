"""Which server asks: by what the network service's proxy says and signs, or by the address asked from.

The proxy knows the port that a request came through and sends `X-Instance-ID`, `X-Tenant-ID` and
`X-Instance-ID-Signature`. A proxy that knows only addresses and networks, such as a network backend's own,
sends `X-Metadata-Provider`, `X-Metadata-Provider-Signature` and `X-Forwarded-For`, and the network service is
asked whose the address is. Without a proxy the address of the connection decides.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any

from compute_service.config.settings import Settings
from compute_service.domain.errors import Forbidden, Invalid, NotFound
from compute_service.domain.record import Record
from compute_service.metadata.signature import holds
from compute_service.ports.network import Network

LOG = logging.getLogger(__name__)

INSTANCE, TENANT, SIGNATURE = "X-Instance-ID", "X-Tenant-ID", "X-Instance-ID-Signature"
PROVIDER, PROVIDER_SIGNATURE = "X-Metadata-Provider", "X-Metadata-Provider-Signature"
FORWARDED = "X-Forwarded-For"

Environ = Mapping[str, Any]


class Asker(Record):
    """The server that asks, and the project it must be of."""

    server: str
    project_id: str


class WhoAsks:
    """Tells which server a request comes from. `network` makes or returns the client of the network service,
    which most sites never need here."""

    def __init__(self, settings: Settings, network: Callable[[], Network]) -> None:
        self._proxied = settings.neutron.service_metadata_proxy
        self._secret = settings.neutron.metadata_proxy_shared_secret
        self._believed = settings.api.use_forwarded_for
        self._network = network

    def __call__(self, environ: Environ) -> Asker:
        """Return who asks. Raises Invalid, Forbidden (a bad signature), NotFound, Unavailable."""
        if not self._proxied:
            if _header(environ, INSTANCE) is not None:
                LOG.warning(
                    "%s came from %s, but [neutron] service_metadata_proxy is off and it is not looked at",
                    INSTANCE,
                    environ.get("REMOTE_ADDR"),
                )
            return self._at_address(environ)
        if _header(environ, PROVIDER) is not None:
            return self._of_provider(environ)
        return self._signed(environ)

    def _signed(self, environ: Environ) -> Asker:
        server, project_id = _single(environ, INSTANCE), _single(environ, TENANT)
        self._check(environ, server, SIGNATURE)
        return Asker(server=server, project_id=project_id)

    def _of_provider(self, environ: Environ) -> Asker:
        provider, address = _single(environ, PROVIDER), _address(_single(environ, FORWARDED))
        self._check(environ, provider, PROVIDER_SIGNATURE)
        return self._owner(address, provider)

    def _at_address(self, environ: Environ) -> Asker:
        address = str(environ.get("REMOTE_ADDR") or "")
        if self._believed and (forwarded := _header(environ, FORWARDED)) is not None:
            address = forwarded.split(",")[0].strip()
        return self._owner(_address(address), None)

    def _check(self, environ: Environ, identifier: str, header: str) -> None:
        given = _header(environ, header)
        if given is None or not holds(self._secret, identifier, given):
            LOG.warning(
                "%s for %s from %s is not of this site's metadata_proxy_shared_secret",
                header,
                identifier,
                _header(environ, FORWARDED) or environ.get("REMOTE_ADDR"),
            )
            raise Forbidden("Invalid proxy request signature.")

    def _owner(self, address: str, provider: str | None) -> Asker:
        owners = self._network().owners(address, provider)
        if not owners:
            raise NotFound(f"No server has the address {address}.")
        if len(owners) > 1:
            LOG.error("%d servers have the address %s; none of them is told anything", len(owners), address)
            raise Invalid("More than one server has this address.")
        return Asker(server=owners[0].server, project_id=owners[0].project_id)


def _header(environ: Environ, name: str) -> str | None:
    found = environ.get(f"HTTP_{name.upper().replace('-', '_')}")
    return None if found is None else str(found)


def _single(environ: Environ, name: str) -> str:
    value = _header(environ, name)
    if not value:
        raise Invalid(f"{name} header is missing from request.")
    if "," in value:
        raise Invalid(f"Multiple {name} headers found within request.")
    return value


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise Invalid("The request comes from no address.") from None
