"""Mishaps: what has to be told of them, and that what heals them is what the message says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from proving.mishaps import trial
from proving.mishaps.kinds import MISHAPS, advised
from proving.mishaps.trial import Mishap, Place, Wrong, command, undergo


class Host:
    name = "h.1"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "inventory", Host())  # type: ignore[arg-type]


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, tuple[str, int]]:
    """What the verbs print and how they end, by verb; the second run of deploy has "again" after it."""
    told: dict[str, tuple[str, int]] = {"again": ("well", 0)}
    ran: list[str] = []

    def spoken(verb: str, _inventory: Path) -> list[str]:
        text, code = told["again" if verb in ran or verb not in told else verb]
        ran.append(verb)
        return [sys.executable, "-c", f"import sys; print({text!r}); sys.exit({code})"]

    monkeypatch.setattr(trial, "command", spoken)
    return told


def mishap(teller: str = "deploy", *told: str) -> Mishap:
    return Mishap("thing", lambda _place: None, told, lambda _place, _text: "glue", teller)


def test_a_mishap_that_is_told_and_heals_is_told_of(
    place: Place, tmp_path: Path, says: dict[str, tuple[str, int]]
) -> None:
    says["deploy"] = ('"h.1 cannot be\n part of it",\n "it fell"', 4)
    came = undergo(mishap("deploy", "{host} cannot be part", "it fell"), place, tmp_path)
    assert came.told == "h.1 cannot be part ... it fell"
    assert came.mended == "glue"


def test_one_that_is_told_of_another_host_is_wrong(
    place: Place, tmp_path: Path, says: dict[str, tuple[str, int]]
) -> None:
    says["deploy"] = ("hx1 fell", 4)
    with pytest.raises(Wrong, match="nothing like"):
        undergo(mishap("deploy", "{host} fell"), place, tmp_path)


def test_one_that_ends_otherwise_is_wrong(
    place: Place, tmp_path: Path, says: dict[str, tuple[str, int]]
) -> None:
    says["deploy"] = ("h.1 fell", 2)
    with pytest.raises(Wrong, match="deploy ended with 2 instead of 4"):
        undergo(mishap("deploy", "{host} fell"), place, tmp_path)


def test_one_that_does_not_heal_is_wrong(
    place: Place, tmp_path: Path, says: dict[str, tuple[str, int]]
) -> None:
    says |= {"preflight": ("h.1 fell", 4), "again": ("still on the floor", 2)}
    with pytest.raises(Wrong, match="deploy ended with 2 instead of 0"):
        undergo(mishap("preflight", "{host} fell"), place, tmp_path)


def test_the_command_that_a_message_advises_is_taken_from_it() -> None:
    text = "Stop it (systemctl disable --now\n  squatter.service) or move it."
    assert advised(text, "systemctl") == ["systemctl", "disable", "--now", "squatter.service"]
    with pytest.raises(Wrong, match="no command of reboot"):
        advised(text, "reboot")


def test_an_operator_s_commands_are_run(tmp_path: Path) -> None:
    assert command("deploy", tmp_path)[0].endswith("/stratus")
    assert Path(command("preflight", tmp_path)[-1]).is_file()


def test_every_mishap_has_to_name_the_host_and_more() -> None:
    assert len({one.name for one in MISHAPS}) == len(MISHAPS)
    assert all("{host}" in one.told[0] and len(one.told) > 1 for one in MISHAPS)
