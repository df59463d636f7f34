"""Every kind of durable work, by name.

`place` and `build` make servers; `delete`, `soft_delete` and `restore` end them and take that back; `start`,
`stop`, `reboot`, `pause`, `unpause`, `suspend` and `resume` are one verb of the host each; `rebuild`,
`resize`, `confirm_resize`, `revert_resize`, `live_migrate`, `snapshot`, `backup`, `evacuate`, `shelve`,
`shelve_offload`, `unshelve`, `unshelve_offloaded`, `rescue`, `unrescue`, `attach_interface` and
`detach_interface` do what they say. A kind is a module here. To come: those that attach and detach volumes
and shares.
"""

from __future__ import annotations

from compute_service.flows.kinds.attach_interface import ATTACH_INTERFACE
from compute_service.flows.kinds.backup import BACKUP
from compute_service.flows.kinds.build import BUILD
from compute_service.flows.kinds.confirm_resize import CONFIRM_RESIZE
from compute_service.flows.kinds.delete import DELETE
from compute_service.flows.kinds.detach_interface import DETACH_INTERFACE
from compute_service.flows.kinds.evacuate import EVACUATE
from compute_service.flows.kinds.live_migrate import LIVE_MIGRATE
from compute_service.flows.kinds.pause import PAUSE
from compute_service.flows.kinds.place import PLACE
from compute_service.flows.kinds.reboot import REBOOT
from compute_service.flows.kinds.rebuild import REBUILD
from compute_service.flows.kinds.rescue import RESCUE
from compute_service.flows.kinds.resize import RESIZE
from compute_service.flows.kinds.restore import RESTORE
from compute_service.flows.kinds.resume import RESUME
from compute_service.flows.kinds.revert_resize import REVERT_RESIZE
from compute_service.flows.kinds.shelve import SHELVE
from compute_service.flows.kinds.shelve_offload import SHELVE_OFFLOAD
from compute_service.flows.kinds.snapshot import SNAPSHOT
from compute_service.flows.kinds.soft_delete import SOFT_DELETE
from compute_service.flows.kinds.start import START
from compute_service.flows.kinds.stop import STOP
from compute_service.flows.kinds.suspend import SUSPEND
from compute_service.flows.kinds.unpause import UNPAUSE
from compute_service.flows.kinds.unrescue import UNRESCUE
from compute_service.flows.kinds.unshelve import UNSHELVE, UNSHELVE_OFFLOADED
from compute_service.flows.step import Flow

_ALL = (
    PLACE,
    BUILD,
    DELETE,
    SOFT_DELETE,
    RESTORE,
    START,
    STOP,
    REBOOT,
    PAUSE,
    UNPAUSE,
    SUSPEND,
    RESUME,
    REBUILD,
    RESIZE,
    CONFIRM_RESIZE,
    REVERT_RESIZE,
    SNAPSHOT,
    RESCUE,
    UNRESCUE,
    BACKUP,
    EVACUATE,
    LIVE_MIGRATE,
    SHELVE,
    SHELVE_OFFLOAD,
    UNSHELVE,
    UNSHELVE_OFFLOADED,
    ATTACH_INTERFACE,
    DETACH_INTERFACE,
)

FLOWS: dict[str, Flow] = {flow.kind: flow for flow in _ALL}
"""Kind → flow."""
