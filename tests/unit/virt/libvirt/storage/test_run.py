"""Programs run within limits."""

from __future__ import annotations

import pytest

from compute_service.virt.libvirt.storage.run import CommandFailed, Commands


def test_what_a_program_prints_is_returned() -> None:
    assert Commands().run(("echo", "a; b"), 10) == "a; b\n"


def test_a_program_does_not_see_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_TOKEN", "x")
    assert "OS_TOKEN" not in Commands().run(("env",), 10)


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (("sh", "-c", "echo first >&2; echo last >&2; exit 3"), "sh ended with 3 and said: last"),
        (("false",), "false ended with 1 and said: nothing"),
        (("no-such-program",), "no-such-program could not be started"),
    ],
)
def test_a_failure_says_what_the_program_said(argv: tuple[str, ...], why: str) -> None:
    with pytest.raises(CommandFailed, match=why):
        Commands().run(argv, 10)


def test_a_program_that_does_not_end_is_ended() -> None:
    with pytest.raises(CommandFailed, match=r"within 0\.2 seconds"):
        Commands().run(("sleep", "20"), 0.2)


def test_a_limited_program_cannot_take_all_memory() -> None:
    greedy = ("sh", "-c", "ulimit -v; ulimit -t")
    assert Commands().run(greedy, 10, limited=True).split() == [str(1 << 20), "30"]
