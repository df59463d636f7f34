"""Ports for serial consoles on a host."""

from __future__ import annotations

from collections.abc import Collection

from compute_service.domain.errors import HostRejected, Invalid


def free_ports(span: str, count: int, taken: Collection[int | None]) -> tuple[int, ...]:
    """Return so many ports of a range `first:last` that no guest has. Raises HostRejected, Invalid."""
    first, _, last = span.partition(":")
    if not first.isdigit() or not last.isdigit() or not 0 < int(first) <= int(last) < 65536:
        raise Invalid(f"The option port_range in [serial_console] has {span!r}; it takes first:last.")
    free = (port for port in range(int(first), int(last) + 1) if port not in taken)
    found = tuple(port for port, _ in zip(free, range(count), strict=False))
    if len(found) < count:
        raise HostRejected("This host has no port left for the guest's serial consoles.")
    return found
