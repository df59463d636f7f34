"""`FakeHypervisor`: every verb and every capability of the port, over records instead of machines.

Guests can be kept in a directory, so that a process that was killed finds them as they were; two fakes with a
common `Exchange` hand each other guests. Verbs look at what is there first, as those of real drivers do, and
`Faults` makes them fail: before they did anything, or half done.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from compute_service.domain.console import Listening, last_lines
from compute_service.domain.errors import Conflict, NotFound, NotReady
from compute_service.domain.guest import Diagnostics, DisksMoved, GuestSpec, LiveOffer, LiveReady, LiveStage
from compute_service.domain.host import GuestState, HostFacts
from compute_service.domain.image import Image
from compute_service.domain.metadata.drive import drive_files
from compute_service.domain.metadata.openstack import SEED_BYTES
from compute_service.domain.states import PowerState
from compute_service.domain.vif import Vif
from compute_service.ports.clock import Clock
from compute_service.ports.hypervisor import Listener, LiveProgress, Progress
from compute_service.ports.images import Images
from compute_service.virt.fake.facts import HostSize, facts_of
from compute_service.virt.fake.faults import Faults
from compute_service.virt.fake.guest import FakeGuest, extra_disks, guest_of, root_disk
from compute_service.virt.fake.image_cache import ImageCache
from compute_service.virt.fake.live import LiveMoves
from compute_service.virt.fake.shelf import Exchange, Shelf

ANY_VERB = "*"
BLANK = bytes(512)
"""What a snapshot of an empty disk has in it."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """How a fake behaves. `latency` is seconds by verb ("*": all others), spent on the clock passed in;
    `directory` keeps guests; `image_age` is how long unused images stay, in seconds."""

    size: HostSize = field(default_factory=HostSize)
    latency: Mapping[str, float] | None = None
    directory: Path | None = None
    image_age: float = 86_400.0


class FakeHypervisor:
    """One fake host."""

    def __init__(
        self,
        host: str,
        images: Images,
        clock: Clock,
        shape: Shape | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        self.host = host
        self.faults = Faults()
        self.consoles = {
            "vnc": Listening(port=5900),
            "spice": Listening(port=5901, tls_port=5902),
            "serial": Listening(port=10_000),
        }
        """Where the consoles of guests are, by protocol."""
        self._shape = shape or Shape()
        self._clock = clock
        self._latency = dict(self._shape.latency or {})
        directory = self._shape.directory
        self._guests = Shelf(directory and directory / "guests")
        self._kept = Shelf(directory and directory / "kept")
        """Guests that moved away, until it is settled that they stay away."""
        self._exchange = exchange or Exchange(directory and directory / "exchange")
        self._live = LiveMoves(host, self._guests, self._exchange, clock, self.faults)
        self._cache = ImageCache(images, clock, self._shape.image_age)
        self._listeners: list[Listener] = []
        self._lock = threading.RLock()
        self._up_since = clock.now()

    # Hypervisor

    def spawn(self, spec: GuestSpec, progress: Progress) -> PowerState:
        """Make the guest; one that stands already is left as it is."""
        self._enter("spawn", spec.uuid)
        found = self._guests.get(spec.uuid)
        if found is not None and found.defined:
            return found.power
        data = self._cache.get(spec.image) if spec.image is not None else b""
        progress(0.5)
        disks = found.disks if found is not None else (root_disk(spec, data), *extra_disks(spec))
        with self._lock:
            self._exchange.clear(self.host, spec.uuid)
            self._kept.remove(spec.uuid)
        self._put(guest_of(spec, disks))
        self.faults.strike("spawn", spec.uuid, half=True)
        power = self._boot(spec.uuid, spec.power)
        progress(1.0)
        return power

    def destroy(self, uuid: str, disks: bool) -> None:
        """Remove the guest; without `disks` they stay and a later spawn takes them."""
        self._enter("destroy", uuid)
        with self._lock:
            found = self._guests.get(uuid)
            if found is None:
                return
            self._put(found.replace(defined=False, power=PowerState.SHUTDOWN, saved=False, started_at=None))
        self.faults.strike("destroy", uuid, half=True)
        if disks:
            with self._lock:
                self._guests.remove(uuid)

    def abandon(self, uuid: str) -> None:
        """Remove the guest; fakes share no disks."""
        self.destroy(uuid, disks=True)

    def power_on(self, spec: GuestSpec) -> PowerState:
        """Start the guest with the CPUs, memory and interfaces of `spec`."""
        self._enter("power_on", spec.uuid)
        guest = self._disks_of(spec.uuid)
        if guest.power is not PowerState.RUNNING:
            self._put(guest.sized(spec).replace(rescue_image_id=None))
            self._boot(spec.uuid, PowerState.RUNNING)
        self.faults.strike("power_on", spec.uuid, half=True)
        return PowerState.RUNNING

    def power_off(self, uuid: str, timeout: int) -> PowerState:
        """Stop the guest; guests here always obey at once."""
        self._enter("power_off", uuid)
        power = self._turn(uuid, PowerState.SHUTDOWN, "System halted.")
        self.faults.strike("power_off", uuid, half=True)
        return power

    def reboot(self, spec: GuestSpec, hard: bool) -> PowerState:
        """Restart the guest; a hard one defines it again from `spec`."""
        self._enter("reboot", spec.uuid)
        guest = self._disks_of(spec.uuid) if hard else self._guest(spec.uuid)
        again = guest.sized(spec).replace(rescue_image_id=None) if hard else guest
        self._put(again.say("Restarting system."))
        self.faults.strike("reboot", spec.uuid, half=True)
        return self._boot(spec.uuid, PowerState.RUNNING)

    def rebuild(self, spec: GuestSpec, preserve_ephemeral: bool, progress: Progress) -> PowerState:
        """Replace the root disk, and the others unless preserved; make the guest when it is not there."""
        self._enter("rebuild", spec.uuid)
        data = self._cache.get(spec.image) if spec.image is not None else b""
        progress(0.5)
        found = self._guests.get(spec.uuid)
        others = tuple(d for d in found.disks if d.name != "root") if found is not None else ()
        extra = others if preserve_ephemeral and others else extra_disks(spec)
        self._put(guest_of(spec, (root_disk(spec, data), *extra)))
        self.faults.strike("rebuild", spec.uuid, half=True)
        power = self._boot(spec.uuid, spec.power)
        progress(1.0)
        return power

    def guests(self) -> list[GuestState]:
        """Return the guests that stand."""
        return [GuestState(uuid=g.uuid, power_state=g.power) for g in self._guests if g.defined]

    def state(self, uuid: str) -> PowerState:
        """Return one guest's power state. Raises NotFound."""
        return self._guest(uuid).power

    def facts(self) -> HostFacts:
        """Return the size of the host and what its guests take of it."""
        return facts_of(self.host, self._shape.size, list(self._guests), self._clock.now() - self._up_since)

    def console_log(self, uuid: str, length: int | None) -> str:
        """Return the last lines of the guest's console, or all."""
        return last_lines("".join(f"{line}\n" for line in self._guest(uuid).console), length)

    def image_cache_prune(self, in_use: frozenset[str]) -> list[str]:
        """Remove images that were not used for long, by guests least of all."""
        used = {disk.image_id for guest in self._guests for disk in guest.disks if disk.image_id is not None}
        return self._cache.prune(in_use | used)

    # Pauses, Suspends, Snapshots, Diagnoses, CachesImages, TellsChanges, Revives

    def pause(self, uuid: str) -> PowerState:
        """Freeze a running guest."""
        return self._change("pause", uuid, (PowerState.RUNNING,), PowerState.PAUSED)

    def unpause(self, uuid: str) -> PowerState:
        """Let a frozen guest go on."""
        return self._change("unpause", uuid, (PowerState.PAUSED,), PowerState.RUNNING)

    def suspend(self, uuid: str) -> PowerState:
        """Save a guest's memory and stop it."""
        if not self._guest(uuid).saved:
            self._change("suspend", uuid, (PowerState.RUNNING, PowerState.PAUSED), PowerState.SHUTDOWN)
            with self._lock:
                self._put(self._guest(uuid).replace(saved=True))
        return PowerState.SHUTDOWN

    def resume(self, spec: GuestSpec) -> PowerState:
        """Bring a saved guest back; one whose memory is lost boots."""
        self._enter("resume", spec.uuid)
        guest = self._disks_of(spec.uuid)
        if guest.power is not PowerState.RUNNING:
            if guest.saved:
                self._turn(spec.uuid, PowerState.RUNNING, "Resumed.")
            else:
                self._boot(spec.uuid, PowerState.RUNNING)
        self.faults.strike("resume", spec.uuid, half=True)
        return PowerState.RUNNING

    def snapshot(self, uuid: str, disk_format: str | None) -> tuple[str, Iterator[bytes]]:
        """Return the root disk's format and its data."""
        self._enter("snapshot", uuid)
        root = next(disk for disk in self._guest(uuid).disks if disk.name == "root")
        return disk_format or root.disk_format, self._read(uuid, root.data or BLANK)

    def _read(self, uuid: str, data: bytes) -> Iterator[bytes]:
        middle = len(data) // 2
        yield data[:middle]
        self.faults.strike("snapshot", uuid, half=True)
        yield data[middle:]

    def diagnostics(self, uuid: str) -> Diagnostics:
        """Return the guest's counters."""
        return self._guest(uuid).diagnostics(self._clock.now())

    def console(self, uuid: str, protocol: str) -> Listening:
        """Return the port that `consoles` says; nobody listens there unless a test does."""
        if self._guest(uuid).power is not PowerState.RUNNING:
            raise NotReady(uuid)
        return self.consoles[protocol]

    def cache_image(self, image_id: str) -> bool:
        """Fetch an image ahead of use; False when it was here already."""
        self._enter("cache_image", None)
        return self._cache.add(image_id)

    def on_change(self, listener: Listener) -> None:
        """Tell `listener` of guests whose power `disturb` changes."""
        self._listeners.append(listener)

    def revive(self, uuid: str) -> PowerState:
        """Start a guest again as it was defined."""
        self._enter("revive", uuid)
        if self._guest(uuid).power is not PowerState.RUNNING:
            self._boot(uuid, PowerState.RUNNING)
        return PowerState.RUNNING

    # AttachesNics, Rescues, SetsPasswords, Crashes

    def attach_nic(self, spec: GuestSpec, vif: Vif) -> None:
        """Give the guest an interface, once."""
        self._enter("attach_nic", spec.uuid)
        with self._lock:
            guest = self._guest(spec.uuid)
            if vif.mac not in guest.macs:
                self._put(guest.replace(macs=(*guest.macs, vif.mac)))
        self.faults.strike("attach_nic", spec.uuid, half=True)

    def detach_nic(self, spec: GuestSpec, vif: Vif) -> None:
        """Take an interface from the guest, if both are there."""
        self._enter("detach_nic", spec.uuid)
        with self._lock:
            guest = self._guests.get(spec.uuid)
            if guest is not None and vif.mac in guest.macs:
                self._put(guest.replace(macs=tuple(mac for mac in guest.macs if mac != vif.mac)))
        self.faults.strike("detach_nic", spec.uuid, half=True)

    def rescue(self, spec: GuestSpec, image: Image, progress: Progress) -> PowerState:
        """Stop the guest and start it from `image`."""
        self._enter("rescue", spec.uuid)
        guest = self._disks_of(spec.uuid)
        self._cache.get(image)
        progress(0.5)
        if guest.rescue_image_id != image.id:
            self._put(guest.replace(rescue_image_id=image.id, power=PowerState.SHUTDOWN))
        self.faults.strike("rescue", spec.uuid, half=True)
        return self._boot(spec.uuid, PowerState.RUNNING)

    def unrescue(self, spec: GuestSpec) -> PowerState:
        """Stop the guest and start it from its own disk."""
        self._enter("unrescue", spec.uuid)
        guest = self._disks_of(spec.uuid)
        if guest.rescue_image_id is not None:
            self._put(guest.replace(rescue_image_id=None, power=PowerState.SHUTDOWN))
        self.faults.strike("unrescue", spec.uuid, half=True)
        return self._boot(spec.uuid, spec.power)

    def set_password(self, uuid: str, password: str) -> None:
        """Note the new password of a running guest."""
        self._enter("set_password", uuid)
        with self._lock:
            self._put(self._running(uuid).replace(password=password))

    def crash_dump(self, uuid: str) -> None:
        """Let a running guest say that it dumps its memory, and boot again."""
        self._enter("crash_dump", uuid)
        with self._lock:
            self._put(self._running(uuid).say("NMI received: dumping memory."))
            self._boot(uuid, PowerState.RUNNING)

    def _running(self, uuid: str) -> FakeGuest:
        guest = self._guest(uuid)
        if guest.power is not PowerState.RUNNING:
            raise NotReady(uuid)
        return guest

    # Migrates

    def migrate_out(self, spec: GuestSpec, target: str, target_ip: str | None) -> DisksMoved:
        """Stop the guest, keep it aside and leave its disks for the target."""
        self._enter("migrate_out", spec.uuid)
        with self._lock:
            kept = self._kept.get(spec.uuid)
            if kept is None:
                kept = self._guest(spec.uuid).replace(power=PowerState.SHUTDOWN, saved=False, started_at=None)
                self._kept.put(spec.uuid, kept)
                self._guests.remove(spec.uuid)
            self.faults.strike("migrate_out", spec.uuid, half=True)
            location = self._exchange.hand_over(self.host, kept)
        return DisksMoved(uuid=spec.uuid, location=location, details={"source": self.host})

    def migrate_in(self, spec: GuestSpec, moved: DisksMoved, resize: bool) -> PowerState:
        """Make the guest from the disks that were handed over."""
        self._enter("migrate_in", spec.uuid)
        found = self._guests.get(spec.uuid)
        if found is not None and found.defined:
            return found.power
        guest = self._exchange.take(moved.location)
        self._put((guest.sized(spec) if resize else guest).replace(name=spec.name, defined=False))
        self.faults.strike("migrate_in", spec.uuid, half=True)
        return self._boot(spec.uuid, spec.power)

    def migrate_back(self, spec: GuestSpec) -> PowerState:
        """Make the guest again from what was kept aside."""
        self._enter("migrate_back", spec.uuid)
        with self._lock:
            kept = self._kept.get(spec.uuid)
            if kept is None:
                return self._guest(spec.uuid).power
            self._put(kept)
            self.faults.strike("migrate_back", spec.uuid, half=True)
            power = self._boot(spec.uuid, spec.power)
            self._kept.remove(spec.uuid)
            self._exchange.clear(self.host, spec.uuid)
        return power

    def migrate_settle(self, uuid: str) -> None:
        """Forget what was kept aside."""
        self._enter("migrate_settle", uuid)
        with self._lock:
            self._exchange.clear(self.host, uuid)
            self.faults.strike("migrate_settle", uuid, half=True)
            self._kept.remove(uuid)

    # MigratesLive

    def live_offer(self, spec: GuestSpec, block: bool | None) -> LiveOffer:
        """Say what a target must have for the guest to go there while it runs."""
        self._enter("live_offer", spec.uuid)
        return self._live.offer(spec.uuid, block)

    def live_prepare(self, spec: GuestSpec, offer: LiveOffer) -> LiveReady:
        """Make room for a guest that is to come."""
        self._enter("live_prepare", spec.uuid)
        ready = self._live.prepare(spec, offer)
        self.faults.strike("live_prepare", spec.uuid, half=True)
        return ready

    def live_migrate(self, spec: GuestSpec, ready: LiveReady, progress: LiveProgress) -> None:
        """Carry the guest over; its time is spent on the way, so that it can be aborted."""
        self.faults.strike("live_migrate", spec.uuid, half=False)
        self._live.migrate(spec.uuid, ready, self._seconds("live_migrate"), progress)

    def live_abort(self, uuid: str) -> None:
        """End the migration that is going on."""
        self._live.abort(uuid)

    def live_force(self, uuid: str) -> None:
        """Let the migration that is going on end."""
        self._live.force(uuid)

    def live_settle(self, uuid: str) -> LiveStage:
        """Say where a guest is whose source is not heard of."""
        self._enter("live_settle", uuid)
        return self._live.settle(uuid)

    def live_finish(self, spec: GuestSpec) -> PowerState:
        """Keep the guest that has arrived."""
        self._enter("live_finish", spec.uuid)
        power = self._live.finish(spec)
        self.faults.strike("live_finish", spec.uuid, half=True)
        return power

    def live_leave(self, spec: GuestSpec, shared: bool) -> None:
        """Remove what is left of a guest that has gone; shared disks are the target's by now."""
        self._enter("live_leave", spec.uuid)
        self._live.leave(spec.uuid)
        self.faults.strike("live_leave", spec.uuid, half=True)

    def live_discard(self, spec: GuestSpec, shared: bool) -> None:
        """Give back the room that was made for a guest that does not come."""
        self._enter("live_discard", spec.uuid)
        self._live.discard(spec.uuid)
        self.faults.strike("live_discard", spec.uuid, half=True)

    # What a guest sees

    def password_of(self, uuid: str) -> str | None:
        """Return the password that was last set from outside."""
        return self._guest(uuid).password

    def config_drive(self, uuid: str) -> dict[str, bytes]:
        """Return the files of a guest's config drive by path; none without one. Its seed is zeros."""
        facts = self._guest(uuid).facts
        return {} if facts is None else drive_files(facts, bytes(SEED_BYTES))

    # What happens behind our back

    def disturb(self, uuid: str, power: PowerState) -> None:
        """Change a guest's power as if it did so itself, and tell those who listen."""
        self._turn(uuid, power, "System halted." if power is PowerState.SHUTDOWN else "Booting.")
        for listener in self._listeners:
            listener(uuid)

    def lose_power(self) -> None:
        """Restart the host: all guests are off, and nobody is told."""
        with self._lock:
            for guest in self._guests:
                self._put(guest.replace(power=PowerState.SHUTDOWN, started_at=None))
            self._up_since = self._clock.now()

    def _enter(self, verb: str, uuid: str | None) -> None:
        """Spend the verb's time and let it fail before it did anything."""
        if seconds := self._seconds(verb):
            self._clock.sleep(seconds)
        self.faults.strike(verb, uuid, half=False)

    def _seconds(self, verb: str) -> float:
        return self._latency.get(verb, self._latency.get(ANY_VERB, 0.0))

    def _guest(self, uuid: str) -> FakeGuest:
        found = self._guests.get(uuid)
        if found is None or not found.defined:
            raise NotFound(f"Guest {uuid} is not on host {self.host}.")
        return found

    def _disks_of(self, uuid: str) -> FakeGuest:
        """Return a guest that stands or whose disks are here to define it anew."""
        found = self._guests.get(uuid)
        if found is None:
            raise NotFound(f"Guest {uuid} is not on host {self.host}.")
        return found

    def _put(self, guest: FakeGuest) -> None:
        with self._lock:
            self._guests.put(guest.uuid, guest)

    def _boot(self, uuid: str, power: PowerState) -> PowerState:
        """Define the guest and start it, unless it is to stay off."""
        with self._lock:
            guest = self._disks_of(uuid).replace(defined=True, saved=False, power=PowerState.SHUTDOWN)
            if power is not PowerState.SHUTDOWN:
                guest = guest.replace(power=PowerState.RUNNING, started_at=self._clock.now())
                for line in (f"{guest.name} booting with {guest.vcpus} CPUs", "Welcome", "login: "):
                    guest = guest.say(line)
            self._put(guest)
            return guest.power

    def _turn(self, uuid: str, power: PowerState, line: str) -> PowerState:
        with self._lock:
            guest = self._guest(uuid)
            if guest.power is not power or guest.saved:
                self._put(guest.say(line).replace(power=power, saved=False))
        return power

    def _change(self, verb: str, uuid: str, before: tuple[PowerState, ...], after: PowerState) -> PowerState:
        self._enter(verb, uuid)
        with self._lock:
            guest = self._guest(uuid)
            if guest.power is not after:
                if guest.power not in before:
                    raise Conflict(f"Cannot {verb} guest {uuid} in power state {guest.power.name}.")
                self._put(guest.replace(power=after))
        self.faults.strike(verb, uuid, half=True)
        return after
