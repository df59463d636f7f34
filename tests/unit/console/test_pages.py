"""The files of a web client."""

from __future__ import annotations

from pathlib import Path

import pytest

from compute_service.console.pages import Pages


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    web = tmp_path / "web"
    (web / "core").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (web / ".hidden").write_text("hidden")
    (web / "vnc_lite.html").write_text("<html>")
    (web / "core" / "rfb.js").write_text("js")
    return Pages(web)


def test_files_have_their_media_type(pages: Pages) -> None:
    assert pages.read("/vnc_lite.html?token=1") == ("text/html; charset=utf-8", b"<html>")
    kind, content = pages.read("/core/rfb.js") or ("", b"")
    assert content == b"js"
    assert "javascript" in kind


def test_the_old_name_of_the_page_is_known(pages: Pages) -> None:
    assert pages.read("/vnc_auto.html") == pages.read("/vnc_lite.html")


@pytest.mark.parametrize(
    "target",
    ["/", "", "/core", "/none", "/../secret", "/%2e%2e/secret", "/core/../../secret", "//secret", "/.hidden",
     "/core/%00", "/\\..\\secret", "/%2Fetc/passwd"],
)  # fmt: skip
def test_nothing_else_is_read(pages: Pages, target: str) -> None:
    assert pages.read(target) is None


def test_a_proxy_without_a_client_has_no_pages() -> None:
    assert Pages(None).read("/vnc.html") is None
