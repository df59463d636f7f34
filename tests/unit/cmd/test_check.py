"""Whether a nova.conf can be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from compute_service.cmd.compute_cli import main


@pytest.mark.parametrize(
    ("text", "strict", "code", "told"),
    [
        ("[DEFAULT]\ndebug = true\n", True, 0, ""),
        ("[DEFAULT]\ndebug = maybe\n", False, 78, "debug"),
        ("[DEFAULT]\nnobody = 1\n", False, 0, "nobody reads [DEFAULT] nobody"),
        ("[DEFAULT]\nnobody = 1\n", True, 1, "nobody reads [DEFAULT] nobody"),
        ("no section\n", False, 78, ""),
    ],
)
def test_a_file_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, strict: bool, code: int, told: str
) -> None:
    file = tmp_path / "nova.conf"
    file.write_text(text)
    assert main(["check", *(["--strict"] if strict else []), str(file)]) == code
    assert told in capsys.readouterr().err


def test_a_file_that_is_not_there_cannot_be_used(tmp_path: Path) -> None:
    assert main(["check", str(tmp_path / "none.conf")]) == 78
