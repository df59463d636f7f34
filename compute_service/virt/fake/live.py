"""How fake guests go from host to host while they run.

The source keeps the guest until all of it is carried over. Then one write marks it as gone, and what has gone
is left in the `Exchange` for the target to keep: a process killed in between finds the mark and goes on.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from compute_service.domain.errors import Cancelled, Conflict, HostRejected, NotFound
from compute_service.domain.guest import GuestSpec, LiveOffer, LiveReady, LiveStage
from compute_service.domain.states import PowerState
from compute_service.ports.clock import Clock
from compute_service.ports.hypervisor import LiveProgress
from compute_service.virt.fake.faults import Faults
from compute_service.virt.fake.guest import FakeGuest, extra_disks, guest_of, root_disk
from compute_service.virt.fake.shelf import Exchange, Shelf

ROUNDS = 10
"""In how many pieces a guest is carried over; between them it can be aborted or forced."""
MIB, GIB = 1024**2, 1024**3
ALIVE = (PowerState.RUNNING, PowerState.PAUSED)


@dataclass
class _Going:
    """What was asked of a migration that is going on."""

    aborted: bool = False
    forced: bool = False


class LiveMoves:
    """The live migrations from and to one host."""

    def __init__(self, host: str, guests: Shelf, exchange: Exchange, clock: Clock, faults: Faults) -> None:
        self._host = host
        self._guests = guests
        self._exchange = exchange
        self._clock = clock
        self._faults = faults
        self._going: dict[str, _Going] = {}
        self._lock = threading.Lock()

    def offer(self, uuid: str, block: bool | None) -> LiveOffer:
        """Return what the target must have. Raises HostRejected for a guest that does not run."""
        guest = self._here(uuid)
        if guest.power not in ALIVE:
            raise HostRejected(f"Guest {uuid} does not run on host {self._host}.")
        disks = {disk.name: disk.size_gb * GIB for disk in guest.disks}
        return LiveOffer(source=self._host, block=block, disks=disks)

    def prepare(self, spec: GuestSpec, offer: LiveOffer) -> LiveReady:
        """Make room for the guest; hosts here share the disks of those that are not to be copied."""
        if offer.source == self._host:
            raise HostRejected(f"Guest {spec.uuid} runs on host {self._host} already.")
        with self._lock:
            found = self._guests.get(spec.uuid)
            if found is None or not found.defined:
                room = guest_of(spec, (root_disk(spec, b""), *extra_disks(spec)))
                self._guests.put(spec.uuid, room.replace(coming_from=offer.source))
                self._exchange.await_guest(self._host, spec.uuid)
        return LiveReady(host=self._host, address=self._host, shared=offer.block is False)

    def migrate(self, uuid: str, ready: LiveReady, seconds: float, progress: LiveProgress) -> None:
        """Carry the guest over in about `seconds`; one that has gone to that host already is fine."""
        found = self._guests.get(uuid)
        if found is None or found.gone_to != ready.host:
            self._carry(self._here(uuid), ready, seconds, progress)
        self._send(uuid, ready.host)

    def abort(self, uuid: str) -> None:
        """End the migration that is going on. Raises Conflict when there is none."""
        self._asked(uuid).aborted = True

    def force(self, uuid: str) -> None:
        """Carry the rest over in one piece. Raises Conflict when there is no migration."""
        self._asked(uuid).forced = True

    def finish(self, spec: GuestSpec) -> PowerState:
        """Keep the guest that has arrived. Raises NotFound when none has."""
        with self._lock:
            found = self._guests.get(spec.uuid)
            if found is not None and found.defined:
                return found.power
            if found is None or found.coming_from is None:
                raise NotFound(f"Guest {spec.uuid} was not expected on host {self._host}.")
            arrived = self._exchange.left_by(found.coming_from, spec.uuid)
            if arrived is None:
                raise NotFound(f"Guest {spec.uuid} has not arrived on host {self._host}.")
            macs = tuple(vif.mac for vif in spec.vifs)
            here = arrived.replace(defined=True, gone_to=None, name=spec.name, macs=macs)
            self._guests.put(spec.uuid, here)
            self._exchange.await_no_more(self._host, spec.uuid)
            return here.power

    def settle(self, uuid: str) -> LiveStage:
        """Say whether the guest has arrived; one that has not is let in no more."""
        with self._lock:
            found = self._guests.get(uuid)
            if found is not None and found.defined:
                return LiveStage.ARRIVED
            self._exchange.await_no_more(self._host, uuid)
            if found is None or found.coming_from is None:
                return LiveStage.ABSENT
            if self._exchange.left_by(found.coming_from, uuid) is not None:
                return LiveStage.ARRIVED
            self._guests.remove(uuid)
            return LiveStage.ABSENT

    def leave(self, uuid: str) -> None:
        """Forget a guest that has gone; one that runs here is left alone."""
        with self._lock:
            found = self._guests.get(uuid)
            if found is not None and found.gone_to is not None:
                self._guests.remove(uuid)
            if found is None or not found.defined:
                self._exchange.clear(self._host, uuid)

    def discard(self, uuid: str) -> None:
        """Give back the room that was made for a guest, unless it has arrived."""
        with self._lock:
            found = self._guests.get(uuid)
            if found is None or found.defined or found.coming_from is None:
                return
            self._exchange.await_no_more(self._host, uuid)
            if self._exchange.left_by(found.coming_from, uuid) is None:
                self._guests.remove(uuid)

    def _carry(self, guest: FakeGuest, ready: LiveReady, seconds: float, progress: LiveProgress) -> None:
        """Let time pass round by round. Raises Cancelled when that is asked for."""
        disks = 0 if ready.shared else sum(disk.size_gb for disk in guest.disks) * GIB
        with self._lock:
            going = self._going[guest.uuid] = _Going()
        try:
            for done in range(1, ROUNDS + 1):
                if seconds and not going.forced:
                    self._clock.sleep(seconds / ROUNDS)
                progress(_share("memory", guest.memory_mb * MIB, done) | _share("disk", disks, done))
                if going.aborted:
                    raise Cancelled(f"The live migration of guest {guest.uuid} was aborted.")
                if done == ROUNDS // 2:
                    self._faults.strike("live_migrate", guest.uuid, half=True)
        finally:
            with self._lock:
                del self._going[guest.uuid]

    def _send(self, uuid: str, target: str) -> None:
        with self._lock:
            guest = self._guests.get(uuid)
            if guest is None or not (guest.defined or guest.gone_to == target):
                raise NotFound(f"Guest {uuid} is not on host {self._host}.")
            if guest.defined and not self._exchange.awaits(target, uuid):
                raise HostRejected(f"Host {target} does not take guest {uuid}.")
            gone = guest.replace(defined=False, gone_to=target, coming_from=None)
            self._guests.put(uuid, gone)
            self._exchange.hand_over(self._host, gone)

    def _asked(self, uuid: str) -> _Going:
        with self._lock:
            going = self._going.get(uuid)
        if going is None:
            raise Conflict(f"No live migration of guest {uuid} is going on at host {self._host}.")
        return going

    def _here(self, uuid: str) -> FakeGuest:
        found = self._guests.get(uuid)
        if found is None or not found.defined:
            raise NotFound(f"Guest {uuid} is not on host {self._host}.")
        return found


def _share(what: str, total: int, done: int) -> dict[str, int]:
    processed = total * done // ROUNDS
    return {
        f"{what}_total": total,
        f"{what}_processed": processed,
        f"{what}_remaining": total - processed,
    }
