"""The reference pages say what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from compute_service.api.policies import ALL
from compute_service.api.routes import ROUTES
from compute_service.cmd.reference import PAGES, main, stale

PAGES_DIRECTORY = Path(__file__).resolve().parents[2] / "docs" / "reference"


def test_the_pages_are_current() -> None:
    assert stale(PAGES_DIRECTORY) == [], "run: python -m compute_service.cmd.reference docs/reference"


def test_a_page_that_was_changed_by_hand_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 0
    assert main([str(tmp_path), "--check"]) == 0
    (tmp_path / "routes.md").write_text("something else")
    (tmp_path / "flows.md").unlink()
    assert main([str(tmp_path), "--check"]) == 1
    assert capsys.readouterr().out.splitlines() == ["out of date: flows.md", "out of date: routes.md"]


def test_routes_and_policies_name_every_one() -> None:
    routes, policies = PAGES["routes.md"](), PAGES["policies.md"]()
    assert routes.count("\n| `") == len(ROUTES)
    assert [rule.name for rule in ALL if f"| `{rule.name}` |" not in policies] == []
