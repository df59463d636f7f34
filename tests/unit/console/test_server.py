"""A proxy between WebSocket clients and small VNC servers, all on loopback."""

from __future__ import annotations

import dataclasses
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from compute_service.config.vnc import Vnc
from compute_service.console.pages import Pages
from compute_service.console.server import ConsoleServer, Proxy
from compute_service.console.vencrypt import schemes_of
from compute_service.domain.console import Console, ConsoleToken
from compute_service.domain.errors import Invalid, NotFound, Unavailable
from tests.fixtures.certificates import Authority
from tests.fixtures.rfb_server import VERSION, RfbServer

pytestmark = pytest.mark.timeout(60)
SERVER = "22222222-2222-4222-8222-222222222222"
Start = Callable[..., ConsoleServer]


class Tokens:
    """What a conductor knows."""

    def __init__(self) -> None:
        self.known: dict[str, ConsoleToken] = {}
        self.error: Exception | None = None

    def add(self, port: int, kind: str = "novnc", url: str = "http://127.0.0.1/vnc.html") -> str:
        console = Console(type=kind, host="127.0.0.1", port=port, url=url)
        token = f"token-{len(self.known)}"
        self.known[token] = ConsoleToken(server=SERVER, console=console, expires=time.time() + 600)
        return token

    def find(self, token: str) -> ConsoleToken:
        if self.error is not None:
            raise self.error
        if token not in self.known:
            raise NotFound("Token not found")
        return self.known[token]


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def start(tokens: Tokens, tmp_path: Path) -> Iterator[Start]:
    (tmp_path / "vnc.html").write_text("<html>")
    made: list[ConsoleServer] = []

    def begin(tls: ssl.SSLContext | None = None, **more: Any) -> ConsoleServer:
        proxy = Proxy(kind="novnc", find=tokens.find, pages=Pages(tmp_path))
        server = ConsoleServer(
            dataclasses.replace(proxy, **more), socket.create_server(("127.0.0.1", 0)), tls
        )
        server.start()
        made.append(server)
        return server

    yield begin
    assert all(one.stop(20) for one in made)


@pytest.fixture
def vnc() -> Iterator[RfbServer]:
    server = RfbServer()
    yield server
    server.close()


def opened(server: ConsoleServer, token: str, **more: Any) -> Any:
    return connect(f"ws://127.0.0.1:{server.port}/?token={token}", **more)


@contextmanager
def signed_in(server: ConsoleServer, token: str) -> Iterator[ClientConnection]:
    """Open a console and sign in as noVNC does."""
    with opened(server, token) as browser:
        sign_in(browser)
        yield browser


def sign_in(browser: ClientConnection) -> None:
    assert browser.recv(20) == VERSION
    browser.send(VERSION)
    assert browser.recv(20) == b"\x01\x01"
    browser.send(b"\x01")
    assert browser.recv(20) == b"\x00\x00\x00\x00"


def answer(browser: ClientConnection, *words: bytes) -> None:
    """Say something after each thing heard, and hear on until the end."""
    for word in words:
        browser.recv(20)
        browser.send(word)
    while True:
        browser.recv(20)


def with_schemes(*names: str, **files: str) -> dict[str, Any]:
    options = dataclasses.replace(Vnc(), auth_schemes=names, **files)
    return {"schemes": lambda host: schemes_of(options, host)}


