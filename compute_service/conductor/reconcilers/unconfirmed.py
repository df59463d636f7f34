"""Confirms resizes that nobody confirmed within `resize_confirm_window`."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import uuid4

from compute_service.control.resize import confirm_resize
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import ComputeError
from compute_service.domain.migration import Migration
from compute_service.store.migrations import MigrationQuery, migration_page
from compute_service.store.servers import server_locate

LOG = logging.getLogger(__name__)


class UnconfirmedResizes:
    """The reconciler of moves that wait for a word."""

    name = "unconfirmed resizes"
    MOST = 100

    def __init__(self, svc: Services) -> None:
        self._svc = svc

    @property
    def interval(self) -> float:
        """A minute, where resizes confirm themselves at all."""
        return 60.0 if self._svc.settings.default.resize_confirm_window > 0 else 0.0

    def run(self) -> int:
        """Confirm what is due in every cell."""
        window = timedelta(seconds=self._svc.settings.default.resize_confirm_window)
        query = MigrationQuery(
            status="finished",
            hidden=None,
            changes_before=self._svc.clock.now() - window,
            limit=self.MOST,
        )
        count = 0
        for name, moves in self._svc.store.fan_out(lambda tx: migration_page(tx, query)).items():
            if isinstance(moves, ComputeError):
                LOG.warning("cell %s cannot be looked through: %s", name, moves.message)
            else:
                count += sum(self._confirm(move) for move in moves)
        return count

    def _confirm(self, move: Migration) -> bool:
        ctx = Context(
            request_id=f"req-{uuid4()}",
            user_id=move.user_id or "",
            project_id=move.project_id or "",
            is_admin=True,
        )
        try:
            server = server_locate(self._svc.store, move.instance_uuid)
            if server is None:
                return False
            confirm_resize(ctx, self._svc, server)
        except ComputeError as error:
            LOG.warning("the resize of server %s is not confirmed: %s", move.instance_uuid, error.message)
            return False
        return True
