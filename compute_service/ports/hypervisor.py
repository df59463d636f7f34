"""Drivers of hypervisors: a core that each has, and capabilities that a driver has by implementing them.

The names of the capability Protocols that a driver implements travel in its registration, and the traits
reported to placement are derived from them, so the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

from compute_service.domain.console import Listening
from compute_service.domain.guest import Diagnostics, DisksMoved, GuestSpec, LiveOffer, LiveReady, LiveStage
from compute_service.domain.host import GuestState, HostFacts
from compute_service.domain.image import Image
from compute_service.domain.states import PowerState
from compute_service.domain.vif import Vif

Progress = Callable[[float], None]
"""Called with a fraction from 0 to 1."""

LiveProgress = Callable[[dict[str, int]], None]
"""Called with what a live migration still has to carry, by the names of the columns of a migration
(memory_total, memory_processed, memory_remaining, disk_total, disk_processed, disk_remaining), in bytes."""

Listener = Callable[[str], None]
"""Called with a guest's UUID."""


class Hypervisor(Protocol):
    """What every driver does. Each verb first looks at what is there and does only what is missing,
    so a repeated call after a crash converges. Errors: NotFound (no such guest), HostRejected (another host
    may do), BuildAborted (none will), NotSupported, ComputeError."""

    def spawn(self, spec: GuestSpec, progress: Progress) -> PowerState:
        """Make the guest and its disks, and start it unless `spec.power` is SHUTDOWN.

        What a move kept here of a guest of that UUID goes: nobody comes back to it any more.
        """

    def destroy(self, uuid: str, disks: bool) -> None:
        """Remove the guest, and its disks if asked; a guest that is not there is fine."""

    def abandon(self, uuid: str) -> None:
        """Remove the guest, whose server lives on another host; disks that this host shares with that one
        stay."""

    def power_on(self, spec: GuestSpec) -> PowerState:
        """Start the guest, defining it again from `spec` where that is needed."""

    def power_off(self, uuid: str, timeout: int) -> PowerState:
        """Ask for a shutdown, and cut the power after `timeout` seconds (0: at once)."""

    def reboot(self, spec: GuestSpec, hard: bool) -> PowerState:
        """Restart the guest."""

    def rebuild(self, spec: GuestSpec, preserve_ephemeral: bool, progress: Progress) -> PowerState:
        """Replace the root disk, and the ephemeral ones unless preserved."""

    def guests(self) -> list[GuestState]:
        """Return every guest of ours on this host."""

    def state(self, uuid: str) -> PowerState:
        """Return one guest's power state. Raises NotFound."""

    def facts(self) -> HostFacts:
        """Return what the host has."""

    def console_log(self, uuid: str, length: int | None) -> str:
        """Return the last `length` lines of the console log, or all."""

    def image_cache_prune(self, in_use: frozenset[str]) -> list[str]:
        """Remove cached images that no guest uses and that are old enough; return their identifiers."""


@runtime_checkable
class Pauses(Protocol):
    """Freezes guests in memory."""

    def pause(self, uuid: str) -> PowerState: ...
    def unpause(self, uuid: str) -> PowerState: ...


@runtime_checkable
class Suspends(Protocol):
    """Saves guests to disk."""

    def suspend(self, uuid: str) -> PowerState: ...
    def resume(self, spec: GuestSpec) -> PowerState: ...


@runtime_checkable
class Snapshots(Protocol):
    """Reads a guest's root disk."""

    def snapshot(self, uuid: str, disk_format: str | None) -> tuple[str, Iterator[bytes]]:
        """Return the disk's format and its data."""


@runtime_checkable
class Migrates(Protocol):
    """Moves stopped guests between hosts."""

    def migrate_out(self, spec: GuestSpec, target: str, target_ip: str | None) -> DisksMoved: ...
    def migrate_in(self, spec: GuestSpec, moved: DisksMoved, resize: bool) -> PowerState: ...
    def migrate_back(self, spec: GuestSpec) -> PowerState: ...
    def migrate_settle(self, uuid: str) -> None: ...


@runtime_checkable
class Diagnoses(Protocol):
    """Counts what guests use."""

    def diagnostics(self, uuid: str) -> Diagnostics: ...


@runtime_checkable
class HasConsoles(Protocol):
    """Lets people see and use guests' screens and serial ports."""

    def console(self, uuid: str, protocol: str) -> Listening:
        """Return where a running guest's console listens; `protocol` is vnc, spice or serial.

        Raises NotFound (no such guest), NotReady (it is not running), Invalid (it has none of that kind).
        """


