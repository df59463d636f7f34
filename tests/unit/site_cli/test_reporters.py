from __future__ import annotations

import io
import json

from site_cli.event import Event
from site_cli.reporters import JsonLines, PlainLines, Steps


def test_plain_lines_tell_of_tasks_changes_and_failures_with_the_time() -> None:
    times = iter((0.0, 1.0, 61.0, 62.5, 63.0))
    out = io.StringIO()
    tell = PlainLines(out, lambda: next(times))
    for event in (
        Event("play", play="Prepare"),
        Event("ok", host="h1"),
        Event("ok", host="h1", changed=True, seconds=0.25),
        Event("failed", host="h1", message="first\nsecond"),
        Event("unreachable", host="h2", message="no route"),
    ):
        tell(event)
    assert out.getvalue().splitlines() == [
        "00:01  == Prepare",
        "01:01       h1: changed (0.2 s)",
        "01:02       h1: failed: first",
        "01:03       h2: unreachable: no route",
    ]


def test_steps_are_plays_and_what_goes_wrong() -> None:
    times = iter((0.0, 1.0, 2.0, 61.0, 62.5))
    out = io.StringIO()
    tell = Steps(out, lambda: next(times))
    for event in (
        Event("play", play="Prepare"),
        Event("task", task="Install"),
        Event("ok", host="h1", changed=True),
        Event("failed", host="h1", message="first\nsecond"),
    ):
        tell(event)
    assert out.getvalue().splitlines() == ["00:01  Prepare", "01:02     h1: failed: first"]


def test_on_a_terminal_the_task_under_way_is_in_a_line_that_changes() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    times = iter((0.0, 1.0, 2.0, 3.0))
    out = Terminal()
    tell = Steps(out, lambda: next(times))
    for event in (Event("task", task="Install"), Event("play", play="Start"), Event("stats")):
        tell(event)
    assert out.getvalue() == "\r\033[K00:01    Install\r\033[K00:02  Start\n\r\033[K"


def test_json_lines_are_one_event_each() -> None:
    out = io.StringIO()
    tell = JsonLines(out)
    tell(Event("play", play="Prepare"))
    tell(Event("stats", stats={"h1": {"ok": 1}}))
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["kind"] for line in told] == ["play", "stats"]
    assert told[1]["stats"] == {"h1": {"ok": 1}}
