"""What daemons say to each other over the bus: one Protocol a topic.

Rules of growth: a field is only added, with a default; unknown fields are ignored; a verb is never changed,
a new one is added and the old one kept for a release. Each topic's `VERSION` rises with every new verb.
A method that returns None is a cast (nobody waits); any other is a call.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

from compute_service.domain.console import Console, ConsoleToken
from compute_service.domain.flow import FlowKey, StepKey, StepResult
from compute_service.domain.guest import (
    Diagnostics,
    DisksMoved,
    GuestSpec,
    LiveOffer,
    LiveReady,
    SnapshotRequest,
)
from compute_service.domain.host import HostRegistration, HostReport, ServerOnHost
from compute_service.domain.image import Image
from compute_service.domain.record import Record
from compute_service.domain.request import Decision, SelectRequest
from compute_service.domain.vif import Vif


class Registered(Record):
    """What the conductor tells a host that registered."""

    service_uuid: str
    disabled: bool = False
    cell: str = ""


class Conductor(Protocol):
    """Topic `conductor`, on the API's bus and on each cell's."""

    VERSION: ClassVar[int] = 2

    def wake(self, keys: tuple[FlowKey, ...]) -> None:
        """A doorbell: these flows have something to do. Losing it costs a sweep's wait, no more."""

    def finished(self, key: StepKey, result: StepResult) -> None:
        """A host answers a remote step."""

    def progress(self, key: StepKey, fraction: float, details: dict[str, int]) -> None:
        """A host tells how far a long step is (0 to 1)."""

    def register(self, registration: HostRegistration) -> Registered:
        """A host starts, or its facts changed."""

    def report(self, reports: tuple[HostReport, ...]) -> None:
        """Heartbeats of one or more hosts of a process."""

    def servers_on_host(self, host: str) -> tuple[ServerOnHost, ...]:
        """What should be on a host, deleted servers of the last day included."""

    def strays(self, host: str, guests: tuple[str, ...]) -> tuple[str, ...]:
        """Of a host's guests, those whose server is known to be elsewhere (or nowhere) while nothing is being
        done to it: left behind by an evacuation, or by a build that was given up while the host was down.
        What is left of them may go. A guest nobody knows is not among them."""

    def vacated(self, host: str, guests: tuple[str, ...]) -> int:
        """A host tells all the guests that it has: evacuations of others from it are completed by that.
        Returns how many were."""

    def console(self, token: str) -> ConsoleToken:
        """Return the console that a token opens, after looking that it is still there.
        Raises NotFound: no such token, or it has run out, or what it opened has gone."""


class Scheduler(Protocol):
    """Topic `scheduler`, on the API's bus."""

    VERSION: ClassVar[int] = 1

    def select(self, request: SelectRequest) -> Decision:
        """Choose hosts and claim them."""


