"""How the console proxies are put together from their options."""

from __future__ import annotations

import dataclasses
import socket
from pathlib import Path
from typing import Any

import pytest

from compute_service.cmd import novncproxy, serialproxy, spicehtml5proxy
from compute_service.cmd.console_proxy import Place, server_of, tls_of, web_of
from compute_service.config.settings import Settings
from compute_service.domain.errors import ComputeError, Invalid
from tests.fixtures.certificates import Authority
from tests.unit.agent.parts import RecordingConductor


def settings_with(section: str, **options: Any) -> Settings:
    settings = Settings()
    return dataclasses.replace(
        settings, **{section: dataclasses.replace(getattr(settings, section), **options)}
    )


@pytest.mark.parametrize(
    ("proxy", "kind", "port"),
    [(novncproxy, "novnc", 6080), (spicehtml5proxy, "spice-html5", 6082), (serialproxy, "serial", 6083)],
)
def test_each_proxy_has_its_port_and_its_kind_of_console(proxy: Any, kind: str, port: int) -> None:
    place = proxy.place(Settings())
    assert (place.kind, place.port, place.address) == (kind, port, "0.0.0.0")  # noqa: S104


def test_only_vnc_hosts_are_signed_in_to(tmp_path: Path) -> None:
    assert novncproxy.place(Settings()).schemes is not None
    assert spicehtml5proxy.place(Settings()).schemes is None
    with pytest.raises(Invalid, match="auth_schemes"):
        novncproxy.place(settings_with("vnc", auth_schemes=("des",)))


def test_each_proxy_has_pages_of_its_own_unless_others_are_named(tmp_path: Path) -> None:
    place = dataclasses.replace(novncproxy.place(Settings()), web=str(tmp_path))
    assert web_of(Settings(), place) == tmp_path
    assert web_of(settings_with("default", web=str(tmp_path)), serialproxy.place(Settings())) == tmp_path
    assert web_of(Settings(), dataclasses.replace(place, web="/nonexistent")) is None


def test_browsers_are_spoken_to_in_clear_without_a_certificate(tmp_path: Path) -> None:
    none = {"cert": str(tmp_path / "none.pem")}
    assert tls_of(settings_with("default", **none)) is None
    with pytest.raises(Invalid, match="ssl_only needs a certificate"):
        tls_of(settings_with("default", ssl_only=True, **none))


def test_a_certificate_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    cert = Authority(tmp_path).issue("proxy")
    assert tls_of(settings_with("default", cert=str(cert))) is not None
    (tmp_path / "bad.pem").write_text("nothing")
    with pytest.raises(Invalid, match="TLS cannot be done"):
        tls_of(settings_with("default", cert=str(tmp_path / "bad.pem")))


def test_a_port_that_is_taken_is_told_at_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = Place("nova-novncproxy", "novnc", "127.0.0.1", taken.getsockname()[1], None)
        with pytest.raises(ComputeError, match="nova-novncproxy cannot listen"):
            server_of(settings_with("default", cert="/nonexistent"), place, RecordingConductor())
