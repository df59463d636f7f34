"""nova-status: whether an installation is ready for this release. See `manage.status`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from compute_service.cmd.operator import operate
from compute_service.manage import status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks; returns the exit code."""
    return operate("nova-status", argv, status.main)


if __name__ == "__main__":
    sys.exit(main())
