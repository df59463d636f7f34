"""Where the figures of a daemon of several processes come together, and which of them shows them."""

from __future__ import annotations

import os
from pathlib import Path

from compute_service.cmd.scratch import Scratch
from compute_service.config.settings import Settings

_MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
_SHOWN_BY = "STRATUS_FIGURES_SHOWN_BY"


def figures_folder(program: str, settings: Settings) -> Scratch | None:
    """Make the folder in which this process and those it forks leave their figures, which it then shows.

    None when nobody wants figures, or another process shows them. It has to be made before prometheus_client
    is imported, which looks for it once. Raises Unavailable.
    """
    if not settings.stratus.metrics_port or shown_elsewhere():
        return None
    made = Scratch(Path(settings.default.state_path), f"{program}-figures")
    os.environ[_MULTIPROCESS] = str(made.path)
    os.environ[_SHOWN_BY] = str(os.getpid())
    return made


def shown_elsewhere() -> bool:
    """Tell whether a process from which this one descends shows its figures, and its health."""
    return os.environ.get(_SHOWN_BY, str(os.getpid())) != str(os.getpid())
