"""`python -m proving.tempest`: runs tempest's tests of the compute API against a cloud."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from proving.keep import CLIENTS
from proving.process import Missing, NotReady, secret_file
from proving.site import site
from proving.tempest import own_site, run, table
from proving.tempest.cloud import Cloud, look_at
from proving.tempest.conf import conf_text

_PAGE = Path(__file__).parents[2] / "docs" / "reference" / "tempest.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Run tempest's tests of the compute API and tell the results by file.

    Returns 0 when none failed, 1 when some did, 2 when they could not be run.
    """
    options = _parser().parse_args(argv)
    # What was started is ended also when this is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with tempfile.TemporaryDirectory(prefix="stratus-tempest-", ignore_cleanup_errors=True) as scratch:
            folder = Path(options.folder or scratch).resolve()
            folder.mkdir(parents=True, exist_ok=True)
            return _measured(options, folder)
    except (Missing, NotReady, OSError, RuntimeError, ValueError) as error:
        print(f"tempest was not run: {type(error).__name__}: {error}", file=sys.stderr)
        return 2


def _measured(options: argparse.Namespace, folder: Path) -> int:
    run.install()
    with _cloud(options, folder) as name:
        cloud = look_at(name)
        conf = folder / "tempest.conf"
        secret_file(conf, conf_text(cloud, folder))
        print(f"running; what goes on is in {folder / 'tempest.log'}", flush=True)
        began = time.monotonic()
        results = run.run(folder, conf, options.select, options.workers, options.minutes * 60)
        told = table.told(results, _facts(cloud, options, time.monotonic() - began))
    print(told)
    if options.write:
        table.put(_PAGE, options.title, told)
    return 1 if not results or any(one.status in (run.FAILED, run.CUT) for one in results) else 0


@contextmanager
def _cloud(options: argparse.Namespace, folder: Path) -> Iterator[str]:
    """Yield the name of the cloud in clouds.yaml, whose file the environment names."""
    if options.cloud:
        yield options.cloud
        return
    with site(folder / "site", own_site.plan()) as made:
        os.environ[CLIENTS] = str(made.clouds_file)
        yield "admin"


def _facts(cloud: Cloud, options: argparse.Namespace, seconds: float) -> dict[str, str]:
    return {
        "measured": f"{time.strftime('%Y-%m-%d')}, in {seconds / 60:.0f} minutes "
        f"with {options.workers} workers on {os.cpu_count()} processors",
        "tempest": f"{run.version()}, tests that match `{options.select}`",
        "compute": f"microversion {cloud.microversion}, {cloud.hosts} hosts of type {cloud.hypervisor}, "
        f"Python {platform.python_version()}",
        "guests": "not logged in to",
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m proving.tempest", description=(main.__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--cloud",
        metavar="NAME",
        help=f"its administrator in clouds.yaml ({CLIENTS}); one of our own if none",
    )
    parser.add_argument("--select", default=run.COMPUTE, metavar="REGEX", help="which tests")
    parser.add_argument("--workers", type=int, default=3, metavar="N", help="how many at a time")
    parser.add_argument("--minutes", type=float, default=40, metavar="N", help="when to end what still runs")
    parser.add_argument("--folder", metavar="DIR", help="an empty folder to keep, with all logs")
    parser.add_argument("--write", action="store_true", help=f"write the results into {_PAGE.name}")
    parser.add_argument("--title", default=own_site.TITLE, help="of the section that is written")
    return parser


if __name__ == "__main__":
    sys.exit(main())
