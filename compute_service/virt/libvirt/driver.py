"""`LibvirtDriver`: the port's verbs, each in a file of its own concern."""

from __future__ import annotations

from collections.abc import Iterator

from compute_service.domain.console import Listening
from compute_service.domain.guest import Diagnostics, DisksMoved, GuestSpec
from compute_service.domain.host import GuestState, HostFacts
from compute_service.domain.states import PowerState
from compute_service.ports.hypervisor import Listener, Progress
from compute_service.virt.libvirt import (
    console_log,
    consoles,
    destroy,
    diagnostics,
    facts,
    moves,
    power,
    snapshot,
    spawn,
)
from compute_service.virt.libvirt.images import image_cache_prune
from compute_service.virt.libvirt.parts import Parts


class LibvirtDriver:
    """One host with libvirt."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # Hypervisor

    def spawn(self, spec: GuestSpec, progress: Progress) -> PowerState:
        """Make the guest and its disks, and start it."""
        return spawn.spawn(self._parts, spec, progress)

    def destroy(self, uuid: str, disks: bool) -> None:
        """Remove the guest, and its disks if asked."""
        destroy.destroy(self._parts, uuid, disks)

    def power_on(self, spec: GuestSpec) -> PowerState:
        """Start the guest."""
        return power.power_on(self._parts, spec)

    def power_off(self, uuid: str, timeout: int) -> PowerState:
        """Ask for a shutdown, and cut the power after `timeout` seconds."""
        return power.power_off(self._parts, uuid, timeout)

    def reboot(self, spec: GuestSpec, hard: bool) -> PowerState:
        """Restart the guest."""
        return power.reboot(self._parts, spec, hard)

    def rebuild(self, spec: GuestSpec, preserve_ephemeral: bool, progress: Progress) -> PowerState:
        """Replace the root disk, and the ephemeral ones unless preserved."""
        return spawn.rebuild(self._parts, spec, preserve_ephemeral, progress)

    def guests(self) -> list[GuestState]:
        """Return every guest of ours on this host."""
        return facts.guests(self._parts)

    def state(self, uuid: str) -> PowerState:
        """Return one guest's power state. Raises NotFound."""
        return self._parts.connection.domain(uuid).power

    def facts(self) -> HostFacts:
        """Return what the host has."""
        return facts.facts(self._parts)

    def console_log(self, uuid: str, length: int | None) -> str:
        """Return the last `length` lines of the console log, or all."""
        return console_log.console_log(self._parts, uuid, length)

    def image_cache_prune(self, in_use: frozenset[str]) -> list[str]:
        """Remove cached images that no guest uses and that are old enough."""
        return image_cache_prune(self._parts, in_use)

    # Pauses, Suspends, Snapshots, Diagnoses, HasConsoles, CachesImages, TellsChanges, Revives

    def pause(self, uuid: str) -> PowerState:
        """Freeze a running guest."""
        return power.pause(self._parts, uuid)

    def unpause(self, uuid: str) -> PowerState:
        """Let a frozen guest go on."""
        return power.unpause(self._parts, uuid)

    def suspend(self, uuid: str) -> PowerState:
        """Save a guest's memory and stop it."""
        return power.suspend(self._parts, uuid)

    def resume(self, spec: GuestSpec) -> PowerState:
        """Bring a saved guest back."""
        return power.resume(self._parts, spec)

    def snapshot(self, uuid: str, disk_format: str | None) -> tuple[str, Iterator[bytes]]:
        """Return the root disk's format and its data."""
        return snapshot.snapshot(self._parts, uuid, disk_format)

    def diagnostics(self, uuid: str) -> Diagnostics:
        """Return the guest's counters."""
        return diagnostics.diagnostics(self._parts, uuid)

    def console(self, uuid: str, protocol: str) -> Listening:
        """Return where a running guest's console listens."""
        return consoles.console(self._parts, uuid, protocol)

    def cache_image(self, image_id: str) -> bool:
        """Fetch an image ahead of use; False when it was here already."""
        return self._parts.cache.add(image_id, self._parts.settings.default.force_raw_images)

    def on_change(self, listener: Listener) -> None:
        """Tell `listener` of guests whose power changes."""
        self._parts.connection.watch(listener)

    def revive(self, uuid: str) -> PowerState:
        """Start a guest again as it was defined."""
        return power.revive(self._parts, uuid)

    # Migrates

    def migrate_out(self, spec: GuestSpec, target: str, target_ip: str | None) -> DisksMoved:
        """Stop the guest, set it aside and hand its disks over."""
        return moves.migrate_out(self._parts, spec, target, target_ip)

    def migrate_in(self, spec: GuestSpec, moved: DisksMoved, resize: bool) -> PowerState:
        """Make the guest from disks that were handed over."""
        return moves.migrate_in(self._parts, spec, moved, resize)

    def migrate_back(self, spec: GuestSpec) -> PowerState:
        """Make the guest again from what was set aside."""
        return moves.migrate_back(self._parts, spec)

    def migrate_settle(self, uuid: str) -> None:
        """Remove what was set aside."""
        moves.migrate_settle(self._parts, uuid)
