"""`python -m proving.fuzz`: sends a seeded stream of requests and tells what is wrong with the answers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from proving.fuzz.run import Outcome, Run
from proving.fuzz.site import fuzz_site


def main(argv: Sequence[str] | None = None) -> int:
    """Send requests and judge the answers; returns the exit code."""
    options = _parser().parse_args(argv)
    with fuzz_site() as site:
        run = Run(site, options.seed, lambda said: print(said, flush=True))
        if options.index is not None:
            run.one(options.index)
        else:
            run.all(range(options.first, options.first + options.requests), options.workers)
        print(told(options.seed, run.outcome, options.routes))
    return 0 if run.outcome.is_good else 1


def told(seed: int, outcome: Outcome, routes: bool = False) -> str:
    """Return the outcome in words."""
    tally = outcome.tally
    lines = [
        f"seed {seed}: {outcome.sent} requests in {outcome.seconds:.0f} s; slowest {tally.slowest:.2f} s"
    ]
    counts = ", ".join(f"{count} x {status}" for status, count in sorted(tally.statuses.items()))
    lines.append(f"answers: {counts}")
    if routes:
        for route, seen in sorted(tally.routes.items()):
            lines.append(f"  {route}: " + ", ".join(f"{n} x {s}" for s, n in sorted(seen.items())))
    for (rule, where), found in outcome.defects().items():
        lines.append(
            f"DEFECT {len(found)} x {rule} ({where})\n    {found[0].told}\n    {found[0].ask.line()}"
        )
    lines += [f"HANGS {ask.line()}" for ask in outcome.hung]
    lines += [f"LEFT {what}" for what in outcome.left]
    lines.append("nothing is wrong" if outcome.is_good else "something is wrong")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m proving.fuzz", description=(main.__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--requests", type=int, default=2000, metavar="N", help="how many to send")
    parser.add_argument("--seed", type=int, default=1, help="what the stream is made from")
    parser.add_argument("--first", type=int, default=0, metavar="INDEX", help="the number of the first one")
    parser.add_argument("--index", type=int, metavar="INDEX", help="send only the one of this number")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="how many at a time")
    parser.add_argument("--routes", action="store_true", help="tell the answers by route")
    return parser


if __name__ == "__main__":
    sys.exit(main())
