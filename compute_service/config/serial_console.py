"""[serial_console]: serial consoles."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class SerialConsole(Section):
    """Options of the section [serial_console]."""

    enabled: bool = opt(False, "Whether guests have a serial console.")
    port_range: str = opt("10000:20000", "The ports for consoles on a host, as first:last.")
    base_url: str = opt("ws://127.0.0.1:6083/", "The proxy's address, as users reach it.")
    proxyclient_address: str = opt("127.0.0.1", "The address at which the proxy reaches this host.")
    serialproxy_host: str = opt("0.0.0.0", "The address the proxy listens on.")  # noqa: S104
    serialproxy_port: int = opt(6083, "The port the proxy listens on.", min=1, max=65535)
