"""`LibvirtDriver`: the port's verbs, each in a file of its own concern."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Concatenate, ParamSpec, TypeVar

from compute_service.domain.console import Listening
from compute_service.domain.guest import Diagnostics, DisksMoved, GuestSpec, LiveOffer, LiveReady, LiveStage
from compute_service.domain.host import GuestState, HostFacts
from compute_service.domain.image import Image
from compute_service.domain.states import PowerState
from compute_service.domain.vif import Vif
from compute_service.ports.hypervisor import Listener, LiveProgress, Progress
from compute_service.virt.libvirt import (
    console_log,
    consoles,
    destroy,
    diagnostics,
    facts,
    guest_agent,
    hotplug,
    live_source,
    live_target,
    moves,
    power,
    rescue,
    snapshot,
    spawn,
)
from compute_service.virt.libvirt.domains import ConnectionLost
from compute_service.virt.libvirt.images import image_cache_prune
from compute_service.virt.libvirt.parts import Parts

LOG = logging.getLogger(__name__)
TRIES = 3
P = ParamSpec("P")
T = TypeVar("T")


class LibvirtDriver:
    """One host with libvirt."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def _do(self, verb: Callable[Concatenate[Parts, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do a verb, and again when libvirt was restarted meanwhile: every verb can be repeated."""
        for _ in range(TRIES - 1):
            try:
                return verb(self._parts, *args, **kwargs)
            except ConnectionLost as error:
                LOG.warning("%s is done again: %s", verb.__name__, error.message)
        return verb(self._parts, *args, **kwargs)

    # Hypervisor

    def spawn(self, spec: GuestSpec, progress: Progress) -> PowerState:
        """Make the guest and its disks, and start it."""
        return self._do(spawn.spawn, spec, progress)

    def destroy(self, uuid: str, disks: bool) -> None:
        """Remove the guest, and its disks if asked."""
        self._do(destroy.destroy, uuid, disks)

    def abandon(self, uuid: str) -> None:
        """Remove the guest, and those of its disks that no other host has."""
        self._do(destroy.abandon, uuid)

    def power_on(self, spec: GuestSpec) -> PowerState:
        """Start the guest."""
        return self._do(power.power_on, spec)

    def power_off(self, uuid: str, timeout: int) -> PowerState:
        """Ask for a shutdown, and cut the power after `timeout` seconds."""
        return self._do(power.power_off, uuid, timeout)

    def reboot(self, spec: GuestSpec, hard: bool) -> PowerState:
        """Restart the guest."""
        return self._do(power.reboot, spec, hard)

    def rebuild(self, spec: GuestSpec, preserve_ephemeral: bool, progress: Progress) -> PowerState:
        """Replace the root disk, and the ephemeral ones unless preserved."""
        return self._do(spawn.rebuild, spec, preserve_ephemeral, progress)

    def guests(self) -> list[GuestState]:
        """Return every guest of ours on this host."""
        return self._do(facts.guests)

    def state(self, uuid: str) -> PowerState:
        """Return one guest's power state. Raises NotFound."""
        return self._parts.connection.domain(uuid).power

    def facts(self) -> HostFacts:
        """Return what the host has."""
        return self._do(facts.facts)

    def console_log(self, uuid: str, length: int | None) -> str:
        """Return the last `length` lines of the console log, or all."""
        return self._do(console_log.console_log, uuid, length)

    def image_cache_prune(self, in_use: frozenset[str]) -> list[str]:
        """Remove cached images that no guest uses and that are old enough."""
        return self._do(image_cache_prune, in_use)

    # Pauses, Suspends, Snapshots, Diagnoses, HasConsoles, CachesImages, TellsChanges, Revives

    def pause(self, uuid: str) -> PowerState:
        """Freeze a running guest."""
        return self._do(power.pause, uuid)

    def unpause(self, uuid: str) -> PowerState:
        """Let a frozen guest go on."""
        return self._do(power.unpause, uuid)

    def suspend(self, uuid: str) -> PowerState:
        """Save a guest's memory and stop it."""
        return self._do(power.suspend, uuid)

    def resume(self, spec: GuestSpec) -> PowerState:
        """Bring a saved guest back."""
        return self._do(power.resume, spec)

    def snapshot(self, uuid: str, disk_format: str | None) -> tuple[str, Iterator[bytes]]:
        """Return the root disk's format and its data."""
        return self._do(snapshot.snapshot, uuid, disk_format)

    def diagnostics(self, uuid: str) -> Diagnostics:
        """Return the guest's counters."""
        return self._do(diagnostics.diagnostics, uuid)

    def console(self, uuid: str, protocol: str) -> Listening:
        """Return where a running guest's console listens."""
        return self._do(consoles.console, uuid, protocol)

    def cache_image(self, image_id: str) -> bool:
        """Fetch an image ahead of use; False when it was here already."""
        return self._parts.cache.add(image_id, self._parts.settings.default.force_raw_images)

    def on_change(self, listener: Listener) -> None:
        """Tell `listener` of guests whose power changes."""
        self._parts.connection.watch(listener)

    def revive(self, uuid: str) -> PowerState:
        """Start a guest again as it was defined."""
        return self._do(power.revive, uuid)

    # Rescues, AttachesNics, SetsPasswords, Crashes

    def rescue(self, spec: GuestSpec, image: Image, progress: Progress) -> PowerState:
        """Start the guest from an image, with its own disks beside it."""
        return self._do(rescue.rescue, spec, image, progress)

    def unrescue(self, spec: GuestSpec) -> PowerState:
        """Start the guest as it was, without what the rescue brought."""
        return self._do(rescue.unrescue, spec)

    def attach_nic(self, spec: GuestSpec, vif: Vif) -> None:
        """Give the guest an interface."""
        self._do(hotplug.attach_nic, spec, vif)

    def detach_nic(self, spec: GuestSpec, vif: Vif) -> None:
        """Take an interface from the guest."""
        self._do(hotplug.detach_nic, spec, vif)

    def set_password(self, uuid: str, password: str) -> None:
        """Have the guest agent change the administrator's password."""
        self._do(guest_agent.set_password, uuid, password)

    def crash_dump(self, uuid: str) -> None:
        """Inject an interrupt that the guest cannot mask."""
        power.interrupt(self._parts, uuid)

    # Migrates

    def migrate_out(self, spec: GuestSpec, target: str, target_ip: str | None) -> DisksMoved:
        """Stop the guest, set it aside and hand its disks over."""
        return self._do(moves.migrate_out, spec, target, target_ip)

    def migrate_in(self, spec: GuestSpec, moved: DisksMoved, resize: bool) -> PowerState:
        """Make the guest from disks that were handed over."""
        return self._do(moves.migrate_in, spec, moved, resize)

    def migrate_back(self, spec: GuestSpec) -> PowerState:
        """Make the guest again from what was set aside."""
        return self._do(moves.migrate_back, spec)

    def migrate_settle(self, uuid: str) -> None:
        """Remove what was set aside."""
        self._do(moves.migrate_settle, uuid)

    # MigratesLive

    def live_offer(self, spec: GuestSpec, block: bool | None) -> LiveOffer:
        """Say what the target must have."""
        return self._do(live_source.live_offer, spec, block)

    def live_prepare(self, spec: GuestSpec, offer: LiveOffer) -> LiveReady:
        """Make ready for a guest that comes."""
        return self._do(live_target.live_prepare, spec, offer)

    def live_migrate(self, spec: GuestSpec, ready: LiveReady, progress: LiveProgress) -> None:
        """Carry the guest over."""
        self._do(live_source.live_migrate, spec, ready, progress)

    def live_abort(self, uuid: str) -> None:
        """End the migration that is going on."""
        self._do(live_source.live_abort, uuid)

    def live_force(self, uuid: str) -> None:
        """Let the migration end."""
        self._do(live_source.live_force, uuid)

    def live_settle(self, uuid: str) -> LiveStage:
        """Say where a guest is whose source is not heard of."""
        return self._do(live_target.live_settle, uuid)

    def live_finish(self, spec: GuestSpec) -> PowerState:
        """Keep the guest that has arrived."""
        return self._do(live_target.live_finish, spec)

    def live_leave(self, spec: GuestSpec, shared: bool) -> None:
        """Remove what is left of a guest that has gone."""
        self._do(live_source.live_leave, spec, shared)

    def live_discard(self, spec: GuestSpec, shared: bool) -> None:
        """Remove what was made ready; what that was is known here, whatever `shared` says."""
        self._do(live_target.live_discard, spec.uuid)
