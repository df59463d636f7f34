"""The identity service over HTTP. Source: Identity API reference, version 3."""

from __future__ import annotations

import logging
import threading

from compute_service.clients.http import Reach, RestClient, part
from compute_service.domain.errors import Forbidden, NotFound, Unavailable

LOG = logging.getLogger(__name__)

BELIEVED_FOR = 300.0
"""Seconds for which a project that existed is taken to exist still."""
MOST_BELIEVED = 10_000


class KeystoneIdentity:
    """The `Identity` port over HTTP. That a project exists is remembered; that it does not, never."""

    def __init__(self, reach: Reach) -> None:
        self._rest = RestClient(reach)
        self._clock = reach.clock
        self._lock = threading.Lock()
        self._seen: dict[str, float] = {}

    def project_exists(self, project_id: str) -> bool | None:
        """Tell whether a project exists; None when the service cannot be reached or will not tell us."""
        now = self._clock.time()
        with self._lock:
            if self._seen.get(project_id, 0.0) > now:
                return True
        try:
            self._rest.call("GET", f"/v3/projects/{part(project_id)}")
        except NotFound:
            return False
        except (Forbidden, Unavailable) as error:
            LOG.warning("whether project %s exists is not known: %s", project_id, error.message)
            return None
        with self._lock:
            if len(self._seen) >= MOST_BELIEVED:
                self._seen.clear()
            self._seen[project_id] = now + BELIEVED_FOR
        return True
