"""The disk by which a guest is told who it is."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from compute_service.domain.guest import GuestSpec


class ConfigDrive(Protocol):
    """Writes config drives in the format of the option `config_drive_format`."""

    def write(self, spec: GuestSpec, path: Path) -> None:
        """Write a whole config drive to a file, over what may be there. Raises HostRejected."""
