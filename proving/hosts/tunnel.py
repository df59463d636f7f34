"""The machine's servers on a host's own 127.0.0.1, at the same ports."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from proving.lab.command import Failed
from proving.lab.host import Host
from proving.process import Launch, Process


def tunnel(host: Host, ports: Iterable[int], folder: Path) -> Process:
    """Return what leads a host's connections to these ports of its 127.0.0.1 to the machine's."""
    ports = tuple(ports)
    ways = [word for port in ports for word in ("-R", f"127.0.0.1:{port}:127.0.0.1:{port}")]
    command = host.ssh("-N", "-o", "ExitOnForwardFailure=yes", *ways)
    waits = "\n".join(f"exec 3<>/dev/tcp/127.0.0.1/{port}; exec 3>&-" for port in ports)

    def leads() -> bool:
        try:
            host.run("bash", "-c", waits)
        except Failed:
            return False
        return True

    return Process(f"tunnel-{host.name}", folder / f"tunnel-{host.name}.log", Launch(command), leads)
