"""What a server that was moved keeps of how it was before, until the move is confirmed or reverted."""

from __future__ import annotations

import msgspec

from compute_service.domain.flavor import Flavor
from compute_service.domain.instance import Instance
from compute_service.domain.record import Record
from compute_service.domain.states import TaskState, VmState

OLD_VM_STATE = "old_vm_state"
_OLD_FLAVOR = "old_flavor"
_OLD_ZONE = "old_availability_zone"

RESIZE_TASKS = frozenset(
    {
        TaskState.RESIZE_PREP,
        TaskState.RESIZE_MIGRATING,
        TaskState.RESIZE_MIGRATED,
        TaskState.RESIZE_FINISH,
    }
)
"""Task states of a server that is on the move."""

_flavor = msgspec.json.Decoder(Flavor).decode


class Before(Record):
    """A server as it was before its move."""

    vm_state: VmState
    flavor: Flavor
    availability_zone: str | None = None


def notes_before(seen: Instance) -> dict[str, str]:
    """Return a server's notes with how it is now, for the time after its move."""
    notes = {
        **seen.system_metadata,
        OLD_VM_STATE: seen.vm_state.value,
        _OLD_FLAVOR: msgspec.json.encode(seen.flavor).decode(),
    }
    return notes if seen.availability_zone is None else {**notes, _OLD_ZONE: seen.availability_zone}


def before(seen: Instance) -> Before:
    """Return how a moved server was."""
    notes = seen.system_metadata
    return Before(
        vm_state=VmState(notes.get(OLD_VM_STATE, VmState.ACTIVE.value)),
        flavor=_flavor(notes[_OLD_FLAVOR]) if _OLD_FLAVOR in notes else seen.flavor,
        availability_zone=notes.get(_OLD_ZONE, seen.availability_zone),
    )


def notes_after(seen: Instance) -> dict[str, str]:
    """Return a server's notes once its move is over."""
    gone = (OLD_VM_STATE, _OLD_FLAVOR, _OLD_ZONE)
    return {key: value for key, value in seen.system_metadata.items() if key not in gone}
