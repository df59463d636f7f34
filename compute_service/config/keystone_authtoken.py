"""[keystone_authtoken]: how tokens of incoming requests are checked."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.keystoneauth import Credentials
from compute_service.config.option import opt


@dataclass(frozen=True, kw_only=True)
class KeystoneAuthtoken(Credentials):
    """Options of the section [keystone_authtoken]. Source: keystonemiddleware, auth_token options."""

    www_authenticate_uri: str | None = opt(
        None, "The identity service's public address, told to clients on 401."
    )
    auth_version: str | None = opt(None, "The version of the identity API; unset finds out.")
    interface: str = opt("internal", "The kind of endpoint used to check tokens.")
    region_name: str | None = opt(None, "The region of the identity service.")
    delay_auth_decision: bool = opt(False, "Whether requests without a valid token are let through, marked.")
    http_connect_timeout: int | None = opt(None, "Seconds to wait for the identity service.", min=0)
    http_request_max_retries: int = opt(3, "How often a failed check is tried again.", min=0)
    cafile: str | None = opt(None, "The certificate authorities to trust, as a PEM file.")
    certfile: str | None = opt(None, "The client certificate, as a PEM file.")
    keyfile: str | None = opt(None, "The key of the client certificate, as a PEM file.")
    insecure: bool = opt(False, "Whether the identity service's certificate goes unchecked.")
    cache: str | None = opt(None, "The request environment's key of a cache to use.")
    memcached_servers: tuple[str, ...] | None = opt(
        None, "Memcached servers that keep checked tokens; unset keeps them in each process."
    )
    token_cache_time: int = opt(300, "Seconds a checked token is believed; -1 asks each time.", min=-1)
    memcache_security_strategy: str = opt(
        "None", "Whether kept tokens are signed or encrypted.", choices=("None", "MAC", "ENCRYPT")
    )
    memcache_secret_key: str | None = opt(None, "The key for that.", secret=True)
    memcache_pool_dead_retry: int = opt(300, "Seconds before a dead memcached server is tried again.", min=0)
    memcache_pool_maxsize: int = opt(10, "Connections to each memcached server.", min=1)
    memcache_pool_socket_timeout: int = opt(3, "Seconds to wait for a memcached server.", min=0)
    memcache_pool_unused_timeout: int = opt(60, "Seconds an unused connection is kept.", min=0)
    memcache_pool_conn_get_timeout: int = opt(10, "Seconds to wait for a free connection.", min=0)
    memcache_use_advanced_pool: bool = opt(True, "Whether the connections of memcached are pooled.")
    include_service_catalog: bool = opt(True, "Whether the catalog comes with a checked token.")
    enforce_token_bind: str = opt("permissive", "How strictly tokens bound to a transport are checked.")
    service_token_roles: tuple[str, ...] = opt(("service",), "Roles that a service token must have one of.")
    service_token_roles_required: bool = opt(
        False, "Whether a service token without such a role is refused. Set it to true."
    )
    service_type: str | None = opt(None, "This service's type, checked against a token's access rules.")
