"""Tells of flows where they begin, end and fail: the one place from which actions on servers are notified.

An edge is told after what it tells of was logged. A crash in between loses it; one in a flow's first step has
its beginning told again. That is the promise: a best effort, mostly once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from compute_service.control.notices import About, tell_failure, tell_server, tell_unplaced
from compute_service.control.services import Services
from compute_service.domain.flow import Failure, FlowKey, FlowState
from compute_service.domain.instance import Instance
from compute_service.domain.notices import objects
from compute_service.domain.notices.events import EVENTS
from compute_service.domain.record import Record
from compute_service.flows.claimed import Claimed
from compute_service.flows.kinds.backup import BackupParams
from compute_service.flows.kinds.place import PlaceParams
from compute_service.flows.kinds.rescue import RescueParams
from compute_service.flows.kinds.resize import ResizeParams
from compute_service.flows.kinds.server import CANCELLED
from compute_service.flows.kinds.snapshot import SnapshotParams
from compute_service.store.instances import instance_get, instances_get

Edge = tuple[str, str]
"""A verb of `domain.notices.events` and a phase."""
BEGINNING = ""
"""Stands for the first step, whatever it is called."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one kind of flow."""

    verb: str
    """Told with the phase `end` when the flow is done, and with `error` when it failed, if it has that."""
    last: str = ""
    """The verb that ends, where it is another than the one that fails."""
    steps: Mapping[str, tuple[Edge, ...]] = field(default_factory=dict)
    """What is told when a step begins."""
    taken_back: tuple[Edge, ...] = ()
    """What is told when the flow has failed."""


def _plain(verb: str) -> Told:
    return Told(verb, steps={BEGINNING: ((verb, "start"),)})


TOLD: dict[str, Told] = {
    "build": _plain("create"),
    "delete": _plain("delete"),
    "soft_delete": _plain("soft_delete"),
    "restore": _plain("restore"),
    "start": _plain("power_on"),
    "stop": _plain("power_off"),
    "reboot": _plain("reboot"),
    "pause": _plain("pause"),
    "unpause": _plain("unpause"),
    "suspend": _plain("suspend"),
    "resume": _plain("resume"),
    "rebuild": _plain("rebuild"),
    "rescue": _plain("rescue"),
    "unrescue": _plain("unrescue"),
    "snapshot": _plain("snapshot"),
    "backup": _plain("snapshot"),
    "evacuate": _plain("rebuild"),
    "shelve": _plain("shelve"),
    "shelve_offload": _plain("shelve_offload"),
    "unshelve": _plain("unshelve"),
    "unshelve_offloaded": _plain("unshelve"),
    "attach_interface": _plain("interface_attach"),
    "detach_interface": _plain("interface_detach"),
    "confirm_resize": _plain("resize_confirm"),
    "revert_resize": _plain("resize_revert"),
    "live_migrate": Told(
        "live_migration",
        "live_migration_post",
        {
            "prepare": (("live_migration_pre", "start"),),
            "begin": (("live_migration_pre", "end"),),
            "switch": (("live_migration_post", "start"),),
            "finish": (("live_migration_post_dest", "start"),),
            "leave": (("live_migration_post_dest", "end"),),
        },
        taken_back=(
            ("live_migration_rollback", "start"),
            ("live_migration_rollback_dest", "start"),
            ("live_migration_rollback_dest", "end"),
            ("live_migration_rollback", "end"),
        ),
    ),
    "resize": Told(
        "resize",
        "resize_finish",
        {
            BEGINNING: (("resize_prep", "start"),),
            "move out": (("resize_prep", "end"), ("resize", "start")),
            "bind": (("resize", "end"),),
            "move in": (("resize_finish", "start"),),
        },
    ),
}
"""Kind of flow → what is told of it; of other kinds nothing is."""


def tell_beginning(svc: Services, live: Claimed, seq: int) -> None:
    """Tell what there is to tell when a step of a flow is begun for the first time."""
    told = TOLD.get(live.record.kind)
    if told is None or not svc.notify.forms:
        return
    edges = told.steps.get(live.steps[seq].name, ())
    if seq == 0:
        edges = (*told.steps.get(BEGINNING, ()), *edges)
    if edges:
        _tell(svc, live, edges, None)


def tell_end(svc: Services, live: Claimed, state: FlowState, failure: Failure | None) -> None:
    """Tell that a flow was closed as done, failed or stuck."""
    if isinstance(live.params, PlaceParams) and failure is not None and svc.notify.forms:
        _tell_unplaced(svc, live.params, failure)
    told = TOLD.get(live.record.kind)
    if told is None or not svc.notify.forms:
        return
    if state is FlowState.DONE:
        _tell(svc, live, ((told.last or told.verb, "end"),), None)
    elif failure is not None:
        _tell(svc, live, (*told.taken_back, (told.verb, "error")), failure)


def _tell(svc: Services, live: Claimed, edges: tuple[Edge, ...], failure: Failure | None) -> None:
    try:
        server = _server(svc, live.key, live.params)
        if server is not None:
            for verb, phase in edges:
                _tell_edge(svc, f"instance.{verb}", phase, _about(verb, live, server, failure))
    except Exception as error:
        svc.notify.gave_up(f"instance.{edges[0][0]}.{edges[0][1]}", error)


def _tell_edge(svc: Services, name: str, phase: str, about: About) -> None:
    if name in EVENTS and phase in EVENTS[name].phases:
        tell_server(svc, name, phase, about)
    elif about.failure is not None and about.failure.kind != CANCELLED:
        tell_failure(svc, about)


def _tell_unplaced(svc: Services, params: PlaceParams, failure: Failure) -> None:
    """Tell of the servers that a placing left without a host: their builds never begin."""
    try:
        with svc.store.cell0.read() as tx:
            buried = instances_get(tx, params.servers)
    except Exception as error:
        svc.notify.gave_up("compute_task.build_instances.error", error)
        return
    for server in buried.values():
        tell_unplaced(svc, About(server, failure, "place"))


def _server(svc: Services, key: FlowKey, params: Record) -> Instance | None:
    with svc.store.database(key.database).read() as tx:
        return instance_get(tx, getattr(params, "uuid", ""), deleted=True)


def _about(verb: str, live: Claimed, server: Instance, failure: Failure | None) -> About:
    params = live.params
    more: dict[str, Any] = {}
    flat: dict[str, Any] = {}
    if verb == "resize_prep" and isinstance(params, ResizeParams):
        more["new_flavor"] = objects.flavor_object(params.new)
        flat = {"new_instance_type": params.new.name, "new_instance_type_id": params.new.id}
    if verb == "rescue" and isinstance(params, RescueParams):
        more["rescue_image_ref"] = params.image.id
        flat = {"rescue_image_name": params.image.name}
    if verb == "snapshot" and isinstance(params, SnapshotParams | BackupParams):
        more["snapshot_image_id"] = params.image_id
    return About(server, failure, live.record.kind, more, flat)
