"""Reset state: an admin says what a server is, whatever it was."""

from __future__ import annotations

from compute_service.control.act import note
from compute_service.control.find import reread
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import NotReady
from compute_service.domain.flow import API_DATABASE
from compute_service.domain.instance import Instance
from compute_service.domain.states import VmState
from compute_service.flows.kinds.mapping import count_again
from compute_service.store.instances import instance_update
from compute_service.store.servers import Located


def reset_state(ctx: Context, svc: Services, server: Located, state: VmState) -> Instance:
    """Put a server into `active` or `error`, idle. A flow that still runs goes on. Raises NotReady.

    A server that waits for a host has no state to reset. One that was soft-deleted counts again, whatever its
    project's quotas say.
    """
    if server.database == API_DATABASE:
        raise NotReady(server.instance.uuid)
    with svc.store.database(server.database).write() as tx:
        seen = reread(tx, server.instance)
        if seen is None:
            raise NotReady(server.instance.uuid)
        note(tx, ctx, seen.uuid, "resetState")
        changed = instance_update(tx, seen, vm_state=state, task_state=None, deleted_at=None)
        if seen.vm_state is VmState.SOFT_DELETED:
            count_again(svc, seen.uuid)
        return changed
