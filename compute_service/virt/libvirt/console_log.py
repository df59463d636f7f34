"""What guests wrote to their serial console."""

from __future__ import annotations

from pathlib import Path

from compute_service.domain.console import last_lines
from compute_service.domain.errors import HostRejected
from compute_service.virt.libvirt.parts import Parts

MOST_BYTES = 100 * 1024
"""How much of the end of a log is given."""


def console_log(parts: Parts, uuid: str, length: int | None) -> str:
    """Return the last `length` lines, or all that is given. Raises NotFound, HostRejected."""
    parts.connection.domain(uuid)
    return last_lines(_tail(parts.directory(uuid).console_log), length)


def _tail(log: Path) -> str:
    """Return the end of a log, and before it the end of the one that virtlogd moved aside."""
    data = _end(log, MOST_BYTES)
    if len(data) < MOST_BYTES:
        data = _end(log.with_name(f"{log.name}.0"), MOST_BYTES - len(data)) + data
    return data.decode(errors="replace")


def _end(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - most, 0))
            return file.read(most)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise HostRejected(f"The console log {path} cannot be read: {error.strerror}.") from error
