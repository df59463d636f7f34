"""`AgentService`: the verbs of `ComputeAgent` on one host.

A verb with a key is taken into the journal, waits in its server's lane, runs, and is answered. Some verbs
wait for a limit: those that write a guest's disk from an image (`BUILD`), snapshots (`SNAPSHOT`), and
guests that leave while they run (`LIVE`).

All verbs converge when they are repeated after the journal was lost, except a soft reboot: it may then reboot
the guest twice.
"""

# mypy: disable-error-code="type-abstract"
# A capability is looked for by its Protocol, which is what `isinstance` takes.

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, TypeVar

from compute_service.agent.answers import OVERTAKEN, Answers, outcome
from compute_service.agent.consoles import Consoles
from compute_service.agent.image_cache import ImageKeeper
from compute_service.agent.journal import Journal, Verdict
from compute_service.agent.lanes import Lanes
from compute_service.agent.registration import Registration
from compute_service.domain.console import Console
from compute_service.domain.errors import HostRejected, NotSupported
from compute_service.domain.flow import StepKey, StepResult
from compute_service.domain.guest import (
    Diagnostics,
    DisksMoved,
    GuestBuilt,
    GuestSpec,
    LiveOffer,
    LiveReady,
    SnapshotRequest,
)
from compute_service.domain.image import Image
from compute_service.domain.protocol import ComputeAgent
from compute_service.domain.record import Record
from compute_service.domain.request_id import Asker, asker, bound
from compute_service.domain.states import PowerState
from compute_service.domain.vif import Vif
from compute_service.ports.hypervisor import (
    AttachesNics,
    Crashes,
    Diagnoses,
    Hypervisor,
    Migrates,
    MigratesLive,
    Pauses,
    Rescues,
    SetsPasswords,
    Snapshots,
    Suspends,
)
from compute_service.ports.images import Images

LOG = logging.getLogger(__name__)

BUILD = "build"
SNAPSHOT = "snapshot"
LIVE = "live migration"

C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """What the service of one host works with."""

    driver: Hypervisor
    journal: Journal
    lanes: Lanes
    answers: Answers
    images: Images
    keeper: ImageKeeper
    registration: Registration
    consoles: Consoles


