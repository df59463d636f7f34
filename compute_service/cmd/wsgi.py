"""The compute API's WSGI application, made from the configuration: for nova-api's workers or any server.

A server of the operator's choice names `compute_service.cmd.wsgi_api:application`; see `settings_here` for
where the configuration is then.
"""

from __future__ import annotations

import multiprocessing.util
from pathlib import Path

from compute_service.api.app import Parts as ApiParts
from compute_service.api.app import application
from compute_service.api.context import WsgiApp
from compute_service.api.policy import Policy, load_policy
from compute_service.api.routes import RULES
from compute_service.cmd.authenticate import Authenticate, authenticator
from compute_service.cmd.healthcheck import Remembered, ping, with_health
from compute_service.cmd.metrics import Metrics
from compute_service.cmd.wiring import Parts, parts_of
from compute_service.cmd.worker import begin_worker
from compute_service.config.settings import Settings
from compute_service.domain.record import learn_types


def start(program: str) -> WsgiApp:
    """Return the application of this process."""
    from compute_service.cmd.outside import outside_of

    settings = begin_worker(program)
    metrics = Metrics()
    parts = parts_of(settings, outside_of(settings, metrics), metrics)
    # Worker processes end without the interpreter's own exit handlers.
    multiprocessing.util.Finalize(None, parts.close, exitpriority=10)
    return compute_application(parts, authenticator(settings))


def compute_application(parts: Parts, authenticate: Authenticate) -> WsgiApp:
    """Return the compute API over the given parts."""
    app = application(ApiParts(parts.svc, policy_of(parts.settings)), authenticate)
    learn_types()
    if parts.settings.stratus.metrics_port:
        app = parts.metrics.measured(app)
    return with_health(app, Remembered(lambda: ping(parts.svc.store)))


def policy_of(settings: Settings) -> Policy:
    """Return the rules with the operator's changes, which stand beside nova.conf."""
    beside = [str(Path(file).parent) for file in settings.files] or ["/etc/nova"]
    return load_policy(settings.oslo_policy, RULES, beside)
