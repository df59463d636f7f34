"""nova-scheduler: chooses and claims hosts. Any number may run."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from compute_service.cmd import shared
from compute_service.cmd.member import Child
from compute_service.cmd.workers import run_workers

CHILD = Child("nova-scheduler", "compute_service.cmd.scheduler_part:main", shared=shared.SCHEDULER)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon; returns its exit code."""
    return run_workers(CHILD, lambda settings: settings.scheduler.workers, argv)


if __name__ == "__main__":
    sys.exit(main())
