"""What is collected of a host has no secrets in it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.unit.bundle.conftest import Load

SECRET = "a/b c+d-12345"


@pytest.fixture
def logs(load: Load) -> Any:
    return load("host_logs")


@pytest.mark.parametrize(
    "text", [SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode().rstrip("=")]
)
def test_a_secret_is_hidden_however_it_is_written(logs: Any, text: str) -> None:
    data, count = logs.hide(f"one {text}\ntwo {text}\n".encode(), logs.spellings([SECRET]))
    assert data == b"one ***\ntwo ***\n"
    assert count == 2


def test_a_secret_within_another_leaves_nothing_of_the_longer(logs: Any) -> None:
    data, _ = logs.hide(b"abcdef-ghijkl", logs.spellings(["abcdef", "abcdef-ghijkl"]))
    assert data == b"***"


def test_words_too_short_to_be_secrets_are_left(logs: Any) -> None:
    assert logs.spellings(["nova"]) == []


def test_the_end_of_a_file_begins_with_a_whole_line(logs: Any, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("first line\nsecond\nthird\n")
    assert logs.end_of(str(path), 10) == b"third\n"
    assert logs.end_of(str(path), 1000) == path.read_bytes()


def test_a_pattern_may_name_several_folders(logs: Any, tmp_path: Path) -> None:
    for name in ("a/x.log", "b/y.log", "c/z.log"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    found = logs.matching(f"{tmp_path}/{{a,b}}/*.log")
    assert found == {f"{tmp_path}/a/x.log", f"{tmp_path}/b/y.log"}
