"""What came of a run, for people."""

from __future__ import annotations

from collections.abc import Mapping

from proving.chaos.run import Outcome, Trial


def told(trial: Trial, outcome: Outcome) -> str:
    """Return the outcome as text."""
    lines = [
        f"seed {trial.seed}: {trial.lives} lives, {outcome.servers} servers, {trial.users} users at a time, "
        f"{trial.cells} cell(s) of {trial.hosts} hosts, {trial.database}",
        f"lived for {outcome.lived:.0f} s; a user waited for at most {outcome.longest_wait:.1f} s",
        "",
        *_table("asked for and answered", outcome.answers),
        "",
        *_table("killed and restarted", outcome.faults),
        "",
        f"settled after {outcome.settled:.1f} s"
        if not outcome.unsettled
        else f"NOT SETTLED after {outcome.settled:.1f} s:",
        *(f"  {what}" for what in outcome.unsettled),
        *(f"NOT UP AGAIN: {what}" for what in outcome.not_up),
        *([f"NOT LED TO THEIR END: {outcome.not_led} lives"] if outcome.not_led else []),
        *(f"a user gave up waiting for {server}" for server in outcome.slow),
        "",
        f"{len(outcome.violations)} violations",
        *(f"  {one.rule}: {one.server} {one.what}" for one in outcome.violations),
        *(f"\n=== {server}\n{text}" for server, text in outcome.logs.items()),
    ]
    return "\n".join(lines)


def _table(title: str, counts: Mapping[str, int]) -> list[str]:
    return [title, *(f"  {what:<40}{number:>7}" for what, number in sorted(counts.items()))]
