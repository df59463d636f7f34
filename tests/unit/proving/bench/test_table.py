from __future__ import annotations

from pathlib import Path

import pytest

from proving.bench.measures import Figure
from proving.bench.table import table
from proving.bench.target import read_target

OURS = [Figure("boot", "60 ms", 1.25), Figure("idle", "9")]
THEIRS = [Figure("boot", "850 ms", 2.0)]


def test_endpoints_stand_side_by_side_and_what_was_not_measured_is_a_dash() -> None:
    assert table(["ours", "theirs"], [OURS, THEIRS]).splitlines() == [
        "measure  ours              theirs",
        "boot     60 ms [load 1.2]  850 ms [load 2.0]",
        "idle     9                 –",
    ]


def test_the_table_comes_as_markdown() -> None:
    assert table(["ours"], [OURS], markdown=True).splitlines() == [
        "| measure | ours |",
        "|---|---|",
        "| boot | 60 ms [load 1.2] |",
        "| idle | 9 |",
    ]


def test_another_endpoint_is_read_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("abc\n")
    file = tmp_path / "other.toml"
    file.write_text(
        f'url = "http://127.0.0.1:8774/v2.1/"\ntoken_file = "{secret}"\nflavor = 1\n[pids]\napi = [12, 13]\n'
    )
    target = read_target(file)
    assert (target.label, target.url, target.token()) == ("other", "http://127.0.0.1:8774/v2.1", "abc")
    assert (target.flavor, target.groups(), target.connect) == ("1", {"api": [12, 13]}, None)


def test_a_file_without_an_address_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text('token = "abc"\n')
    with pytest.raises(KeyError, match="url"):
        read_target(file)
