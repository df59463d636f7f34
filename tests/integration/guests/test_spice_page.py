"""SPICE's own page in a real browser shows a real guest's screen, and what is typed there arrives."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proving.daemon import Daemon
from proving.guest import LOGIN
from proving.hosts import GuestCloud
from tests.fixtures.browser import chromium, eventually, kept
from tests.integration.guests.conftest import Boot
from tests.integration.guests.owner import Owner

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
WEB = Path("/usr/share/spice-html5")
LIT = """
const canvas = document.querySelector('#spice-screen canvas');
if (!canvas) return 0;
const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
let lit = 0;
for (let i = 0; i < data.length; i += 4) if (data[i] + data[i + 1] + data[i + 2] > 300) lit += 1;
return lit;
"""
"""How many points of the guest's screen are bright."""


@pytest.fixture
def proxy(cloud: GuestCloud) -> Iterator[None]:
    """nova-spicehtml5proxy."""
    if not WEB.is_dir():
        pytest.skip("THIS TEST DID NOT RUN: the package spice-html5 is not installed")
    program = ("-m", "compute_service.cmd.spicehtml5proxy")
    daemon = Daemon(
        "nova-spicehtml5proxy", sys.executable, [cloud.site.nova_conf], cloud.site.folder, program
    )
    daemon.start()
    try:
        daemon.ready()
        yield
    finally:
        daemon.close()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    with chromium(tmp_path / "profile") as driver:
        yield driver


@pytest.mark.usefixtures("proxy")
def test_a_guests_screen_is_seen_and_typed_on(owner: Owner, boot: Boot, browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains, Keys

    server = boot("screen", adminPass=LOGIN[1])
    owner.told(server, "ready")
    order = {"remote_console": {"protocol": "spice", "type": "spice-html5"}}
    reply = owner.caller.post(f"/servers/{server}/remote-consoles", order)
    assert reply.status == 200, reply

    def lit() -> int:
        return int(browser.execute_script(LIT))

    def told() -> str:
        return str(browser.find_element("tag name", "body").text)

    def typed(text: str, seen: Callable[[str], bool]) -> None:
        """Type a line until the guest's processes are what that makes them: login drops what comes before
        it asks."""
        canvas = browser.find_element("css selector", "#spice-screen canvas")
        due = 0.0

        def look() -> str:
            nonlocal due
            if time.monotonic() >= due:
                ActionChains(browser).click(canvas).send_keys(text, Keys.ENTER).perform()
                due = time.monotonic() + 15
            return owner.ssh(server, "ps; ls /run")

        eventually(look, seen, told)

    browser.get(str(reply.body["remote_console"]["url"]))
    eventually(lit, lambda seen: seen > 100, told)
    user, password = LOGIN
    typed(user, lambda seen: "getty 38400 tty1" not in seen)
    typed(password, lambda seen: "-sh" in seen)
    typed("touch /run/typed", lambda seen: "typed" in seen)
    kept(browser, "spice.png", tmp_path)


@pytest.mark.usefixtures("proxy")
def test_a_wrong_token_shows_nothing(owner: Owner, boot: Boot, browser: Any) -> None:
    server = boot("unseen")
    order = {"remote_console": {"protocol": "spice", "type": "spice-html5"}}
    url = str(owner.caller.post(f"/servers/{server}/remote-consoles", order).body["remote_console"]["url"])
    browser.get(url[:-1] + ("0" if url[-1] != "0" else "1"))
    said = "return document.getElementById('message-div').textContent.toLowerCase()"
    eventually(lambda: browser.execute_script(said), lambda seen: "close" in seen or "error" in seen, str)
    assert browser.execute_script(LIT) == 0
