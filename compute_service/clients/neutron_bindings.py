"""Ports of a guest that moves while it runs: bound to the host to come beside the one where they are.

A network service without extension `binding-extended` binds a port to one host only. It is then told by the
port's profile where the guest goes, and the port is bound there once the guest is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from compute_service.clients.neutron_api import SEVERAL_BINDINGS, NetworkApi
from compute_service.clients.neutron_rows import BindingRow, PortRow
from compute_service.domain.errors import Conflict, HostRejected, NotFound

LOG = logging.getLogger(__name__)

BINDING_FAILED = "binding_failed"
MIGRATING_TO = "migrating_to"
"""The key of a port's profile under which the service is told where a guest goes."""


def prepared(api: NetworkApi, ports: Iterable[PortRow], host: str) -> list[PortRow]:
    """Prepare ports for a host and return them as they will be there. Raises HostRejected."""
    if SEVERAL_BINDINGS in api.extensions():
        return [_prepared(api, port, host) for port in ports]
    return [_announced(api, port, host) for port in ports]


def activated(api: NetworkApi, port: PortRow, host: str) -> None:
    """Let a port belong to one host, and to no other."""
    with suppress(NotFound):
        if SEVERAL_BINDINGS not in api.extensions():
            if port.host != host or MIGRATING_TO in port.profile:
                api.update_port(port.id, {"host": host, "profile": _unannounced(port)})
            return
        if port.host != host:
            _activate(api, port, host)
        for old in api.bindings(port.id):
            if old.host != host:
                _remove(api, port.id, old.host)


def taken_back(api: NetworkApi, port: PortRow, host: str) -> None:
    """Forget what was prepared for a host, unless the port is active there."""
    if port.host == host:
        return
    with suppress(NotFound):
        if SEVERAL_BINDINGS in api.extensions():
            if any(row.host == host for row in api.bindings(port.id)):
                _remove(api, port.id, host)
        elif port.profile.get(MIGRATING_TO) == host:
            api.update_port(port.id, {"profile": _unannounced(port)})


def _prepared(api: NetworkApi, port: PortRow, host: str) -> PortRow:
    if port.host == host:
        return port
    made = _found(api, port, host)
    if made is None:
        wanted = BindingRow(host=host, vnic_type=port.vnic_type, profile=port.profile)
        try:
            made = api.create_binding(port.id, wanted)
        except Conflict:
            # It was made since: by this very step, whose answer was lost.
            made = _found(api, port, host) or wanted
    if made.vif_type == BINDING_FAILED:
        raise HostRejected(f"Port {port.id} cannot be bound on host {host}.")
    return port.replace(host=host, vif_type=made.vif_type, vif_details=made.vif_details, profile=made.profile)


def _found(api: NetworkApi, port: PortRow, host: str) -> BindingRow | None:
    return next((row for row in api.bindings(port.id) if row.host == host), None)


def _announced(api: NetworkApi, port: PortRow, host: str) -> PortRow:
    if port.host != host and port.profile.get(MIGRATING_TO) != host:
        api.update_port(port.id, {"profile": {**port.profile, MIGRATING_TO: host}})
    return port.replace(profile=_unannounced(port))


def _unannounced(port: PortRow) -> dict[str, Any]:
    return {name: value for name, value in port.profile.items() if name != MIGRATING_TO}


def _activate(api: NetworkApi, port: PortRow, host: str) -> None:
    try:
        api.activate_binding(port.id, host)
    except Conflict:
        LOG.debug("port %s is active on host %s already", port.id, host)
    except NotFound:
        # What was prepared has gone: there is one host only that may have the port now.
        api.update_port(port.id, {"host": host})


def _remove(api: NetworkApi, port_id: str, host: str) -> None:
    with suppress(NotFound):
        api.delete_binding(port_id, host)
