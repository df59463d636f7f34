"""Folders that live no longer than their process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from compute_service.cmd.scratch import Scratch, remove_left
from compute_service.domain.errors import Unavailable

HOLD = """
import sys, time
from pathlib import Path
from compute_service.cmd.scratch import Scratch
made = Scratch(Path(sys.argv[1]), "daemon")
(made.path / "file").write_text("data")
print(made.path, flush=True)
time.sleep(60)
"""


def test_it_is_there_until_it_is_removed(tmp_path: Path) -> None:
    made = Scratch(tmp_path / "state", "daemon")
    (made.path / "file").write_text("data")
    assert made.path.parent == tmp_path / "state"
    assert made.path.stat().st_mode & 0o777 == 0o700
    made.remove()
    made.remove()
    assert list((tmp_path / "state").iterdir()) == []


def test_what_a_killed_process_left_goes_when_the_next_begins(tmp_path: Path) -> None:
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    left = Path(process.stdout.readline().strip())
    try:
        beside = Scratch(tmp_path, "daemon")
        assert left.exists(), "its process lives"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
    assert (left / "file").exists()
    after = Scratch(tmp_path, "daemon")
    assert sorted(tmp_path.iterdir()) == sorted((beside.path, after.path))
    beside.remove()
    after.remove()


def test_folders_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "daemon.x").mkdir()
    (tmp_path / "daemon.y").write_text("a file")
    other = Scratch(tmp_path, "other")
    os.symlink(other.path, tmp_path / "daemon.z")
    assert remove_left(tmp_path, "daemon") == 0
    assert len(list(tmp_path.iterdir())) == 4
    other.remove()


def test_a_place_where_nothing_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=f"No temporary folder can be made in {tmp_path}/file"):
        Scratch(tmp_path / "file", "daemon")
