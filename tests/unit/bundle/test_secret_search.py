"""Secrets that others could read are found, and told without saying them."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.unit.bundle.conftest import Load

SECRET = "s3cret/word+12"


@pytest.fixture
def search(load: Load) -> Any:
    module = load("secret_search")
    return module.Search(module.spellings({"nova_password": SECRET, "short": "abc"}))


def found(search: Any, folder: Path, everybody: bool = True) -> list[str]:
    search.files([str(folder)], everybody, 1 << 20)
    return list(search.found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that everybody may enter."""
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    "text", [SECRET, quote(SECRET, safe=""), base64.b64encode(SECRET.encode()).decode().rstrip("=")]
)
def test_a_secret_in_a_file_for_everybody_is_found_however_it_is_written(
    search: Any, folder: Path, text: str
) -> None:
    (folder / "file").write_text(f"x={text}\n")
    (folder / "file").chmod(0o644)
    told = found(search, folder)
    assert told == [f"nova_password is in {folder / 'file'}"]
    assert SECRET not in told[0]


def test_a_secret_in_a_file_of_its_owner_is_in_its_place(search: Any, folder: Path) -> None:
    (folder / "file").write_text(SECRET)
    (folder / "file").chmod(0o640)
    assert found(search, folder) == []


def test_a_file_that_nobody_else_can_reach_is_in_its_place(search: Any, folder: Path) -> None:
    (folder / "closed").mkdir()
    (folder / "closed/file").write_text(SECRET)
    (folder / "closed/file").chmod(0o644)
    (folder / "closed").chmod(0o750)
    assert found(search, folder) == []


def test_a_secret_in_a_log_is_found_whoever_may_read_it(search: Any, folder: Path) -> None:
    (folder / "log").write_text(SECRET)
    (folder / "log").chmod(0o600)
    assert len(found(search, folder, everybody=False)) == 1


def test_a_secret_that_is_cut_by_the_end_of_a_piece_is_found(load: Load) -> None:
    module = load("secret_search")
    wanted = module.spellings({"one": SECRET})
    assert module.names_in_stream(iter([b"ab" + SECRET[:5].encode(), SECRET[5:].encode()]), wanted) == {"one"}
    assert module.names_in_stream(iter([SECRET[:5].encode(), b"-", SECRET[5:].encode()]), wanted) == set()


def test_a_secret_in_the_arguments_of_a_process_is_found(load: Load) -> None:
    module = load("secret_search")
    own = Path("/proc/self/cmdline").read_bytes().split(b"\0")
    argument = max((word.decode() for word in own), key=len)
    search = module.Search(module.spellings({"own": argument}))
    search.processes()
    assert any(f"process {os.getpid()} " in told for told in search.found)
    assert search.looked["processes"] > 0
