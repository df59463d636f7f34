"""Live migration in libvirt's words: flags, typed parameters and the statistics of a job.

Source: libvirt's reference, "virDomainMigrateFlags" and "virDomainGetJobStats".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compute_service.virt.libvirt.domains import Departure, Passage


def flags_of(lib: Any, departure: Departure) -> int:
    """Return the flags. The guest leaves no definition here, and has a lasting one there."""
    flags = (
        lib.VIR_MIGRATE_LIVE
        | lib.VIR_MIGRATE_PEER2PEER
        | lib.VIR_MIGRATE_PERSIST_DEST
        | lib.VIR_MIGRATE_UNDEFINE_SOURCE
    )
    if departure.copy == "top":
        flags |= lib.VIR_MIGRATE_NON_SHARED_INC
    elif departure.copy == "whole":
        flags |= lib.VIR_MIGRATE_NON_SHARED_DISK
    if departure.tunnelled:
        flags |= lib.VIR_MIGRATE_TUNNELLED
    if departure.encrypted:
        flags |= lib.VIR_MIGRATE_TLS
    if departure.auto_converge:
        flags |= lib.VIR_MIGRATE_AUTO_CONVERGE
    if departure.post_copy:
        flags |= lib.VIR_MIGRATE_POSTCOPY
    if departure.connections > 1:
        flags |= lib.VIR_MIGRATE_PARALLEL
    return int(flags)


def parameters_of(lib: Any, departure: Departure) -> dict[str, Any]:
    """Return the typed parameters."""
    parameters: dict[str, Any] = {
        lib.VIR_MIGRATE_PARAM_DEST_XML: departure.definition,
        lib.VIR_MIGRATE_PARAM_PERSIST_XML: departure.lasting,
    }
    if departure.data_uri is not None:
        parameters[lib.VIR_MIGRATE_PARAM_URI] = departure.data_uri
    if departure.bandwidth:
        parameters[lib.VIR_MIGRATE_PARAM_BANDWIDTH] = departure.bandwidth
    if departure.disks:
        parameters[lib.VIR_MIGRATE_PARAM_MIGRATE_DISKS] = list(departure.disks)
    if departure.connections > 1:
        parameters[lib.VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS] = departure.connections
    return parameters


def passage_of(lib: Any, found: Mapping[str, Any]) -> Passage | None:
    """Return how far a migration is, from the statistics of a domain's job; None when it is another job."""
    going = (lib.VIR_DOMAIN_JOB_BOUNDED, lib.VIR_DOMAIN_JOB_UNBOUNDED)
    if found.get("type") not in going:
        return None
    if found.get("operation", lib.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT) != (
        lib.VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT
    ):
        return None
    parts = ("total", "processed", "remaining")
    counts = {
        f"{what}_{part}": int(found.get(f"{what}_{part}", 0)) for what in ("memory", "disk") for part in parts
    }
    return Passage(elapsed=found.get("time_elapsed", 0) / 1000, **counts)
