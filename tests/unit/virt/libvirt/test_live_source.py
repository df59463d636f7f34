"""Guests that move while they run: what goes on at the source, and goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from compute_service.domain.errors import (
    Cancelled,
    Conflict,
    HostRejected,
    NotFound,
    Timeout,
)
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt import live_watch
from compute_service.virt.libvirt.domains import ConnectionLost, Departure, Passage
from compute_service.virt.libvirt.xml.domain import Domain
from tests.contract.hypervisor.conftest import FLAVOR, GUEST, guest_spec
from tests.fakes.libvirt import Journey
from tests.unit.virt.libvirt.live import SPEC, Two, after, whole

GIB, MIB = 1 << 30, 1 << 20


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_watch, "POLL", 0.005)


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path)


def test_an_abort_leaves_the_guest_here_and_nothing_there(two: Two) -> None:
    ready = two.prepared()
    two.pace(lambda journey: two.source.driver.live_abort(GUEST))
    with pytest.raises(Cancelled):
        two.move(ready)
    two.target.driver.live_discard(SPEC, ready.shared)
    assert two.source.driver.state(GUEST) is PowerState.RUNNING
    assert not [name for name in two.source.files() if name.startswith(("going", "probe"))]
    assert (two.target.files(), two.target.plugged, two.target.libvirt.domains()) == ([], [], [])
    two.source.libvirt.pace = lambda journey: None
    whole(two)


def test_an_abort_between_two_tries_of_the_verb_counts(two: Two) -> None:
    ready = two.prepared()
    killed = RuntimeError("killed")

    def kill(journey: Journey) -> None:
        raise killed

    two.source.libvirt.pace = kill
    with pytest.raises(RuntimeError):
        two.move(ready)
    two.source.driver.live_abort(GUEST)
    two.source.libvirt.pace = lambda journey: None
    with pytest.raises(Cancelled):
        two.move(ready)
    assert two.source.driver.state(GUEST) is PowerState.RUNNING


def test_a_migration_that_takes_too_long_is_ended(two: Two) -> None:
    ready = two.prepared()
    limit = 800 * (1 + 4)
    two.pace(after(limit), after(limit + 1))
    with pytest.raises(Timeout, match=f"longer than {limit} seconds"):
        two.move(ready)
    assert two.source.driver.state(GUEST) is PowerState.RUNNING


@pytest.mark.parametrize("limit", [0, 800])
def test_no_limit_is_no_limit(tmp_path: Path, limit: int) -> None:
    two = Two(tmp_path, live_migration_completion_timeout=limit)
    two.pace(after(1e9 if not limit else 1.0))
    whole(two)


def test_a_migration_that_takes_too_long_is_forced_by_a_pause(tmp_path: Path) -> None:
    two = Two(tmp_path, live_migration_timeout_action="force_complete")
    two.pace(after(1e6))
    whole(two)
    assert two.source.libvirt.calls.count("pause") == 1
    assert two.target.driver.state(GUEST) is PowerState.RUNNING


def test_a_migration_is_forced_by_post_copy_where_that_may_be(tmp_path: Path) -> None:
    two = Two(tmp_path, live_migration_permit_post_copy=True, live_migration_permit_auto_converge=True)
    journeys = two.pace(lambda journey: two.source.driver.live_force(GUEST))
    whole(two)
    assert journeys[0].switched
    assert "pause" not in two.source.libvirt.calls
    departure = journeys[0].departure
    assert (departure.post_copy, departure.auto_converge) == (True, False)


def test_a_guest_that_has_switched_over_by_post_copy_cannot_stay(tmp_path: Path) -> None:
    two = Two(tmp_path, live_migration_permit_post_copy=True)

    def force_and_abort(journey: Journey) -> None:
        two.source.driver.live_force(GUEST)
        with pytest.raises(Conflict, match="post-copy"):
            two.source.driver.live_abort(GUEST)

    two.pace(force_and_abort)
    whole(two)
    assert two.target.driver.state(GUEST) is PowerState.RUNNING


def test_a_guest_that_is_forced_stands_still_for_the_rest_of_the_way(two: Two) -> None:
    def twice(journey: Journey) -> None:
        for _ in range(2):
            two.source.driver.live_force(GUEST)
        assert two.source.driver.state(GUEST) is PowerState.PAUSED

    two.pace(twice)
    whole(two)
    assert two.target.driver.state(GUEST) is PowerState.RUNNING


def test_the_standstill_that_is_allowed_grows_with_time(two: Two) -> None:
    delay = 75 * 5
    journeys = two.pace(after(delay - 1), after(delay), after(3 * delay), after(3000), after(3900))
    whole(two)
    assert journeys[0].downtimes[0] == 50
    assert journeys[0].downtimes == sorted(set(journeys[0].downtimes))
    assert journeys[0].downtimes[-1] == 500


def test_progress_has_the_columns_of_a_migration(two: Two) -> None:
    def half(journey: Journey) -> None:
        journey.passage = Passage(memory_total=512 * MIB, memory_processed=MIB, disk_total=GIB)

    two.pace(half)
    whole(two)
    assert two.heard[-1] == {
        "memory_total": 512 * MIB,
        "memory_processed": MIB,
        "memory_remaining": 0,
        "disk_total": GIB,
        "disk_processed": 0,
        "disk_remaining": 0,
    }


class Killed(BaseException):
    """The process ends here."""


class Restarted:
    """A source whose process was killed while the guest was on its way: libvirt goes on by itself."""

    def __init__(self, two: Two) -> None:
        self.two = two
        self.ready = two.prepared()
        self.go_on = threading.Event()
        self.over = threading.Event()
        self.fail = False
        two.source.libvirt.pace = self.pace
        with pytest.raises(Killed):
            two.source.driver.live_migrate(SPEC, self.ready, self.killed)

    def killed(self, left: dict[str, int]) -> None:
        raise Killed

    def pace(self, journey: Journey) -> None:
        try:
            while not self.go_on.wait(0.005) and not journey.aborted:
                pass
            if self.fail:
                raise HostRejected("internal error: the stream broke")
        finally:
            self.over.set()

    def again(self, then: Callable[[], None]) -> None:
        """Do the verb in another process, and something while it looks on."""

        def do(left: dict[str, int]) -> None:
            if not done:
                done.append(True)
                then()

        done: list[bool] = []
        self.two.source.driver.live_migrate(SPEC, self.ready, do)


def test_a_migration_is_found_again_after_a_restart(two: Two) -> None:
    restarted = Restarted(two)
    restarted.again(restarted.go_on.set)
    two.end(restarted.ready)
    assert two.source.libvirt.calls.count("migrate") == 1
    assert two.target.driver.state(GUEST) is PowerState.RUNNING


def test_a_migration_that_is_found_again_can_be_aborted(two: Two) -> None:
    restarted = Restarted(two)
    with pytest.raises(Cancelled):
        restarted.again(lambda: two.source.driver.live_abort(GUEST))
    assert two.source.driver.state(GUEST) is PowerState.RUNNING


def test_a_migration_that_is_found_again_and_fails_leaves_the_guest(two: Two) -> None:
    restarted = Restarted(two)
    restarted.fail = True
    with pytest.raises(HostRejected, match="failed"):
        restarted.again(restarted.go_on.set)
    assert two.source.driver.state(GUEST) is PowerState.RUNNING


def test_a_migration_that_broke_while_nobody_looked_is_not_begun_anew(two: Two) -> None:
    restarted = Restarted(two)
    restarted.fail = True
    restarted.go_on.set()
    assert restarted.over.wait(30)
    while two.source.libvirt.journeys:
        threading.Event().wait(0.005)
    with pytest.raises(HostRejected, match="was broken off"):
        two.move(restarted.ready)
    two.source.libvirt.pace = lambda journey: None
    whole(two)


def test_a_lost_connection_does_not_begin_a_second_migration(two: Two) -> None:
    def lose(journey: Journey) -> None:
        raise ConnectionLost("end of file")

    two.pace(lambda journey: None, lose)
    with pytest.raises(HostRejected, match="was broken off"):
        two.move(two.prepared())
    assert two.source.libvirt.calls.count("migrate") == 1
    assert two.source.driver.state(GUEST) is PowerState.RUNNING


def test_an_error_after_the_guest_has_gone_is_none(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    carry = two.source.libvirt.migrate

    def carry_and_fail(uuid: str, departure: Departure) -> None:
        carry(uuid, departure)
        raise HostRejected("the answer was lost")

    monkeypatch.setattr(two.source.libvirt, "migrate", carry_and_fail)
    whole(two)
    assert two.target.driver.state(GUEST) is PowerState.RUNNING


def test_the_config_drive_comes_as_the_guest_knows_it(two: Two) -> None:
    two.source.directory.config_drive.write_text("in another order")
    whole(two)
    assert two.target.directory.config_drive.read_text() == "in another order"


def test_without_ssh_the_target_writes_the_config_drive(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> bool:
        raise HostRejected("Permission denied (publickey)")

    monkeypatch.setattr(two.carrier, "sees", refused)
    whole(two)
    assert two.target.directory.config_drive.read_text() == SPEC.hostname


def test_a_guest_that_still_arrives_is_neither_listed_nor_kept_nor_discarded(two: Two) -> None:
    def look(journey: Journey) -> None:
        assert two.target.driver.guests() == []
        for verb in (
            lambda: two.target.driver.live_finish(SPEC),
            lambda: two.target.driver.live_discard(SPEC, False),
        ):
            with pytest.raises(Conflict, match="still arriving"):
                verb()

    ready = two.prepared()
    two.pace(look)
    two.move(ready)
    two.end(ready)
    assert [guest.uuid for guest in two.target.driver.guests()] == [GUEST]


def test_ports_of_a_guest_that_comes_are_not_given_to_another(two: Two) -> None:
    two.prepared()
    other = guest_spec("22222222-2222-4222-8222-222222222223").replace(name="instance-00000002")
    two.target.driver.spawn(other, lambda fraction: None)
    text = two.target.libvirt.xml(other.uuid, lasting=True)
    assert Domain.parse(text).serials[0].source_service == 10001


def test_firmware_variables_of_a_guest_that_has_gone_are_removed(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    portable = two.source.libvirt.portable_xml
    monkeypatch.setattr(
        two.source.libvirt,
        "portable_xml",
        lambda uuid: portable(uuid).replace("</os>", "<nvram>v</nvram></os>"),
    )
    whole(two)
    assert two.source.libvirt.calls[-2:] == ["define", "undefine"]
    assert two.source.libvirt.domains() == []


def test_nothing_is_aborted_or_forced_after_the_guest_has_gone(two: Two) -> None:
    two.move(two.prepared())
    for ask in (two.source.driver.live_abort, two.source.driver.live_force):
        with pytest.raises(Conflict, match="No live migration"):
            ask(GUEST)


def test_a_guest_that_is_nowhere_is_not_said_to_have_gone(two: Two) -> None:
    ready = two.prepared()
    two.source.driver.destroy(GUEST, disks=True)
    with pytest.raises(NotFound):
        two.move(ready)


def test_a_disk_that_is_none_of_the_flavors_is_refused(two: Two) -> None:
    with pytest.raises(HostRejected, match="disks that are not its flavor's: vdb"):
        two.source.driver.live_offer(SPEC.replace(flavor=FLAVOR.replace(ephemeral_gb=0)), None)


def test_a_target_that_libvirt_cannot_reach_fails_the_migration(two: Two) -> None:
    ready = two.prepared().replace(address="nowhere")
    with pytest.raises(HostRejected, match=r"qemu\+tcp://nowhere/system"):
        two.move(ready)
    assert two.source.driver.state(GUEST) is PowerState.RUNNING
