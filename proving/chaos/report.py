"""What came of a run, for people."""

from __future__ import annotations

from collections.abc import Mapping

from proving.chaos.run import Outcome, Trial


def told(trial: Trial, outcome: Outcome) -> str:
    """Return the outcome as text."""
    lines = [
        f"seed {trial.seed}: {outcome.begun} of {trial.lives} lives, {outcome.servers} servers, "
        f"{trial.users} users at a time, "
        f"{trial.cells} cell(s) of {trial.hosts} hosts, {trial.database}",
        f"under faults for {outcome.lived:.0f} s",
        "",
        *_table("asked for and answered", outcome.answers),
        "",
        *_table("killed and restarted", outcome.faults),
        "",
        *_times(outcome),
        "",
        *_table("flows that failed", outcome.failed),
        "",
        f"settled {outcome.settled:.1f} s after the last fault, under full load until then"
        if not outcome.unsettled
        else f"NOT SETTLED {outcome.settled:.1f} s after the last fault:",
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


def _times(outcome: Outcome) -> list[str]:
    head = f"{'seconds from asking until idle':<32}{'times':>7}{'median':>9}{'95 %':>9}{'longest':>9}"
    rows = outcome.times.items()
    return [
        head,
        *(f"  {act:<30}{n:>7}{mid:>9.1f}{high:>9.1f}{top:>9.1f}" for act, (n, mid, high, top) in rows),
    ]


def _table(title: str, counts: Mapping[str, int]) -> list[str]:
    return [title, *(f"  {number:>7}  {what}" for what, number in sorted(counts.items()))]
