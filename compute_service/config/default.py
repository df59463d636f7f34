"""[DEFAULT], put together from its parts."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.default_host import HostResources
from compute_service.config.default_process import Process
from compute_service.config.default_server import ServerLife
from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class ConsoleProxies(Section):
    """Options shared by the console proxies."""

    console_host: str = opt("$host", "The host on which a server's console is found.")
    record: str | None = opt(None, "The file into which sessions are recorded.")
    daemon: bool = opt(False, "Whether a proxy goes into the background.")
    ssl_only: bool = opt(False, "Whether unencrypted connections are refused.")
    source_is_ipv6: bool = opt(False, "Whether a proxy listens on IPv6.")
    cert: str = opt("self.pem", "The proxy's certificate.")
    key: str | None = opt(None, "The key of the certificate, when it is in a file of its own.")
    web: str = opt("/usr/share/spice-html5", "The directory of the web client.")


@dataclass(frozen=True, kw_only=True)
class Default(ConsoleProxies, ServerLife, HostResources, Process):
    """Options of the section [DEFAULT]."""
