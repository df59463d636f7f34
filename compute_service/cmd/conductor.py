"""nova-conductor: runs flows, answers hosts, sets right what is not as it should be. Any number may run."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from compute_service.cmd import shared
from compute_service.cmd.member import Child
from compute_service.cmd.workers import run_workers

CHILD = Child("nova-conductor", "compute_service.cmd.conductor_part:main", shared=shared.CONDUCTOR)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon; returns its exit code."""
    return run_workers(CHILD, lambda settings: settings.conductor.workers, argv)


if __name__ == "__main__":
    sys.exit(main())
