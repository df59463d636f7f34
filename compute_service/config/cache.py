"""[cache]: the shared cache."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Cache(Section):
    """Options of the section [cache]."""

    enabled: bool = opt(False, "Whether processes share a cache.")
    backend: str = opt("dogpile.cache.null", "What keeps the cache, such as dogpile.cache.pymemcache.")
    expiration_time: int = opt(600, "Seconds an entry is believed.", min=1)
    backend_expiration_time: int | None = opt(None, "Seconds an entry is kept.", min=1)
    config_prefix: str = opt("cache.oslo", "What entries' keys begin with.")
    memcache_servers: tuple[str, ...] = opt(("localhost:11211",), "Memcached servers.")
    memcache_dead_retry: int = opt(300, "Seconds before a dead server is tried again.", min=0)
    memcache_socket_timeout: float = opt(1.0, "Seconds to wait for a server.", min=0)
    memcache_pool_maxsize: int = opt(10, "Connections to each server.", min=1)
    memcache_pool_unused_timeout: int = opt(60, "Seconds an unused connection is kept.", min=0)
    memcache_pool_connection_get_timeout: int = opt(10, "Seconds to wait for a free connection.", min=0)
    tls_enabled: bool = opt(False, "Whether the servers are reached over TLS.")
    tls_cafile: str | None = opt(None, "The certificate authorities to trust, as a PEM file.")
    tls_certfile: str | None = opt(None, "The client certificate, as a PEM file.")
    tls_keyfile: str | None = opt(None, "The key of the client certificate, as a PEM file.")
