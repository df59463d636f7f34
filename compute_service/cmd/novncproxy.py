"""nova-novncproxy: VNC consoles in a browser."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from compute_service.cmd.console_proxy import Place, run_proxy
from compute_service.config.settings import Settings
from compute_service.console.vencrypt import schemes_of

BINARY = "nova-novncproxy"


def place(settings: Settings) -> Place:
    """Return where this proxy listens and what it opens."""
    vnc = settings.vnc
    schemes_of(vnc, "localhost")  # What cannot be used is told at the start.
    return Place(
        BINARY,
        "novnc",
        vnc.novncproxy_host,
        vnc.novncproxy_port,
        "/usr/share/novnc",
        lambda host: schemes_of(vnc, host),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon; returns its exit code."""
    return run_proxy(BINARY, argv, place)


if __name__ == "__main__":
    sys.exit(main())
