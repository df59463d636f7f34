"""`python -m proving.bench`: measures a cloud of our own on real parts, other endpoints, or all at once."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from proving.bench import measures, own_site
from proving.bench.boots import Boots
from proving.bench.client import Refused
from proving.bench.measures import Figure, Figures
from proving.bench.table import table
from proving.bench.target import Target, read_target
from proving.process import Missing, NotReady
from proving.site import Site, site

STEPS = ("start", "memory", "idle", "requests", "boots", "crowds", "lists", "thousand")
_FEW, _FIFTY, _THOUSAND = 10, 50, 1000
_LIST = 1000

Columns = dict[str, list[Figure]]
"""Label of an endpoint → its figures."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print one table; returns the exit code."""
    options = _parser().parse_args(argv)
    # What was started is ended also when this is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    steps = options.steps or list(STEPS)
    columns: Columns = {}
    try:
        for target in [read_target(path) for path in options.beside]:
            _collect(columns, target.label, _of_target(target, steps))
        if not options.only_beside:
            _ours(columns, steps, options.folder, options.together)
        code = 0
    except (Missing, NotReady, Refused, OSError, ValueError, KeyError, RuntimeError) as error:
        print(f"not measured any further: {type(error).__name__}: {error}", file=sys.stderr)
        code = 1
    print()
    print(
        f"{time.strftime('%Y-%m-%d %H:%M')}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    print(table(list(columns), list(columns.values()), options.markdown))
    return code


def _ours(columns: Columns, steps: Sequence[str], folder: Path | None, together: bool) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="stratus-bench-", ignore_cleanup_errors=True) as scratch,
        site(folder or Path(scratch), own_site.plan(_FEW)) as made,
    ):
        own_site.add_metadata(made)
        if together:
            own_site.put_under_one_parent(made)
        _collect(columns, "ours", _of_site(made, steps))


def _of_target(target: Target, steps: Sequence[str]) -> Figures:
    """Measure an endpoint as it is, with the hosts and the servers that it has; its servers are deleted."""
    wanted: dict[str, Callable[[], Figures]] = {
        "memory": lambda: measures.memory_now(target, "at start"),
        "idle": lambda: measures.idle(target, "as it is"),
        "boots": lambda: measures.boots(target, "as it is", count=15),
        "crowds": lambda: measures.crowds(target, _FEW, counts=(50,), rounds=1),
        "lists": lambda: _lists(target),
        "requests": lambda: measures.small_requests(target),
    }
    for name, work in wanted.items():
        if name in steps:
            yield from work()
    if "requests" in steps:
        yield from measures.hypervisors(target)
    if "memory" in steps:
        yield from measures.memory_now(target, "after load")


def _of_site(made: Site, steps: Sequence[str]) -> Figures:
    """Measure our own cloud with 10, 50 and 1,000 hosts."""
    target = own_site.target_of(made, "ours")
    if "start" in steps:
        yield from _starts(made)
    if "memory" in steps:
        own_site.restart_control_plane(made)
        time.sleep(5)
        yield from measures.memory_now(target, "at start")
    if "boots" in steps:
        yield from measures.boots(target, f"{_FEW} hosts")
    if "crowds" in steps:
        yield from measures.crowds(target, _FEW)
    if "requests" in steps:
        Boots(target).fill(1)
        yield from measures.small_requests(target)
    if "lists" in steps:
        yield from _lists(target)
    if "memory" in steps:
        yield from measures.memory_now(target, "after load")
    yield from _with_more_hosts(made, target, steps)


def _with_more_hosts(made: Site, target: Target, steps: Sequence[str]) -> Figures:
    if "idle" in steps or "requests" in steps:
        own_site.change_hosts(made, _FIFTY)
        yield from measures.hypervisors(target)
    if "idle" in steps:
        time.sleep(20)
        yield from measures.idle(target, f"{_FIFTY} hosts")
    if "thousand" in steps:
        own_site.change_hosts(made, _THOUSAND)
        time.sleep(60)
        yield from measures.idle(target, f"{_THOUSAND} hosts", rounds=1)
        yield from measures.boot_cost(target, f"{_THOUSAND:,} hosts")


def _lists(target: Target) -> Figures:
    Boots(target).fill(_LIST)
    yield from measures.lists(target)


def _starts(made: Site) -> Figures:
    for name, (seconds, used) in own_site.start_seconds(made).items():
        yield Figure(f"start to ready, {name}", f"{seconds:.2f} s, {used:.2f} CPU-s")
    seconds, used = own_site.schema_seconds(made, made.folder / "bench")
    yield Figure("schema from nothing", f"{seconds:.1f} s, {used:.1f} CPU-s of ours")


def _collect(columns: Columns, label: str, figures: Iterator[Figure]) -> None:
    """Collect figures and tell each as it comes; what there was before a failure is kept."""
    for figure in figures:
        print(f"{time.strftime('%H:%M:%S')} {label}: {figure.measure}: {figure.value}", flush=True)
        columns.setdefault(label, []).append(figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m proving.bench", description=(main.__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "steps", nargs="*", metavar="STEP", help=f"what to measure: {', '.join(STEPS)}; everything if none"
    )
    parser.add_argument(
        "--beside",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="another endpoint, described in a TOML file: url, token or token_file, image, flavor, mariadb, "
        "schemas, placement_log, and a table pids (api, conductor, ... to lists); its servers are deleted",
    )
    parser.add_argument("--only-beside", action="store_true", help="measure no cloud of our own")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="an empty folder to keep")
    parser.add_argument(
        "--together", action="store_true", help="run our control plane as `stratus-compute control`"
    )
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    return parser


if __name__ == "__main__":
    sys.exit(main())
