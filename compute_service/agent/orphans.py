"""Guests that should not be here, found by comparing with what the conductor says of this host.

| the conductor says | what becomes of the guest |
|---|---|
| its server is on this host | nothing |
| its server was deleted | `running_deleted_instance_action`, after `running_deleted_instance_timeout` |
| its server is elsewhere, nothing is being done to it | removed: left by an evacuation or a build given up |
| nothing | a warning: it may belong to a database that was restored from a backup |

Work is done in the server's lane, after asking again there, for a server may be coming back to this host.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from enum import StrEnum
from functools import partial

from compute_service.agent.lanes import Lanes
from compute_service.config.default import Default
from compute_service.domain.host import ServerOnHost
from compute_service.domain.protocol import Conductor
from compute_service.ports.clock import Clock
from compute_service.ports.hypervisor import Hypervisor, Migrates

LOG = logging.getLogger(__name__)


class Fate(StrEnum):
    """What a guest is, by the conductor's word."""

    DELETED = "deleted"
    STRAY = "stray"
    UNKNOWN = "unknown"


def fates(guests: Iterable[str], servers: Iterable[ServerOnHost], strays: Iterable[str]) -> dict[str, Fate]:
    """Return the guests that should not be here, and why."""
    known = {server.uuid: server for server in servers}
    away = set(strays)
    found: dict[str, Fate] = {}
    for uuid in guests:
        server = known.get(uuid)
        if server is not None and server.deleted:
            found[uuid] = Fate.DELETED
        elif server is None:
            found[uuid] = Fate.STRAY if uuid in away else Fate.UNKNOWN
    return found


class Orphans:
    """The comparison for one host."""

    def __init__(
        self,
        host: str,
        driver: Hypervisor,
        conductor: Conductor,
        lanes: Lanes,
        options: Default,
        clock: Clock,
    ) -> None:
        self._host = host
        self._driver = driver
        self._conductor = conductor
        self._lanes = lanes
        self._options = options
        self._clock = clock
        self._first_seen: dict[str, float] = {}
        """When a guest was first seen without a living server."""
        self._settled: set[str] = set()
        """Deleted servers of which nothing is left here."""
        self._warned: set[str] = set()

    def sweep(self) -> dict[str, Fate]:
        """Compare once and queue what follows; return what was found. Raises what the conductor raises."""
        guests = sorted(g.uuid for g in self._driver.guests() if not self._lanes.busy(g.uuid))
        servers = self._conductor.servers_on_host(self._host)
        listed = {server.uuid for server in servers}
        unlisted = tuple(uuid for uuid in guests if uuid not in listed)
        strays = self._conductor.strays(self._host, unlisted) if unlisted else ()
        found = fates(guests, servers, strays)
        self._forget(found)
        for uuid, fate in found.items():
            self._act(uuid, fate)
        self._settle(server.uuid for server in servers if server.deleted and server.uuid not in found)
        self._tell_vacated()
        return found

    def _tell_vacated(self) -> None:
        self._conductor.vacated(self._host, tuple(sorted(guest.uuid for guest in self._driver.guests())))

    def _forget(self, found: dict[str, Fate]) -> None:
        self._first_seen = {uuid: at for uuid, at in self._first_seen.items() if uuid in found}
        self._warned &= found.keys()

    def _act(self, uuid: str, fate: Fate) -> None:
        if fate is Fate.UNKNOWN:
            if uuid not in self._warned:
                self._warned.add(uuid)
                LOG.warning("Guest %s on host %s belongs to no server that is known", uuid, self._host)
        elif fate is Fate.STRAY:
            LOG.warning("Guest %s was left on host %s; its server is elsewhere", uuid, self._host)
            self._lanes.submit(uuid, lambda: self._remove_stray(uuid))
        elif self._is_due(uuid):
            self._act_on_deleted(uuid)

    def _is_due(self, uuid: str) -> bool:
        first = self._first_seen.setdefault(uuid, self._clock.time())
        return self._clock.time() - first >= self._options.running_deleted_instance_timeout

    def _act_on_deleted(self, uuid: str) -> None:
        action = self._options.running_deleted_instance_action
        if action == "noop":
            return
        LOG.warning("Guest %s on host %s belongs to a deleted server (action: %s)", uuid, self._host, action)
        if action == "shutdown":
            self._lanes.submit(uuid, lambda: self._stop(uuid))
        elif action == "reap":
            self._lanes.submit(uuid, lambda: self._reap(uuid))

    def _stop(self, uuid: str) -> None:
        if self._is_deleted(uuid):
            self._driver.power_off(uuid, self._options.shutdown_timeout)

    def _reap(self, uuid: str) -> None:
        if self._is_deleted(uuid):
            self._remove(uuid)

    def _is_deleted(self, uuid: str) -> bool:
        """Ask again: a server that had moved away may have come back since."""
        return any(one.uuid == uuid and one.deleted for one in self._conductor.servers_on_host(self._host))

    def _remove(self, uuid: str) -> None:
        self._driver.destroy(uuid, disks=True)
        LOG.info("Removed guest %s from host %s", uuid, self._host)

    def _remove_stray(self, uuid: str) -> None:
        if self._conductor.strays(self._host, (uuid,)) == (uuid,):
            self._driver.abandon(uuid)
            LOG.info("Removed guest %s from host %s", uuid, self._host)
            self._tell_vacated()

    def _settle(self, deleted: Iterable[str]) -> None:
        """Remove what moves kept here of servers deleted since, once each."""
        deleted = set(deleted)
        self._settled &= deleted
        if isinstance(self._driver, Migrates):
            for uuid in sorted(deleted - self._settled):
                self._lanes.submit(uuid, partial(self._driver.migrate_settle, uuid))
                self._settled.add(uuid)
