"""The metadata API for WSGI servers: `compute_service.cmd.wsgi_metadata:application`."""

from __future__ import annotations

from compute_service.cmd.worker import begin_worker
from compute_service.metadata.app import application

__all__ = ["application"]

begin_worker("nova-api-metadata")
