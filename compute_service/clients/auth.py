"""Signing in: keystoneauth plugins and sessions from sections of nova.conf."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import requests
from keystoneauth1 import exceptions, loading
from keystoneauth1 import session as ks
from keystoneauth1.session import TCPKeepAliveAdapter

from compute_service.clients.wsgi_transport import WsgiTransport
from compute_service.config.keystoneauth import Credentials, Session
from compute_service.domain.errors import Unavailable

TIMEOUT = 60.0
"""Seconds to wait for an answer (between two pieces of it) where a section does not say."""
POOL = 64
"""Connections kept to one host."""
USER_AGENT = "compute"

Mounts = Mapping[str, Callable[..., Iterable[bytes]]]
"""URL prefix → WSGI application of this process that answers there."""


def plugin_of(section: Credentials, name: str) -> Any:
    """Return the keystoneauth plugin that a section describes. Raises Unavailable, naming what is missing."""
    if section.auth_type is None:
        raise Unavailable(f"[{name}] auth_type is not set: there is no way to sign in.")
    try:
        loader: Any = loading.get_plugin_loader(section.auth_type)
        wanted = {option.dest for option in loader.get_options()}
        given = {key: getattr(section, key) for key in wanted if getattr(section, key, None) is not None}
        return loader.load_from_options(**given)
    except exceptions.ClientException as error:
        raise Unavailable(f"[{name}] cannot be used to sign in: {error}") from error


def session_of(section: Session, mounts: Mounts | None = None) -> Any:
    """Return a keystoneauth session with a pool of connections, as a section describes it.

    Addresses under a prefix in `mounts` are answered by applications of this process.
    """
    http = requests.Session()
    for scheme in ("https://", "http://"):
        http.mount(scheme, TCPKeepAliveAdapter(pool_connections=8, pool_maxsize=POOL))
    for prefix, application in (mounts or {}).items():
        http.mount(prefix, WsgiTransport(application, prefix))
    cert = section.certfile
    if section.certfile is not None and section.keyfile is not None:
        cert = (section.certfile, section.keyfile)  # type: ignore[assignment]
    return ks.Session(
        session=http,
        verify=False if section.insecure else section.cafile or True,
        cert=cert,
        timeout=section.timeout or TIMEOUT,
        user_agent=USER_AGENT,
        collect_timing=section.collect_timing,
        split_loggers=section.split_loggers,
    )
