"""[spice]: graphical consoles over SPICE."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.option import Section, opt


@dataclass(frozen=True, kw_only=True)
class Spice(Section):
    """Options of the section [spice]."""

    enabled: bool = opt(False, "Whether guests have a SPICE console.")
    agent_enabled: bool = opt(True, "Whether guests have the channel of the SPICE agent.")
    image_compression: str | None = opt(
        None, "How images are compressed.", choices=("auto_glz", "auto_lz", "quic", "glz", "lz", "off", None)
    )
    jpeg_compression: str | None = opt(
        None, "When images are compressed with loss.", choices=("auto", "never", "always", None)
    )
    zlib_compression: str | None = opt(
        None, "When a slow link adds zlib.", choices=("auto", "never", "always", None)
    )
    playback_compression: bool | None = opt(None, "Whether sound is compressed.")
    streaming_mode: str | None = opt(
        None, "Which parts of the picture become video.", choices=("filter", "all", "off", None)
    )
    server_listen: str = opt("127.0.0.1", "The address on which hypervisors offer SPICE.")
    server_proxyclient_address: str = opt("127.0.0.1", "The address at which the proxy reaches this host.")
    html5proxy_base_url: str = opt(
        "http://127.0.0.1:6082/spice_auto.html", "The proxy's address, as users reach it."
    )
    html5proxy_host: str = opt("0.0.0.0", "The address the proxy listens on.")  # noqa: S104
    html5proxy_port: int = opt(6082, "The port the proxy listens on.", min=1, max=65535)
    require_secure: bool = opt(False, "Whether consoles must be encrypted.")
    spice_direct_proxy_base_url: str = opt(
        "http://127.0.0.1:13002/nova", "The address of the proxy for consoles of type spice-direct."
    )