class ComputeAgent(Protocol):
    """Topic `compute`, one server name a host.

    Verbs with a `key` are casts: the host journals the key, works in the server's lane, and answers with
    `Conductor.finished`. The same key again replays the answer. The value in the answer is the named record
    turned to builtins.
    """

    VERSION: ClassVar[int] = 5

    def spawn(self, key: StepKey, spec: GuestSpec) -> None:
        """Make the guest and start it unless `spec.power` says otherwise. Answers GuestBuilt."""

    def destroy(self, key: StepKey, uuid: str, disks: bool) -> None:
        """Remove the guest, and its disks if asked; a guest that is not there is fine."""

    def power_on(self, key: StepKey, spec: GuestSpec) -> None:
        """Start a stopped guest. Answers GuestBuilt."""

    def power_off(self, key: StepKey, uuid: str, timeout: int) -> None:
        """Ask the guest to shut down and cut its power after `timeout` seconds. Answers GuestBuilt."""

    def reboot(self, key: StepKey, spec: GuestSpec, hard: bool) -> None:
        """Restart the guest; a soft reboot that the guest ignores becomes a hard one. Answers GuestBuilt."""

    def pause(self, key: StepKey, uuid: str) -> None:
        """Freeze the guest in memory. Answers GuestBuilt."""

    def unpause(self, key: StepKey, uuid: str) -> None:
        """Let a frozen guest go on. Answers GuestBuilt."""

    def suspend(self, key: StepKey, uuid: str) -> None:
        """Save the guest's memory to disk and stop it. Answers GuestBuilt."""

    def resume(self, key: StepKey, spec: GuestSpec) -> None:
        """Bring a suspended guest back. Answers GuestBuilt."""

    def snapshot(self, key: StepKey, request: SnapshotRequest) -> None:
        """Upload the root disk into an existing image record."""

    def rebuild(self, key: StepKey, spec: GuestSpec, preserve_ephemeral: bool) -> None:
        """Replace the root disk from the image in `spec`. Answers GuestBuilt."""

    def migrate_out(self, key: StepKey, spec: GuestSpec, target: str, target_ip: str | None) -> None:
        """On the source: stop the guest and hand its disks to the target, keeping a way back.
        Answers DisksMoved."""

    def migrate_in(self, key: StepKey, spec: GuestSpec, moved: DisksMoved, resize: bool) -> None:
        """On the target: make the guest from handed-over disks, grown if `resize`. Answers GuestBuilt."""

    def migrate_back(self, key: StepKey, spec: GuestSpec) -> None:
        """On the source: make the guest again from what `migrate_out` kept. Answers GuestBuilt."""

    def migrate_settle(self, key: StepKey, uuid: str) -> None:
        """On the source: remove what `migrate_out` kept."""

    def rescue(self, key: StepKey, spec: GuestSpec, image: Image) -> None:
        """Boot the guest from another disk, with its own beside it. Answers GuestBuilt."""

    def unrescue(self, key: StepKey, spec: GuestSpec) -> None:
        """Boot a rescued guest from its own disk again, unless `spec` says otherwise; one that is not rescued
        is fine. Answers GuestBuilt."""

    def live_offer(self, key: StepKey, spec: GuestSpec, block: bool | None) -> None:
        """On the source: say what a target must have for the guest to move while it runs. Answers
        LiveOffer."""

    def live_prepare(self, key: StepKey, spec: GuestSpec, offer: LiveOffer) -> None:
        """On the target: look whether the guest can run here and make what it needs. Answers LiveReady."""

    def live_migrate(self, key: StepKey, spec: GuestSpec, ready: LiveReady) -> None:
        """On the source: carry the guest over, telling the columns of a migration by `Conductor.progress`.
        The guest runs on the target when this has ended well, and here when it has not."""

    def live_finish(self, key: StepKey, spec: GuestSpec) -> None:
        """On the target: keep the guest that has arrived. Answers GuestBuilt."""

    def live_leave(self, key: StepKey, spec: GuestSpec, shared: bool) -> None:
        """On the source: remove what is left of the guest; its disks stay where they are `shared`."""

    def live_discard(self, key: StepKey, spec: GuestSpec, shared: bool) -> None:
        """On the target: take back what `live_prepare` made; a guest that has arrived stays."""

    def attach_nic(self, key: StepKey, spec: GuestSpec, vif: Vif) -> None:
        """Give the guest an interface, which `spec.vifs` has already; one that is there is fine."""

    def detach_nic(self, key: StepKey, spec: GuestSpec, vif: Vif) -> None:
        """Take an interface from the guest; one that is gone, and a guest that is, is fine."""

    def revoke(self, key: StepKey, uuid: str) -> None:
        """The step whose undo this is is not wanted any more and must not begin. Answers when it has ended if
        it had begun."""

    def console_output(self, uuid: str, length: int | None) -> str:
        """Return the last `length` lines of the guest's console log, or all of it."""

    def diagnostics(self, uuid: str) -> Diagnostics:
        """Return the guest's counters."""

    def console(self, uuid: str, kind: str) -> Console:
        """Return where the guest's console of a type (of `domain.console.KINDS`) is found."""

    def set_password(self, uuid: str, password: str) -> bool:
        """Change the password of the guest's administrator; True when that is done."""

    def crash_dump(self, uuid: str) -> bool:
        """Have the guest's system dump its memory; True when it was told to."""

    def live_abort(self, uuid: str) -> bool:
        """On the source: end the live migration that is going on, whose step then fails as Cancelled; True
        when it was told to. Raises Conflict when none is going on."""

    def live_force(self, uuid: str) -> bool:
        """On the source: let the live migration that is going on end; True when it was told to. Raises
        Conflict when none is going on."""

    def live_settle(self, uuid: str) -> str:
        """On the target, while the source is not heard of: say where the guest is (`domain.guest.LiveStage`).
        One that is absent is let in no more."""

    def set_disabled(self, disabled: bool) -> None:
        """The service was enabled or disabled: keep COMPUTE_STATUS_DISABLED in step."""

    def cache_images(self, image_ids: tuple[str, ...]) -> None:
        """Fetch images into the host's cache ahead of use."""

    def introduce(self) -> None:
        """Register again: a report came from a host that the conductor does not know."""
