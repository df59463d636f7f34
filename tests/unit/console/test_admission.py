"""Tokens in requests, and the pages they come from."""

from __future__ import annotations

import pytest

from compute_service.console.admission import page_may, token_of


@pytest.mark.parametrize(
    ("path", "cookies", "token"),
    [
        ("/?token=abc", (), "abc"),
        ("/websockify?token=abc&x=1", (), "abc"),
        ("/?path=%3Ftoken%3Dabc", (), "abc"),
        ("/?path=websockify", (), None),
        ("/", ("token=abc",), "abc"),
        ("/", ("other=1; token=abc",), "abc"),
        ("/", ("other=1", "token=abc"), "abc"),
        ("/?token=abc", ("token=old",), "abc"),
        ("/", (), None),
        ("/?token=", (), None),
        ("/", ("\x00;=,",), None),
    ],
)
def test_the_token_of_a_request(path: str, cookies: tuple[str, ...], token: str | None) -> None:
    assert token_of(path, cookies) == token


@pytest.mark.parametrize(
    ("origin", "host", "url", "may"),
    [
        (None, "proxy:6080", "http://proxy:6080/vnc.html", True),
        ("http://proxy:6080", "proxy:6080", "http://proxy:6080/vnc.html", True),
        ("http://proxy", "proxy:6080", "http://proxy:6080/vnc.html", True),
        ("https://proxy", "proxy", "http://proxy/vnc.html", False),
        ("https://proxy", "proxy", "https://proxy/vnc.html", True),
        ("https://dashboard", "proxy", "https://proxy/vnc.html", True),
        ("https://evil", "proxy", "https://proxy/vnc.html", False),
        ("https://evil.dashboard", "proxy", "https://proxy/vnc.html", False),
        ("http://proxy", "proxy:6083", "ws://proxy:6083/", True),
        ("https://proxy", "proxy:6083", "ws://proxy:6083/", False),
        ("https://proxy", "proxy:6083", "wss://proxy:6083/", True),
        ("http://[::1]:6080", "[::1]:6080", "http://[::1]:6080/vnc.html", True),
        ("null", "proxy", "http://proxy/vnc.html", False),
        ("", "proxy", "http://proxy/vnc.html", False),
        ("http://", None, "http://proxy/vnc.html", False),
        ("http://[", "proxy", "http://proxy/vnc.html", False),
    ],
)
def test_which_pages_may_open_consoles(origin: str | None, host: str | None, url: str, may: bool) -> None:
    assert page_may(origin, host, url, ("dashboard",)) is may
