"""Looking on while a guest goes to another host: progress, steps of downtime, limits of time, an abort."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from compute_service.domain.errors import (
    Cancelled,
    ComputeError,
    Conflict,
    HostRejected,
    Timeout,
)
from compute_service.domain.guest import GuestSpec
from compute_service.domain.states import PowerState
from compute_service.ports.hypervisor import LiveProgress
from compute_service.virt.libvirt.domains import ConnectionLost, Passage
from compute_service.virt.libvirt.live_plan import downtimes
from compute_service.virt.libvirt.live_records import Going, Marks
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.spawn import power_of

LOG = logging.getLogger(__name__)

POLL = 0.5
"""Seconds between two looks."""
BLIND = 120
"""How many looks in a row may fail."""
LAST_LOOKS = 20
"""How many looks a guest has to be gone after its job has ended."""


class Carrying:
    """A call to libvirt that carries a guest over, in a thread of its own."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._over = threading.Event()
        self._error: BaseException | None = None
        threading.Thread(target=self._work, name="live migration", daemon=True).start()

    def over(self, seconds: float) -> bool:
        """Return whether it has ended, waiting so long for that."""
        return self._over.wait(seconds)

    def result(self) -> None:
        """Raise what it ended with."""
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            self._call()
        except BaseException as error:
            self._error = error
        finally:
            self._over.set()


class Watch:
    """One migration that is looked on. `gib` is how much there is of the guest."""

    def __init__(self, parts: Parts, spec: GuestSpec, marks: Marks, gib: int, progress: LiveProgress) -> None:
        self._parts = parts
        self._uuid = spec.uuid
        self._marks = marks
        self._progress = progress
        options = parts.settings.libvirt
        self._limit = options.live_migration_completion_timeout * gib
        self._steps = downtimes(options, gib)
        self._blind = 0
        self._late = False
        self._ended = False
        """Whether it was ended for taking too long."""

    def begin(self, going: Going) -> None:
        """Keep that the guest goes. Raises Cancelled when it was said before that it is to stay."""
        if self._marks.going is None:
            self._marks.send_off_no_more()
        self._marks.send_off(going)
        if self._marks.aborted:
            raise Cancelled(f"The live migration of guest {self._uuid} was aborted.")

    def follow(self, carrying: Carrying) -> None:
        """Look on until a call ends, and raise what it ended with."""
        while not carrying.over(POLL):
            self._look()
        carrying.result()

    def until_over(self) -> None:
        """Look on until a migration ends that another process began. Raises HostRejected when it failed."""
        while self._look():
            self._parts.clock.sleep(POLL)
        for _ in range(LAST_LOOKS):
            if power_of(self._parts, self._uuid) is None:
                return
            self._parts.clock.sleep(POLL)
        raise HostRejected(f"The live migration of guest {self._uuid} failed; libvirt's log may say why.")

    def failure(self, error: ComputeError) -> ComputeError:
        """Return the error that a failed migration is told as."""
        if self._ended:
            return Timeout(
                f"The live migration of guest {self._uuid} took longer than {self._limit} seconds."
            )
        if self._marks.aborted:
            return Cancelled(f"The live migration of guest {self._uuid} was aborted.")
        return error

    def _look(self) -> bool:
        """Do what is due; return whether the migration goes on. Not to see it for a while is no failure."""
        try:
            passage = self._parts.connection.passage(self._uuid)
            if passage is not None:
                self._act(passage)
            self._blind = 0
            return passage is not None
        except ConnectionLost:
            raise
        except ComputeError as error:
            self._blind += 1
            if self._blind > BLIND:
                raise
            LOG.warning("The live migration of guest %s is not seen: %s", self._uuid, error.message)
            return True

    def _act(self, passage: Passage) -> None:
        going = self._marks.going
        if going is not None and not going.begun:
            self._marks.send_off(going.replace(begun=True))
        self._progress({name: getattr(passage, name) for name in COUNTS})
        if self._marks.aborted:
            self._end()
        elif self._limit and passage.elapsed > self._limit:
            self._hurry()
        else:
            self._allow_more(passage.elapsed)

    def _end(self) -> None:
        try:
            self._parts.connection.abort_job(self._uuid)
        except Conflict as error:
            LOG.warning("The live migration of guest %s cannot be ended: %s", self._uuid, error.message)

    def _hurry(self) -> None:
        """Do what is to be done when the time is over."""
        if self._parts.settings.libvirt.live_migration_timeout_action == "abort":
            self._ended = True
            self._end()
        elif not self._late:
            self._late = True
            LOG.warning("The live migration of guest %s is forced to its end: time is over", self._uuid)
            force(self._parts, self._uuid)

    def _allow_more(self, elapsed: float) -> None:
        """Set the longest standstill that is due."""
        milliseconds = None
        while self._steps and self._steps[0][0] <= elapsed:
            milliseconds = self._steps.pop(0)[1]
        if milliseconds is not None:
            self._parts.connection.set_downtime(self._uuid, milliseconds)


COUNTS = (
    *("memory_total", "memory_processed", "memory_remaining"),
    *("disk_total", "disk_processed", "disk_remaining"),
)
"""What is told of a migration: the columns of its row."""


def force(parts: Parts, uuid: str) -> None:
    """Let a migration end, by post-copy where that may be, else by pausing the guest; one that stands still
    already is fine."""
    if parts.settings.libvirt.live_migration_permit_post_copy:
        parts.connection.post_copy(uuid)
    elif parts.connection.domain(uuid).power is PowerState.RUNNING:
        parts.connection.pause(uuid)
