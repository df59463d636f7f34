from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from site_cli.hosts import SiteHost
from site_cli.page import Site, page
from site_cli.record import Check, Run
from site_cli.topology import picture

CLOUD = SiteHost("cloud", ("compute", "controller"), "10.0.0.1", "prov0", "Debian 13", {"keystone": "2:27"})
WORKER = SiteHost("w<1>", ("compute",), "10.0.0.2")
DEPLOYED = Run(
    "site",
    "2026-01-02T03:04:05+00:00",
    372.0,
    0,
    {"keystone": 30.0, "glance": 10.0},
    {"cloud": {"changed": 7}},
)
VERIFIED = Run(
    "verify",
    "2026-01-02T04:00:00+00:00",
    65.0,
    2,
    checks=(
        Check("Ask for each unit", "cloud", "ok", 1.2),
        Check("Try", "cloud", "failed", 2.0, "<b>no</b>"),
    ),
)


def told(*runs: Run) -> str:
    return page(Site("mine & yours", (CLOUD, WORKER), runs))


class Tags(HTMLParser):
    """Counts what is open, and refuses what closes in another order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "data", "action")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    tags = Tags()
    tags.feed(told(DEPLOYED, VERIFIED))
    assert tags.open == []
    assert not tags.addresses
    assert {"svg", "table", "style"} <= tags.seen
    assert not tags.seen & {"script", "link", "img", "iframe"}
    assert "url(" not in told(DEPLOYED, VERIFIED)


def test_text_of_the_site_is_never_markup() -> None:
    text = told(DEPLOYED, VERIFIED)
    assert "mine &amp; yours" in text
    assert "w&lt;1&gt;" in text
    assert "&lt;b&gt;no&lt;/b&gt;" in text


def test_the_verdict_tells_how_the_last_runs_ended() -> None:
    text = re.sub(r"<[^>]*>", "", told(DEPLOYED, VERIFIED))
    assert "deploy went well in 6 min 12 s, 2026-01-02 03:04:05 UTC" in text
    assert "verify failed in 1 min 05 s" in text
    assert "1 of 2 checks and steps went well" in text


def test_a_site_of_which_nothing_is_known_has_a_page() -> None:
    text = re.sub(r"<[^>]*>", "", told())
    assert "deploy: not run yet" in text
    assert "verify: not run yet" in text
    assert "Runs" not in text


def test_parts_are_told_with_the_longest_first() -> None:
    text = told(DEPLOYED)
    assert text.index(">keystone<") < text.index(">glance<")
    assert "width:100%" in text
    assert "width:33%" in text


def test_versions_are_told_by_host() -> None:
    assert re.search(r"<td>keystone</td><td>2:27</td>", told())


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 9])
def test_every_host_is_in_the_picture_and_none_outside_of_it(count: int) -> None:
    hosts = [SiteHost(f"h{n}", ("compute",), f"10.0.0.{n}", "prov0" if n % 2 else "") for n in range(count)]
    drawn = ElementTree.fromstring(picture(hosts))  # noqa: S314
    _, _, width, height = map(int, drawn.attrib["viewBox"].split())
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in drawn.iter(f"{space}text")]
    assert [f"h{n}" for n in range(count)] == [text for text in texts if text and re.fullmatch(r"h\d+", text)]
    boxes = [
        tuple(int(box.attrib[name]) for name in ("x", "y", "width", "height"))
        for box in drawn.iter(f"{space}rect")
    ]
    assert all(x + w <= width and y + h <= height for x, y, w, h in boxes)
    assert len(set(boxes)) == count


def test_the_picture_shows_the_network_outside_only_when_a_host_has_it() -> None:
    assert "provider network" in picture([CLOUD, WORKER])
    assert "provider network" not in picture([WORKER])
