"""What daemons load before they are forked: whatever each of several would load for itself.

Beside the modules of the daemon these are the ones that the libraries under it load when first used.
"""

from __future__ import annotations

BASE = (
    "compute_service.cmd.outside",
    "compute_service.bus.oslo",
    "oslo_messaging._drivers.impl_rabbit",
    "kombu.transport.pyamqp",
    "oslo_messaging.rpc.server",
    "oslo_messaging.opts",
    "futurist",
    "difflib",
    "concurrent.futures.process",
    "eventlet.green.threading",
    "keystoneauth1.loading._plugins.identity.generic",
    "pymysql",
    "sqlalchemy.dialects.mysql.pymysql",
)
"""Database, broker and services."""
API = ("compute_service.cmd.wsgi", "keystonemiddleware.auth_token", *BASE)
METADATA = ("compute_service.cmd.metadata_part", "pymysql")
CONDUCTOR = ("compute_service.cmd.conductor_part", *BASE)
SCHEDULER = ("compute_service.cmd.scheduler_part", *BASE)
