"""What libraries look up when they are used first: done once by a parent, its children find it done.

They search all installed packages for their plugins, load these, and load more of themselves. That is a
tenth of a second and some megabytes for each process that does it by itself.
"""

from __future__ import annotations

from contextlib import suppress

from compute_service.bus.oslo import OsloBus
from compute_service.cmd.metrics import Metrics
from compute_service.cmd.outside import outside_of
from compute_service.config.settings import Settings
from compute_service.domain.errors import ComputeError


def rehearse(settings: Settings) -> None:
    """Make what a daemon is made of, and let go of it; nothing is connected to, and no thread is left."""
    with suppress(ComputeError):  # The daemon itself tells of that.
        outside_of(settings, Metrics())
    with suppress(ComputeError):
        OsloBus(settings).close()
