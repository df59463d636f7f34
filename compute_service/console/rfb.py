"""Signing in to a guest's VNC server on the browser's behalf.

The browser needs no password: its token let it in. Towards the host the proxy signs in as [vnc] auth_schemes
says. Afterwards both sides speak with each other and the proxy only carries bytes.

Source: RFC 6143, sections 7.1.1 to 7.1.3 and 7.2.1; the VeNCrypt extension as in the RFB protocol's community
edition, section "VeNCrypt".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from compute_service.console.streams import Browser, Exactly, Host

VERSION = b"RFB 003.008\n"
NONE, VENCRYPT = 1, 19
X509_NONE = 260
_U32 = struct.Struct(">I")
_LONGEST_REASON = 4096
_WAIT = 20.0
"""Seconds that a side may take for each of its words."""

Scheme = Callable[[Host, Exactly], None]
"""Signs in after its number was chosen; from then on the host's stream may be encrypted."""


class Refused(Exception):
    """The two sides cannot be brought together."""


def no_password(host: Host, words: Exactly) -> None:
    """Security type None: nothing is asked."""


def negotiate(browser: Browser, host: Host, schemes: Mapping[int, Scheme]) -> tuple[bytes, bytes]:
    """Bring both sides to where ClientInit follows; `schemes` are the ways in, the best first.

    Returns what either side (browser, host) said early. Raises Refused, Ended, TimeoutError, OSError.
    """
    asked, told = Exactly(browser, _WAIT), Exactly(host, _WAIT)
    _agree_on_version(told.read(len(VERSION)), "the host")
    host.send(VERSION)
    browser.send(VERSION)
    _agree_on_version(asked.read(len(VERSION)), "the browser")
    offered = _offers(told)
    browser.send(bytes((1, NONE)))
    if asked.read(1)[0] != NONE:
        raise Refused("the browser chose a security type that was not offered")
    try:
        _sign_in(host, told, offered, schemes)
    except Refused as refusal:
        reason = str(refusal).encode()
        browser.send(_U32.pack(1) + _U32.pack(len(reason)) + reason)
        raise
    browser.send(_U32.pack(0))
    return asked.rest(), told.rest()


def _agree_on_version(said: bytes, who: str) -> None:
    if said != VERSION:
        raise Refused(f"{who} does not speak RFB 3.8 but {said!r}")


def _offers(told: Exactly) -> bytes:
    count = told.read(1)[0]
    if count == 0:
        raise Refused(f"the host takes nobody: {_reason(told)}")
    return told.read(count)


def _sign_in(host: Host, told: Exactly, offered: bytes, schemes: Mapping[int, Scheme]) -> None:
    chosen = next((number for number in schemes if number in offered), None)
    if chosen is None:
        raise Refused(f"the host offers only the security types {list(offered)}")
    host.send(bytes((chosen,)))
    schemes[chosen](host, told)
    if _U32.unpack(told.read(4))[0] != 0:
        raise Refused(f"the host did not let the proxy in: {_reason(told)}")


def _reason(told: Exactly) -> str:
    length = min(_U32.unpack(told.read(4))[0], _LONGEST_REASON)
    return told.read(length).decode(errors="replace")
