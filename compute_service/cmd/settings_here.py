"""The configuration of a process that some WSGI server started."""

from __future__ import annotations

import json
import os
from pathlib import Path

from compute_service.config.load import load
from compute_service.config.settings import Settings

ARGUMENTS = "STRATUS_ARGUMENTS"
"""Where nova-api leaves its command line for its workers, as JSON."""


def settings_here(program: str) -> Settings:
    """Return the settings of nova-api's command line, or those that the environment names.

    OS_NOVA_CONFIG_DIR and OS_NOVA_CONFIG_FILES (separated by semicolons) are those of upstream's entry
    points. Raises ConfigError.
    """
    if ARGUMENTS in os.environ:
        return load(json.loads(os.environ[ARGUMENTS]), prog=program)
    folder = Path(os.environ.get("OS_NOVA_CONFIG_DIR", "/etc/nova"))
    names = [name for name in os.environ.get("OS_NOVA_CONFIG_FILES", "nova.conf").split(";") if name]
    files = [folder / name for name in names if not name.endswith("paste.ini")]
    return load([], files, prog=program)
