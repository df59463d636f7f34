"""How daemons without a host show in the list of services: a row in cell0, touched as long as they live."""

from __future__ import annotations

import logging
import uuid

from compute_service.control.notices import tell_service
from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError, NotFound
from compute_service.domain.host import CELL0, Service
from compute_service.store.services import service_touch, service_upsert

LOG = logging.getLogger(__name__)

_NAMESPACE = uuid.UUID("3c1f3b9e-9c4f-5f4e-8a55-1d2f4d7f0a10")


class Presence:
    """The row of one daemon."""

    def __init__(self, svc: Services, binary: str, topic: str, version: int) -> None:
        self._svc = svc
        self._binary = binary
        self._topic = topic
        self._version = version
        self._registered = False

    def beat(self) -> None:
        """Tell once that the daemon is alive; a failure is logged and made good by the next one."""
        host, now = self._svc.settings.default.host, self._svc.clock.now()
        try:
            with self._svc.store.database(CELL0).write() as tx:
                if self._registered and service_touch(tx, [host], self._binary, now):
                    return
                service = service_upsert(tx, self._row(host))
                self._registered = True
            if service.updated_at is None:  # It is new.
                tell_service(self._svc, "create", service)
        except NotFound:
            LOG.warning("cell0 is not mapped yet; run: nova-manage cell_v2 map_cell0")
        except ComputeError as error:
            LOG.warning("no sign of life could be written: %s", error.message)

    def _row(self, host: str) -> Service:
        now = self._svc.clock.now()
        return Service(
            uuid=str(uuid.uuid5(_NAMESPACE, f"{host} {self._binary}")),
            host=host,
            binary=self._binary,
            topic=self._topic,
            last_seen_up=now,
            version=self._version,
            created_at=now,
        )
