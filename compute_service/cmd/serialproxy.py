"""nova-serialproxy: serial consoles over WebSocket; clients bring their own page."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from compute_service.cmd.console_proxy import Place, run_proxy
from compute_service.config.settings import Settings

BINARY = "nova-serialproxy"


def place(settings: Settings) -> Place:
    """Return where this proxy listens and what it opens."""
    serial = settings.serial_console
    return Place(BINARY, "serial", serial.serialproxy_host, serial.serialproxy_port, None)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon; returns its exit code."""
    return run_proxy(BINARY, argv, place)


if __name__ == "__main__":
    sys.exit(main())
