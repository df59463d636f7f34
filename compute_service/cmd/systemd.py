"""What a daemon tells the service manager, by the socket it left in NOTIFY_SOCKET. Source: sd_notify(3).

Without a service manager every function does nothing.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time

PROBLEMS = "X_STRATUS_PROBLEMS"


def notify(*lines: str) -> bool:
    """Send assignments such as `READY=1`; False when nobody listens. Never raises and never waits."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto("\n".join(lines).encode(), address)
        return True
    return False


def ready(status: str) -> bool:
    """Say that the daemon is up."""
    return notify("READY=1", f"STATUS={status}")


def reloading() -> bool:
    """Say that the configuration is being read again; `ready` ends that."""
    return notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping(status: str, seconds: float) -> bool:
    """Say that the daemon goes down and may take `seconds` for it."""
    return notify("STOPPING=1", f"STATUS={status}", f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")


def alive() -> bool:
    """Say that the daemon works."""
    return notify("WATCHDOG=1")


def problems(found: str) -> bool:
    """Say what keeps the daemon from its work; empty for nothing any more. A parent reads the second line."""
    found = " ".join(found.split())
    return notify(f"STATUS={found or 'serves'}", f"{PROBLEMS}={found}")


def watchdog_seconds() -> float | None:
    """Return the longest silence the service manager accepts, or None when it does not watch."""
    limit, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not limit.isdigit() or int(limit) == 0 or (process and process != str(os.getpid())):
        return None
    return int(limit) / 1_000_000
