"""[vnc]: graphical consoles over VNC."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Vnc(Section):
    """Options of the section [vnc]."""

    enabled: bool = opt(True, "Whether guests have a VNC console.")
    server_listen: str = opt("127.0.0.1", "The address on which hypervisors offer VNC.")
    server_proxyclient_address: str = opt("127.0.0.1", "The address at which the proxy reaches this host.")
    novncproxy_base_url: str = opt(
        "http://127.0.0.1:6080/vnc_auto.html", "The proxy's address, as users reach it."
    )
    novncproxy_host: str = opt("0.0.0.0", "The address the proxy listens on.")  # noqa: S104
    novncproxy_port: int = opt(6080, "The port the proxy listens on.", min=1, max=65535)
    auth_schemes: tuple[str, ...] = opt(
        ("none",), "Ways in which the proxy may sign in to a host, the best first: vencrypt, none."
    )
    vencrypt_client_key: str | None = opt(None, "The key of the proxy's certificate towards hosts.")
    vencrypt_client_cert: str | None = opt(None, "The proxy's certificate towards hosts.")
    vencrypt_ca_certs: str | None = opt(None, "The authorities of the hosts' certificates.")
