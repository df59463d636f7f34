"""nova-manage: databases, cells, stuck work. See `manage`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from compute_service.cmd.operator import operate
from compute_service.manage import app


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    return operate("nova-manage", argv, app.main)


if __name__ == "__main__":
    sys.exit(main())