class AgentService(ComputeAgent):
    """The endpoint of topic `compute` on one host."""

    VERSION: ClassVar[int] = ComputeAgent.VERSION

    def __init__(self, host: str, parts: ServiceParts) -> None:
        self.host = host
        self._parts = parts
        self._driver = parts.driver
        self.failed_builds = 0
        """Builds that failed in a row: they count against the host, lest a broken one eats all builds."""

    def spawn(self, key: StepKey, spec: GuestSpec) -> None:
        """Make a guest."""

        def work() -> GuestBuilt:
            with self._parts.keeper.using(spec):
                return _built(self._driver.spawn(spec, self._parts.answers.progress(key)))

        self._take(key, spec.uuid, lambda: self._counted(work), kind=BUILD)

    def destroy(self, key: StepKey, uuid: str, disks: bool) -> None:
        """Remove a guest."""
        self._take(key, uuid, lambda: outcome(lambda: self._driver.destroy(uuid, disks)))

    def power_on(self, key: StepKey, spec: GuestSpec) -> None:
        """Start a guest."""
        self._power(key, spec.uuid, lambda: self._driver.power_on(spec))

    def power_off(self, key: StepKey, uuid: str, timeout: int) -> None:
        """Stop a guest."""
        self._power(key, uuid, lambda: self._driver.power_off(uuid, timeout))

    def reboot(self, key: StepKey, spec: GuestSpec, hard: bool) -> None:
        """Restart a guest."""
        self._power(key, spec.uuid, lambda: self._driver.reboot(spec, hard))

    def pause(self, key: StepKey, uuid: str) -> None:
        """Freeze a guest."""
        self._power(key, uuid, lambda: self._able(Pauses).pause(uuid))

    def unpause(self, key: StepKey, uuid: str) -> None:
        """Let a frozen guest go on."""
        self._power(key, uuid, lambda: self._able(Pauses).unpause(uuid))

    def suspend(self, key: StepKey, uuid: str) -> None:
        """Save a guest to disk."""
        self._power(key, uuid, lambda: self._able(Suspends).suspend(uuid))

    def resume(self, key: StepKey, spec: GuestSpec) -> None:
        """Bring a saved guest back."""
        self._power(key, spec.uuid, lambda: self._able(Suspends).resume(spec))

    def snapshot(self, key: StepKey, request: SnapshotRequest) -> None:
        """Upload a guest's root disk."""

        def work() -> None:
            disk_format, data = self._able(Snapshots).snapshot(request.uuid, request.disk_format)
            self._parts.images.upload(request.image_id, data, disk_format)

        self._take(key, request.uuid, lambda: outcome(work), kind=SNAPSHOT)

    def rebuild(self, key: StepKey, spec: GuestSpec, preserve_ephemeral: bool) -> None:
        """Replace a guest's root disk."""

        def work() -> GuestBuilt:
            with self._parts.keeper.using(spec):
                progress = self._parts.answers.progress(key)
                return _built(self._driver.rebuild(spec, preserve_ephemeral, progress))

        self._take(key, spec.uuid, lambda: outcome(work), kind=BUILD)

    def migrate_out(self, key: StepKey, spec: GuestSpec, target: str, target_ip: str | None) -> None:
        """Hand a guest's disks over."""

        def work() -> DisksMoved:
            return self._able(Migrates).migrate_out(spec, target, target_ip)

        self._take(key, spec.uuid, lambda: outcome(work))

    def migrate_in(self, key: StepKey, spec: GuestSpec, moved: DisksMoved, resize: bool) -> None:
        """Make a guest from disks handed over."""
        self._power(key, spec.uuid, lambda: self._able(Migrates).migrate_in(spec, moved, resize))

    def migrate_back(self, key: StepKey, spec: GuestSpec) -> None:
        """Take a guest back."""
        self._power(key, spec.uuid, lambda: self._able(Migrates).migrate_back(spec))

    def migrate_settle(self, key: StepKey, uuid: str) -> None:
        """Remove what was kept of a guest that moved."""
        self._take(key, uuid, lambda: outcome(lambda: self._able(Migrates).migrate_settle(uuid)))

    def rescue(self, key: StepKey, spec: GuestSpec, image: Image) -> None:
        """Boot a guest from another disk."""

        def work() -> GuestBuilt:
            with self._parts.keeper.using(spec.replace(image=image)):
                progress = self._parts.answers.progress(key)
                return _built(self._able(Rescues).rescue(spec, image, progress))

        self._take(key, spec.uuid, lambda: outcome(work), kind=BUILD)

    def unrescue(self, key: StepKey, spec: GuestSpec) -> None:
        """Boot a rescued guest from its own disk again."""
        self._power(key, spec.uuid, lambda: self._able(Rescues).unrescue(spec))

    def live_offer(self, key: StepKey, spec: GuestSpec, block: bool | None) -> None:
        """Say what a target must have."""
        self._take(key, spec.uuid, lambda: outcome(lambda: self._able(MigratesLive).live_offer(spec, block)))

    def live_prepare(self, key: StepKey, spec: GuestSpec, offer: LiveOffer) -> None:
        """Make ready for a guest that runs. Whatever surprises us, another host may do."""

        def work() -> LiveReady:
            with self._parts.keeper.using(spec):
                return self._able(MigratesLive).live_prepare(spec, offer)

        self._take(key, spec.uuid, lambda: outcome(work, unexpected=HostRejected))

    def live_migrate(self, key: StepKey, spec: GuestSpec, ready: LiveReady) -> None:
        """Carry a guest over. It may take hours, and other verbs for the guest wait; see `live_abort`."""

        def work() -> None:
            tell = self._parts.answers.live_progress(key)
            self._able(MigratesLive).live_migrate(spec, ready, tell)

        self._take(key, spec.uuid, lambda: outcome(work), kind=LIVE)

    def live_finish(self, key: StepKey, spec: GuestSpec) -> None:
        """Keep a guest that has arrived."""
        self._power(key, spec.uuid, lambda: self._able(MigratesLive).live_finish(spec))

    def live_leave(self, key: StepKey, spec: GuestSpec, shared: bool) -> None:
        """Remove what is left of a guest that has gone."""
        self._take(key, spec.uuid, lambda: outcome(lambda: self._able(MigratesLive).live_leave(spec, shared)))

    def live_discard(self, key: StepKey, spec: GuestSpec, shared: bool) -> None:
        """Take back what was made ready."""
        self._take(
            key, spec.uuid, lambda: outcome(lambda: self._able(MigratesLive).live_discard(spec, shared))
        )

    def attach_nic(self, key: StepKey, spec: GuestSpec, vif: Vif) -> None:
        """Give a guest an interface."""
        self._take(key, spec.uuid, lambda: outcome(lambda: self._able(AttachesNics).attach_nic(spec, vif)))

    def detach_nic(self, key: StepKey, spec: GuestSpec, vif: Vif) -> None:
        """Take an interface from a guest."""
        self._take(key, spec.uuid, lambda: outcome(lambda: self._able(AttachesNics).detach_nic(spec, vif)))

    def revoke(self, key: StepKey, uuid: str) -> None:
        """See that a step is not begun any more, behind it if it was. The journal's entry does the rest."""
        self._take(key, uuid, lambda: StepResult(ok=True))

    def console_output(self, uuid: str, length: int | None) -> str:
        """Return a guest's console log."""
        return self._driver.console_log(uuid, length)

    def diagnostics(self, uuid: str) -> Diagnostics:
        """Return a guest's counters."""
        return self._able(Diagnoses).diagnostics(uuid)

    def console(self, uuid: str, kind: str) -> Console:
        """Return where a guest's console is found."""
        return self._parts.consoles.find(uuid, kind)

    def set_password(self, uuid: str, password: str) -> bool:
        """Change the password of a guest's administrator."""
        self._able(SetsPasswords).set_password(uuid, password)
        return True

    def crash_dump(self, uuid: str) -> bool:
        """Have a guest's system dump its memory."""
        self._able(Crashes).crash_dump(uuid)
        return True

    def live_abort(self, uuid: str) -> bool:
        """End a live migration. It runs in the server's lane, so this goes past the lane."""
        self._able(MigratesLive).live_abort(uuid)
        return True

    def live_force(self, uuid: str) -> bool:
        """Let a live migration end, past the lane for the same reason."""
        self._able(MigratesLive).live_force(uuid)
        return True

    def live_settle(self, uuid: str) -> str:
        """Say whether a guest has arrived whose source is not heard of."""
        return str(self._able(MigratesLive).live_settle(uuid))

    def set_disabled(self, disabled: bool) -> None:
        """Keep placement in step with the service."""
        self._parts.lanes.submit("placement", lambda: self._parts.registration.set_disabled(disabled))

    def cache_images(self, image_ids: tuple[str, ...]) -> None:
        """Fetch images ahead of use."""
        for image_id in image_ids:
            self._parts.lanes.submit(f"image {image_id}", partial(self._parts.keeper.fetch, image_id))

    def introduce(self) -> None:
        """Register again."""
        self._parts.lanes.submit("placement", self._parts.registration.renew)

    @property
    def io_workload(self) -> int:
        """How many heavy pieces of work run or wait."""
        return self._parts.lanes.pending(BUILD) + self._parts.lanes.pending(SNAPSHOT)

    def _able(self, capability: type[C]) -> C:
        if not isinstance(self._driver, capability):
            raise NotSupported(f"The hypervisor of host {self.host} cannot do this ({capability.__name__}).")
        return self._driver

    def _power(self, key: StepKey, uuid: str, verb: Callable[[], PowerState]) -> None:
        self._take(key, uuid, lambda: outcome(lambda: _built(verb())))

    def _counted(self, work: Callable[[], Record | None]) -> StepResult:
        """Build, and count failures that may be this host's; whatever surprised us, another host may do."""
        result = outcome(work, unexpected=HostRejected)
        if result.ok:
            self.failed_builds = 0
        elif result.failure is not None and result.failure.kind != "BuildAborted":
            self.failed_builds += 1
        return result

    def _take(self, key: StepKey, uuid: str, work: Callable[[], StepResult], kind: str | None = None) -> None:
        """Do with a message what the journal says."""
        begun = self._parts.journal.begin(key)
        match begun.verdict:
            case Verdict.RUN:
                on_behalf = asker()
                drop = partial(self._parts.journal.abandon, key)
                if not self._parts.lanes.submit(
                    uuid, lambda: self._run(key, uuid, work, on_behalf), kind, drop
                ):
                    drop()
            case Verdict.REPLAY:
                self._answer(key, begun.result or OVERTAKEN)
            case Verdict.REFUSE:
                LOG.info("Step %s of flow %s came too late and is not run", key.seq, key.flow_id)
                self._answer(key, OVERTAKEN)
            case Verdict.IGNORE:
                pass

    def _answer(self, key: StepKey, result: StepResult) -> None:
        """Send an answer that is there already, beside the lane of the server."""
        self._parts.lanes.submit(f"answer {key.flow_id} {key.seq}", lambda: self._send(key, result))

    def _send(self, key: StepKey, result: StepResult) -> None:
        self._parts.answers.send(key, result)

    def _run(self, key: StepKey, uuid: str, work: Callable[[], StepResult], on_behalf: Asker) -> None:
        """Run a verb whose turn has come; its undo may have come meanwhile and waits behind it."""
        with bound(on_behalf):
            began = time.perf_counter()
            result = OVERTAKEN if self._parts.journal.overtaken(key) else work()
            LOG.info(
                "server %s: %s of step %d of flow %s %s after %.3f s",
                uuid,
                key.phase,
                key.seq,
                key.flow_id,
                "is done" if result.failure is None else f"failed ({result.failure.message})",
                time.perf_counter() - began,
            )
            self._end(key, result)

    def _end(self, key: StepKey, result: StepResult) -> None:
        try:
            self._parts.journal.finish(key, result)
        except sqlite3.Error:
            LOG.exception(
                "The journal did not take the answer for flow %s; it is sent all the same", key.flow_id
            )
            self._parts.journal.abandon(key)
        self._parts.answers.send(key, result)


def _built(power: PowerState) -> GuestBuilt:
    return GuestBuilt(power_state=power)
