"""nova-spicehtml5proxy: SPICE consoles in a browser."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from compute_service.cmd.console_proxy import Place, run_proxy
from compute_service.config.settings import Settings

BINARY = "nova-spicehtml5proxy"


def place(settings: Settings) -> Place:
    """Return where this proxy listens and what it opens."""
    spice = settings.spice
    address, port = spice.html5proxy_host, spice.html5proxy_port
    return Place(BINARY, "spice-html5", address, port, "/usr/share/spice-html5")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon; returns its exit code."""
    return run_proxy(BINARY, argv, place)


if __name__ == "__main__":
    sys.exit(main())
