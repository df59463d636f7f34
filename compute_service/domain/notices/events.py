"""THE table of notifications: what is told, in which phases, by whom, and how it was called without versions.

Source of the names: the notifications that consumers such as Ceilometer, Masakari and Watcher listen for.
"""

from __future__ import annotations

from dataclasses import dataclass

COMPUTE, API, CONDUCTOR = "nova-compute", "nova-api", "nova-conductor"
_ENDS = ("start", "end")
_ENDS_OR_ERROR = ("start", "end", "error")


@dataclass(frozen=True, slots=True)
class Event:
    """One row. Both names get `.<phase>` behind them, if there are phases."""

    name: str
    payload: str
    """The versioned payload, of `objects.VERSIONS`."""
    phases: tuple[str, ...] = ()
    source: str = COMPUTE
    """The daemon in whose name it is told."""
    flat: str | None = None
    """The name without versions; None: it is not told in that form."""
    about: str = ""
    """When it is told, where the name does not say."""


def _server(
    verb: str, phases: tuple[str, ...], flat: str | None = "", payload: str = "InstanceActionPayload"
) -> Event:
    old = None if flat is None else f"compute.instance.{flat or verb}"
    return Event(f"instance.{verb}", payload, phases, COMPUTE, old)


def _aggregate(verb: str, flat: str) -> Event:
    return Event(f"aggregate.{verb}", "AggregatePayload", _ENDS, API, f"aggregate.{flat}")


_ROWS = (
    _server("create", _ENDS_OR_ERROR, payload="InstanceCreatePayload"),
    _server("delete", _ENDS),
    _server("soft_delete", _ENDS),
    _server("restore", _ENDS),
    _server("power_on", _ENDS),
    _server("power_off", _ENDS),
    _server("reboot", _ENDS_OR_ERROR),
    _server("pause", _ENDS),
    _server("unpause", _ENDS),
    _server("suspend", _ENDS),
    _server("resume", _ENDS),
    _server("rebuild", _ENDS_OR_ERROR, payload="InstanceActionRebuildPayload"),
    _server("rescue", _ENDS, payload="InstanceActionRescuePayload"),
    _server("unrescue", _ENDS),
    _server("resize_prep", _ENDS, "resize.prep", "InstanceActionResizePrepPayload"),
    _server("resize", _ENDS_OR_ERROR),
    _server("resize_finish", _ENDS, "finish_resize"),
    _server("resize_confirm", _ENDS, "resize.confirm"),
    _server("resize_revert", _ENDS, "resize.revert"),
    _server("snapshot", _ENDS, payload="InstanceActionSnapshotPayload"),
    _server("shelve", _ENDS),
    _server("shelve_offload", _ENDS),
    _server("unshelve", _ENDS),
    _server("interface_attach", _ENDS_OR_ERROR, flat=None),
    _server("interface_detach", _ENDS, flat=None),
    _server("live_migration_pre", _ENDS, "live_migration.pre"),
    _server("live_migration_post", _ENDS, "live_migration._post"),
    _server("live_migration_post_dest", _ENDS, "live_migration.post.dest"),
    _server("live_migration_rollback", _ENDS, "live_migration._rollback"),
    _server("live_migration_rollback_dest", _ENDS, "live_migration.rollback.dest"),
    _server("live_migration_abort", _ENDS, "live.migration.abort"),
    _server("live_migration_force_complete", _ENDS, "live.migration.force.complete"),
    Event("instance.evacuate", "InstanceActionPayload", source=API),
    Event("instance.lock", "InstanceActionPayload", source=API),
    Event("instance.unlock", "InstanceActionPayload", source=API),
    Event(
        "instance.update",
        "InstanceUpdatePayload",
        flat="compute.instance.update",
        about="A server changed; which changes count is `[notifications] notify_on_state_change`'s to say.",
    ),
    Event(
        "instance.exists",
        "InstanceExistsPayload",
        flat="compute.instance.exists",
        about="After each `[DEFAULT] instance_usage_audit_period`, of every server that was there in it, "
        "where `instance_usage_audit` is on.",
    ),
    Event(
        "compute_task.build_instances",
        "ComputeTaskPayload",
        ("error",),
        CONDUCTOR,
        "compute_task.build_instances",
        "No host was found for a new server.",
    ),
    Event(
        "compute.exception",
        "ExceptionPayload",
        flat="compute.exception",
        about="An action on a server failed that has no `.error` of its own.",
    ),
    Event("flavor.create", "FlavorPayload", source=API),
    Event("flavor.update", "FlavorPayload", source=API, about="Its description, extra specs or projects."),
    Event("flavor.delete", "FlavorPayload", source=API),
    _aggregate("create", "create"),
    _aggregate("delete", "delete"),
    _aggregate("add_host", "addhost"),
    _aggregate("remove_host", "removehost"),
    _aggregate("update_prop", "updateprop"),
    _aggregate("update_metadata", "updatemetadata"),
    Event("service.create", "ServiceStatusPayload", about="A daemon registered for the first time."),
    Event(
        "service.update", "ServiceStatusPayload", about="Enabled, disabled, or forced down; not each beat."
    ),
    Event("service.delete", "ServiceStatusPayload"),
    Event("keypair.create", "KeypairPayload", _ENDS, API, "keypair.create"),
    Event("keypair.import", "KeypairPayload", _ENDS, API, "keypair.import"),
    Event("keypair.delete", "KeypairPayload", _ENDS, API, "keypair.delete"),
    Event("server_group.create", "ServerGroupPayload", (), API, "servergroup.create"),
    Event("server_group.delete", "ServerGroupPayload", (), API, "servergroup.delete"),
    Event("server_group.add_member", "ServerGroupPayload", (), API, "servergroup.addmember"),
)

EVENTS: dict[str, Event] = {event.name: event for event in _ROWS}
"""Name → row."""
