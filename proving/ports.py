"""Ports for servers of our own."""

from __future__ import annotations

import random
import socket

LOWEST, HIGHEST = 15_000, 30_000
"""Below what the system hands out to clients, so that nobody takes a port while its server is down."""
_TRIES = 1_000


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody has, all different. Raises OSError when there are none."""
    dice = random.SystemRandom()
    held: list[socket.socket] = []
    try:
        for _ in range(_TRIES):
            if len(held) == count:
                return [int(one.getsockname()[1]) for one in held]
            one = socket.socket()
            try:
                one.bind(("127.0.0.1", dice.randrange(LOWEST, HIGHEST)))
            except OSError:
                one.close()
                continue
            held.append(one)
        raise OSError(f"there are no {count} free ports between {LOWEST} and {HIGHEST}")
    finally:
        for one in held:
            one.close()


def free_port() -> int:
    """Return one such port."""
    return free_ports(1)[0]


def accepts(port: int) -> bool:
    """Whether somebody takes connections on a port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False
