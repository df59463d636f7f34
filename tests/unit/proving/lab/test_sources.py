"""Sources of packages: the machine's own, for another release."""

from __future__ import annotations

from pathlib import Path

import pytest

from proving.lab.machine import Unable
from proving.lab.sources import SOURCES_VARIABLE, machine_sources

DEB822 = """# kept by somebody
Types: deb deb-src
URIs: http://one.test/debian
Suites: bookworm bookworm-updates
Components: main contrib

Types: deb
Enabled: no
URIs: http://never.test/debian
Suites: bookworm
Components: main

Types: deb
URIs: https://two.test/nodes
Suites: nodistro
Components: main
"""


def etc(folder: Path, **files: str) -> Path:
    listed = folder / "apt/sources.list.d"
    listed.mkdir(parents=True)
    for name, text in files.items():
        (listed / name.replace("_", ".")).write_text(text)
    return folder


@pytest.fixture(autouse=True)
def _unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SOURCES_VARIABLE, raising=False)


def test_the_machines_sources_are_asked_for_the_release(tmp_path: Path) -> None:
    found = machine_sources("trixie", etc(tmp_path, a_sources=DEB822))
    assert "Suites: trixie\n" in found
    assert "Suites: trixie-updates\n" in found
    assert found.count("URIs: http://one.test/debian\nSuites: ") == 2
    assert "Components: main contrib\nSigned-By: " in found
    assert "never.test" not in found


def test_sources_of_one_line_are_understood(tmp_path: Path) -> None:
    lines = """
# deb http://old.test/debian bookworm main
deb [arch=amd64 signed-by=/x.gpg] http://one.test/debian bookworm main # why
deb http://one.test/debian-security bookworm-security main non-free
deb-src http://src.test/debian bookworm main
"""
    found = machine_sources("trixie", etc(tmp_path, a_list=lines))
    assert "URIs: http://one.test/debian\nSuites: trixie\nComponents: main\n" in found
    assert "Suites: trixie-security\nComponents: main non-free\n" in found
    assert "old.test" not in found
    assert "src.test" not in found


def test_a_machine_without_sources_is_told_how_to_name_some(tmp_path: Path) -> None:
    with pytest.raises(Unable, match=SOURCES_VARIABLE):
        machine_sources("trixie", etc(tmp_path))


def test_named_sources_go_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = tmp_path / "mine.sources"
    named.write_text("Types: deb\n")
    monkeypatch.setenv(SOURCES_VARIABLE, str(named))
    assert machine_sources("trixie", etc(tmp_path, a_sources=DEB822)) == "Types: deb\n"