@runtime_checkable
class CachesImages(Protocol):
    """Fetches images ahead of use."""

    def cache_image(self, image_id: str) -> bool: ...


@runtime_checkable
class TellsChanges(Protocol):
    """Notices at once when a guest's power state changes without our doing."""

    def on_change(self, listener: Listener) -> None: ...


@runtime_checkable
class Revives(Protocol):
    """Starts guests again from what the host keeps of them, as after the host itself was restarted."""

    def revive(self, uuid: str) -> PowerState: ...


@runtime_checkable
class Rescues(Protocol):
    """Boots guests from another disk, with their own beside it, so that these can be mended."""

    def rescue(self, spec: GuestSpec, image: Image, progress: Progress) -> PowerState:
        """Stop the guest and start it from `image`, with `spec.admin_password`. Where the image has
        `hw_rescue_device` or `hw_rescue_bus`, the guest's own disks keep their places."""

    def unrescue(self, spec: GuestSpec) -> PowerState:
        """Stop the guest, remove what the rescue brought, and start it as it was."""


@runtime_checkable
class AttachesNics(Protocol):
    """Plugs network interfaces into guests that run, and into the definitions of those that do not."""

    def attach_nic(self, spec: GuestSpec, vif: Vif) -> None:
        """Give the guest an interface; `spec.vifs` has it already."""

    def detach_nic(self, spec: GuestSpec, vif: Vif) -> None:
        """Take an interface from the guest; `spec.vifs` may still have it. One that is gone is fine.
        Raises Conflict when the guest does not let go of it in time."""


@runtime_checkable
class SetsPasswords(Protocol):
    """Changes an account's password from outside the guest."""

    def set_password(self, uuid: str, password: str) -> None:
        """Raises NotSupported when nothing in the guest does it, NotReady while it does not run."""


@runtime_checkable
class Crashes(Protocol):
    """Makes a guest's system dump its memory."""

    def crash_dump(self, uuid: str) -> None:
        """Inject an interrupt that the guest cannot mask. Raises NotReady while it does not run."""


@runtime_checkable
class MigratesLive(Protocol):
    """Moves guests between hosts while they run.

    In this order: the source offers, the target prepares, the source migrates, the target finishes, the
    source leaves. Before `live_migrate` has ended well, `live_discard` on the target takes everything back.
    """

    def live_offer(self, spec: GuestSpec, block: bool | None) -> LiveOffer:
        """On the source: say what the target must have. `block` None: found out. Raises HostRejected."""

    def live_prepare(self, spec: GuestSpec, offer: LiveOffer) -> LiveReady:
        """On the target: look whether the guest can run here, make the disks that are to be filled, plug
        its interfaces. Raises HostRejected with the reason."""

    def live_migrate(self, spec: GuestSpec, ready: LiveReady, progress: LiveProgress) -> None:
        """On the source: carry the guest over; it runs on the target when this returns. A guest that has
        gone over already is fine. Raises Cancelled (after `live_abort`), Timeout or ComputeError, with
        the guest still running here."""

    def live_abort(self, uuid: str) -> None:
        """On the source: end the migration that is going on. Raises Conflict when there is none."""

    def live_force(self, uuid: str) -> None:
        """On the source: let the migration end, by pausing the guest or by post-copy. Raises Conflict."""

    def live_settle(self, uuid: str) -> LiveStage:
        """On the target, while the source is not heard of: say where the guest is. One that is ABSENT is let
        in no more: what `live_prepare` made is gone."""

    def live_finish(self, spec: GuestSpec) -> PowerState:
        """On the target: keep the guest that has arrived."""

    def live_leave(self, spec: GuestSpec, shared: bool) -> None:
        """On the source: remove what is left of the guest; its disks stay where they are `shared`."""

    def live_discard(self, spec: GuestSpec, shared: bool) -> None:
        """On the target: remove what `live_prepare` made. Never removes a guest that has arrived."""


CAPABILITIES: tuple[type, ...] = (
    Pauses,
    Suspends,
    Snapshots,
    Migrates,
    Diagnoses,
    HasConsoles,
    CachesImages,
    TellsChanges,
    Revives,
    Rescues,
    AttachesNics,
    SetsPasswords,
    Crashes,
    MigratesLive,
)
"""Every capability there is."""


def capabilities_of(driver: object) -> tuple[str, ...]:
    """Return the names of the capabilities a driver has."""
    return tuple(c.__name__ for c in CAPABILITIES if isinstance(driver, c))
