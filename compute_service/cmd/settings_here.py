"""The configuration of a process that some WSGI server started, or a parent of ours."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

from compute_service.config.load import load
from compute_service.config.settings import Settings

ARGUMENTS = "STRATUS_ARGUMENTS"
"""Where a daemon leaves its command line for its workers, as JSON."""


@cache
def settings_here() -> Settings:
    """Return the settings of nova-api's command line, or those that the environment names.

    They are read once: workers have what their parent read, until that calls `cache_clear`.

    OS_NOVA_CONFIG_DIR and OS_NOVA_CONFIG_FILES (separated by semicolons) are those of upstream's entry
    points. Raises ConfigError.
    """
    if ARGUMENTS in os.environ:
        return load(json.loads(os.environ[ARGUMENTS]))
    folder = Path(os.environ.get("OS_NOVA_CONFIG_DIR", "/etc/nova"))
    names = [name for name in os.environ.get("OS_NOVA_CONFIG_FILES", "nova.conf").split(";") if name]
    files = [folder / name for name in names if not name.endswith("paste.ini")]
    return load([], files)
