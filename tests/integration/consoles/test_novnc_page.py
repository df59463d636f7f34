"""noVNC's own page in a real browser shows a guest's screen through the proxy, and what is typed arrives."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compute_service.cmd.allinone import AllInOne
from compute_service.cmd.allinone_seed import IMAGE
from compute_service.cmd.novncproxy import place
from compute_service.console.pages import Pages
from compute_service.console.server import ConsoleServer, Proxy
from compute_service.domain.console import Listening
from tests.fixtures.browser import chromium, eventually, kept
from tests.fixtures.rfb_screen import COLOURS, Screen
from tests.fixtures.rfb_server import RfbServer
from tests.functional.caller import Caller

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]
WEB = Path("/usr/share/novnc")
PIXEL = """
const canvas = document.querySelector('canvas');
if (!canvas) return null;
const middle = canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1);
return Array.from(middle.data).slice(0, 3);
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def address(screen: Screen) -> Iterator[str]:
    """The address that the API gives for the console of a server that runs."""
    if not WEB.is_dir():
        pytest.skip("THIS TEST DID NOT RUN: the package novnc is not installed")
    vnc, port = RfbServer(session=screen), free_port()
    url = f"http://127.0.0.1:{port}/vnc_lite.html"
    site = AllInOne.start(hosts=1, options={"vnc": {"novncproxy_base_url": url}})
    for hypervisor in site.hypervisors.values():
        hypervisor.consoles["vnc"] = Listening(port=vnc.port)  # type: ignore[attr-defined]
    schemes = place(site.settings).schemes
    proxy = Proxy(kind="novnc", find=site.parts.svc.conductor.console, pages=Pages(WEB), schemes=schemes)
    server = ConsoleServer(proxy, socket.create_server(("127.0.0.1", port)))
    server.start()
    member = Caller(site.url, site.token("demo"))
    order = {"name": "seen", "imageRef": IMAGE, "flavorRef": "1", "networks": "none"}
    uuid = member.post("/servers", {"server": order}).body["server"]["id"]
    member.settled(uuid, "ACTIVE")
    reply = member.post(
        f"/servers/{uuid}/remote-consoles", {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    )
    yield str(reply.body["remote_console"]["url"])
    assert server.stop(20)
    vnc.close()
    assert site.stop()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    with chromium(tmp_path / "profile") as driver:
        yield driver


def test_the_page_shows_the_screen_and_takes_keys(
    address: str, browser: Any, screen: Screen, tmp_path: Path
) -> None:
    def told() -> str:
        return str(browser.find_element("tag name", "body").text)

    browser.get(address)
    eventually(lambda: browser.execute_script(PIXEL), list(COLOURS[0]).__eq__, told)
    eventually(lambda: "connected" in told().lower(), bool, told)
    canvas = browser.find_element("tag name", "canvas")
    canvas.click()
    for number, key in enumerate("ok", start=1):
        canvas.send_keys(key)
        eventually(lambda: len(screen.keys), number.__eq__, told)
        eventually(lambda: browser.execute_script(PIXEL), list(screen.colour).__eq__, told)
    assert screen.keys == [ord("o"), ord("k")]
    kept(browser, "novnc.png", tmp_path)


def test_the_page_of_a_wrong_token_shows_nothing(address: str, browser: Any, screen: Screen) -> None:
    def told() -> str:
        return str(browser.find_element("tag name", "body").text).lower()

    browser.get(address[:-1] + ("0" if address[-1] != "0" else "1"))
    eventually(lambda: "closed" in told() or "went wrong" in told(), bool, told)
    assert screen.keys == []
