"""Names and addresses of this host, for defaults that differ on each."""

from __future__ import annotations

import socket
from functools import cache


@cache
def host_name() -> str:
    """Return the name this host goes by in the service."""
    return socket.gethostname()


@cache
def host_address() -> str:
    """Return the address of the interface that leads out, or the loopback address when there is none.

    Asking the kernel for a route with a datagram socket sends nothing.
    """
    for family, remote in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((remote, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return "127.0.0.1"
