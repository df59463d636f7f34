"""The metadata API for WSGI servers: `compute_service.cmd.wsgi_metadata:application`."""

from __future__ import annotations

import multiprocessing.util

from compute_service.api.context import WsgiApp
from compute_service.cmd.metadata_part import metadata_application, metadata_parts
from compute_service.cmd.metrics import Metrics
from compute_service.cmd.worker import begin_worker
from compute_service.domain.record import learn_types


def start(program: str) -> WsgiApp:
    """Return the application of this process."""
    settings = begin_worker(program)
    metrics = Metrics()
    parts = metadata_parts(settings, metrics)
    # Worker processes end without the interpreter's own exit handlers.
    multiprocessing.util.Finalize(None, parts.servers.close, exitpriority=10)
    app = metadata_application(parts, metrics)
    learn_types()
    return app


application = start("nova-api-metadata")
