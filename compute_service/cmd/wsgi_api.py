"""The compute API for WSGI servers: `compute_service.cmd.wsgi_api:application`."""

from __future__ import annotations

from compute_service.cmd.wsgi import start

application = start("nova-api")