def test_bytes_go_both_ways(start: Start, tokens: Tokens, vnc: RfbServer) -> None:
    server = start(**with_schemes("none"))
    with signed_in(server, tokens.add(vnc.port)) as browser:
        for size in (1, 100, 200_000):
            sent = bytes(range(256)) * (size // 256 + 1)
            browser.send(sent)
            seen = b""
            while len(seen) < len(sent):
                part = browser.recv(20)
                assert isinstance(part, bytes)
                seen += part
            assert seen == sent


def test_what_is_said_early_is_not_lost(start: Start, tokens: Tokens, vnc: RfbServer) -> None:
    server = start(**with_schemes("none"))
    with opened(server, tokens.add(vnc.port)) as browser:
        browser.send(VERSION + b"\x01hello")
        seen = b""
        while not seen.endswith(b"hello"):
            part = browser.recv(20)
            assert isinstance(part, bytes)
            seen += part
        assert seen == VERSION + b"\x01\x01" + bytes(4) + b"hello"


def test_a_console_that_is_not_vnc_is_passed_through(start: Start, tokens: Tokens) -> None:
    echo = RfbServer(version=b"login: ")
    server = start(kind="serial")
    with opened(server, tokens.add(echo.port, "serial"), subprotocols=["base64", "binary"]) as browser:
        assert browser.subprotocol == "binary"
        assert browser.recv(20) == b"login: "
    echo.close()


@pytest.mark.parametrize("token", ["", "nothing", "x" * 500])
def test_who_has_no_good_token_stays_outside(
    start: Start, tokens: Tokens, vnc: RfbServer, token: str
) -> None:
    tokens.add(vnc.port)
    with pytest.raises(InvalidStatus) as refused:
        opened(start(), token)
    assert refused.value.response.status_code == 403


def test_a_token_of_another_type_of_console_opens_nothing(start: Start, tokens: Tokens) -> None:
    with pytest.raises(InvalidStatus) as refused:
        opened(start(), tokens.add(1, "serial"))
    assert refused.value.response.status_code == 403


def test_a_page_of_somebody_else_opens_nothing(start: Start, tokens: Tokens, vnc: RfbServer) -> None:
    server, token = start(origins=("dashboard",)), tokens.add(vnc.port)
    with pytest.raises(InvalidStatus) as refused:
        opened(server, token, origin="http://evil")
    assert refused.value.response.status_code == 403
    with opened(server, token, origin="http://dashboard"):
        pass


def test_nobody_is_denied_while_tokens_cannot_be_looked_up(start: Start, tokens: Tokens) -> None:
    tokens.error = Unavailable("no conductor")
    with pytest.raises(InvalidStatus) as refused:
        opened(start(), "token-0")
    assert refused.value.response.status_code == 503


def test_a_console_that_does_not_listen_closes_the_session(start: Start, tokens: Tokens) -> None:
    probe = socket.create_server(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    probe.close()
    with opened(start(), tokens.add(port)) as browser, pytest.raises(ConnectionClosed) as closed:
        browser.recv(20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011


@pytest.mark.parametrize(
    "host",
    [{"offers": b"\x02"}, {"offers": b""}, {"version": b"RFB 003.003\n"}, {"version": b"HTTP/1.1 400"}],
    ids=str,
)
def test_a_host_that_cannot_be_signed_in_to_closes_the_session(
    start: Start, tokens: Tokens, host: dict[str, Any]
) -> None:
    vnc = RfbServer(**host)
    server = start(**with_schemes("none"))
    with opened(server, tokens.add(vnc.port)) as browser, pytest.raises(ConnectionClosed):
        answer(browser, VERSION, b"\x01")
    vnc.close()


def test_the_browser_is_told_why_it_is_refused(start: Start, tokens: Tokens) -> None:
    vnc = RfbServer(refusal="too many")
    server = start(**with_schemes("none"))
    with opened(server, tokens.add(vnc.port)) as browser:
        browser.recv(20)
        browser.send(VERSION)
        browser.recv(20)
        browser.send(b"\x01")
        said = browser.recv(20)
        assert isinstance(said, bytes)
        assert said[:4] == b"\x00\x00\x00\x01"
        assert b"too many" in said
    vnc.close()


def test_the_way_to_the_host_is_encrypted(start: Start, tokens: Tokens, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.issue("host"))
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_verify_locations(authority.path)
    vnc = RfbServer(offers=b"\x01\x13", tls=tls)
    mine = str(authority.issue("proxy"))
    files = {"vencrypt_ca_certs": str(authority.path), "vencrypt_client_cert": mine}
    server = start(**with_schemes("vencrypt", "none", **files))
    with signed_in(server, tokens.add(vnc.port)) as browser:
        browser.send(b"x" * 100_000)
        seen = 0
        while seen < 100_000:
            seen += len(browser.recv(20))
    assert (vnc.chosen, vnc.encrypted) == ([19], 1)
    vnc.close()


def test_a_host_with_a_strange_certificate_is_not_trusted(
    start: Start, tokens: Tokens, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(Authority(tmp_path / "other").issue("host"))
    vnc = RfbServer(offers=b"\x13", tls=tls)
    server = start(**with_schemes("vencrypt", vencrypt_ca_certs=str(Authority(tmp_path).path)))
    with opened(server, tokens.add(vnc.port)) as browser:
        browser.recv(20)
        browser.send(VERSION)
        browser.recv(20)
        browser.send(b"\x01")
        said = browser.recv(20)
        assert isinstance(said, bytes)
        assert b"no encryption with the host" in said
    vnc.close()


def test_unknown_ways_to_sign_in_and_missing_certificates_are_refused() -> None:
    with pytest.raises(Invalid, match="knows none and vencrypt, but not vnc"):
        schemes_of(dataclasses.replace(Vnc(), auth_schemes=("vnc",)), "h")
    with pytest.raises(Invalid, match="cannot be used"):
        schemes_of(
            dataclasses.replace(Vnc(), auth_schemes=("vencrypt",), vencrypt_ca_certs="/nonexistent"), "h"
        )


def test_a_session_ends_with_its_token_where_that_is_wanted(
    start: Start, tokens: Tokens, vnc: RfbServer
) -> None:
    server = start(end_with_token=True, **with_schemes("none"))
    token = tokens.add(vnc.port)
    tokens.known[token] = tokens.known[token].replace(expires=time.time() + 1)
    with signed_in(server, token) as browser, pytest.raises(ConnectionClosed):
        browser.recv(20)


def test_only_so_many_consoles_are_open_at_a_time(start: Start, tokens: Tokens, vnc: RfbServer) -> None:
    server, token = start(sessions=1, **with_schemes("none")), tokens.add(vnc.port)
    with signed_in(server, token):
        with opened(server, token) as second, pytest.raises(ConnectionClosed) as closed:
            second.recv(20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013


def test_sessions_end_when_the_proxy_stops(start: Start, tokens: Tokens, vnc: RfbServer) -> None:
    server = start(**with_schemes("none"))
    with signed_in(server, tokens.add(vnc.port)) as browser:
        assert server.stop(20)
        with pytest.raises(ConnectionClosed) as closed:
            browser.recv(20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001


def test_pages_are_served_by_tls_too(start: Start, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority.issue("proxy"))
    server = start(tls)
    trusting = ssl.create_default_context(cafile=str(authority.path))

    def get(path: str) -> bytes:
        url = f"https://127.0.0.1:{server.port}{path}"
        with urllib.request.urlopen(url, context=trusting, timeout=20) as reply:
            return bytes(reply.read())

    assert get("/vnc.html") == b"<html>"
    assert get("/healthcheck") == b"OK"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get("/nothing")
