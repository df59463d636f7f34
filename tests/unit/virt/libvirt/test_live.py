"""Guests that move while they run: two hosts over fakes, and what goes wrong between them."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from compute_service.domain.errors import (
    Cancelled,
    Conflict,
    HostRejected,
    NotFound,
    NotSupported,
    Timeout,
)
from compute_service.domain.guest import GuestSpec, LiveReady
from compute_service.domain.states import PowerState
from compute_service.domain.vif import Vif
from compute_service.virt.libvirt import live_watch
from compute_service.virt.libvirt.directory import GuestDirectory
from compute_service.virt.libvirt.domains import ConnectionLost, Departure, Passage
from compute_service.virt.libvirt.driver import LibvirtDriver
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.storage.store import Space
from compute_service.virt.libvirt.xml.domain import Domain
from tests.contract.hypervisor.conftest import DATA, FLAVOR, GUEST, IMAGE, guest_spec, stored_images
from tests.fakes.clock import ManualClock
from tests.fakes.libvirt import FakeConnection, Journey
from tests.fakes.libvirt_host import (
    FakeCarrier,
    FakePlugger,
    host_settings,
    introduce,
    libvirt_parts,
    rebooted,
)
from tests.fakes.programs import FakePrograms, read_disk

GIB, MIB = 1 << 30, 1 << 20
VIF = Vif(
    port_id="port-1",
    network_id="n",
    network_label="net",
    mac="fa:16:3e:00:00:01",
    vif_type="bridge",
    details={"bridge_name": "br-there"},
)
SPEC = guest_spec().replace(vifs=(VIF,), config_drive=True)
GOLDEN = Path(__file__).parent / "golden-live"


class Machine:
    """One host."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    @property
    def driver(self) -> LibvirtDriver:
        """The driver as a process that just began has it."""
        return LibvirtDriver(rebooted(self.parts))

    @property
    def libvirt(self) -> FakeConnection:
        return cast("FakeConnection", self.parts.connection)

    @property
    def plugged(self) -> list[str]:
        return sorted(cast("FakePlugger", self.parts.plugger).plugged)

    @property
    def programs(self) -> FakePrograms:
        return cast("FakePrograms", self.parts.runner)

    @property
    def directory(self) -> GuestDirectory:
        return self.parts.directory(GUEST)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.directory.path.glob("*"))


class Two:
    """A source with a guest, and a target."""

    def __init__(self, root: Path, images_type: str = "qcow2", **libvirt: Any) -> None:
        self.clock = ManualClock()
        self.images = stored_images(self.clock)
        self.carrier = FakeCarrier({name: root / name / "instances" for name in ("source", "target")})
        parts = {
            name: libvirt_parts(
                host_settings(name, root, images_type=images_type, **libvirt),
                self.images,
                self.clock,
                self.carrier,
            )
            for name in ("source", "target")
        }
        introduce(parts)
        self.source, self.target = (Machine(one) for one in parts.values())
        self.heard: list[dict[str, int]] = []
        self.source.driver.spawn(SPEC, lambda fraction: None)

    def share(self) -> None:
        """Have the target see the source's directory."""
        there = self.target.parts.instances
        there.rmdir() if there.exists() else there.parent.mkdir(parents=True, exist_ok=True)
        there.symlink_to(self.source.parts.instances)

    def prepared(self, block: bool | None = None, spec: GuestSpec = SPEC) -> LiveReady:
        return self.target.driver.live_prepare(spec, self.source.driver.live_offer(spec, block))

    def move(self, ready: LiveReady) -> None:
        self.source.driver.live_migrate(SPEC, ready, self.heard.append)

    def end(self, ready: LiveReady) -> None:
        self.target.driver.live_finish(SPEC)
        self.source.driver.live_leave(SPEC, ready.shared)

    def pace(self, *steps: Callable[[Journey], None]) -> list[Journey]:
        """Do things while the guest is on its way, each after the source has looked once more."""
        journeys: list[Journey] = []

        def go(journey: Journey) -> None:
            journeys.append(journey)
            for step in steps:
                step(journey)
                self.source.libvirt.await_looks()

        self.source.libvirt.pace = go
        return journeys


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_watch, "POLL", 0.005)


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path)


def after(seconds: float) -> Callable[[Journey], None]:
    def step(journey: Journey) -> None:
        journey.passage = journey.passage.replace(elapsed=seconds)

    return step


def whole(two: Two, block: bool | None = None) -> LiveReady:
    """Move the guest, and return what the target had answered."""
    ready = two.prepared(block)
    two.move(ready)
    two.end(ready)
    return ready


def test_a_guest_arrives_with_its_disks_its_interface_and_no_marks(two: Two) -> None:
    before = two.source.files()
    ready = whole(two)
    assert not ready.shared
    assert [path.name for path in two.source.parts.instances.glob("2*")] == []
    assert (two.source.plugged, two.target.plugged) == ([], ["port-1"])
    assert two.target.files() == before
    assert two.source.libvirt.domains() == []
    assert two.target.driver.state(GUEST) is PowerState.RUNNING
    two.target.driver.destroy(GUEST, disks=True)
    assert (two.target.plugged, two.target.files()) == ([], [])


def departed(two: Two) -> Departure:
    journeys = two.pace()
    two.move(two.prepared())
    return journeys[0].departure


@pytest.mark.parametrize("which", ["definition", "lasting"])
def test_a_guest_is_defined_at_the_target_as_its_golden_document_says(
    tmp_path: Path, which: str, regen: bool
) -> None:
    two = Two(tmp_path, disk_cachemodes=["file=writeback"])
    for port in (10000, 10001):
        taken = f"<domain type='kvm'><name>g{port}</name><uuid>{port}</uuid><memory>1</memory><vcpu>1</vcpu>"
        taken += "<os><type>hvm</type></os><devices><serial type='tcp'>"
        taken += f"<source mode='bind' host='127.0.0.1' service='{port}'/></serial></devices></domain>"
        two.target.libvirt.define(taken)
    text = str(getattr(departed(two), which)).replace(str(tmp_path), "/var/lib")
    path = GOLDEN / f"{which}.xml"
    if regen:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()
    assert Domain.parse(text).serials[0].source_service == 10002


def test_what_lies_over_the_image_is_copied_and_the_target_fetches_the_image(two: Two) -> None:
    departure = departed(two)
    assert (departure.copy, departure.disks) == ("top", ("vda", "vdb", "vdc"))
    assert read_disk(two.target.directory.path / "disk") == (GIB, DATA)
    assert two.target.parts.disks.bases() == {f"{IMAGE.id}.raw"}


def test_an_image_that_is_gone_goes_along(two: Two) -> None:
    two.images.delete(IMAGE.id)
    assert departed(two).copy == "whole"
    assert read_disk(two.target.directory.path / "disk") == (GIB, DATA)
    assert two.target.parts.disks.bases() == frozenset()


def test_disks_that_lie_on_another_image_than_the_servers_go_whole(two: Two) -> None:
    spec = SPEC.replace(image=IMAGE.replace(id="99999999-1111-4111-8111-111111111111"))
    ready = two.prepared(spec=spec)
    two.move(ready)
    assert read_disk(two.target.directory.path / "disk") == (GIB, DATA)


def test_raw_disks_are_copied_as_they_are(tmp_path: Path) -> None:
    two = Two(tmp_path, "raw")
    assert departed(two).copy == "top"
    assert read_disk(two.target.directory.path / "disk")[0] == GIB


def test_hosts_that_share_a_directory_find_that_out_and_copy_nothing(two: Two) -> None:
    two.share()
    ready = two.prepared()
    journeys = two.pace()
    two.move(ready)
    two.end(ready)
    assert ready.shared
    assert (journeys[0].departure.copy, journeys[0].departure.disks) == ("none", ())
    assert two.source.directory.taken_by == "target"
    assert (two.source.plugged, two.target.plugged) == ([], ["port-1"])
    two.source.driver.abandon(GUEST)
    assert set(two.target.files()) >= {"disk", "disk.config", "ports.json", "host"}
    assert not [name for name in two.target.files() if name.startswith(("coming", "going", "probe"))]


def test_a_shared_directory_stays_when_the_target_is_told_to_discard(two: Two) -> None:
    two.share()
    before = two.source.files()
    two.prepared()
    two.target.driver.live_discard(SPEC, False)
    assert [name for name in two.source.files() if not name.startswith("probe")] == before
    assert (two.source.plugged, two.target.plugged) == (["port-1"], [])


@pytest.mark.parametrize(("shared", "why"), [(True, "share them"), (False, "share none")])
def test_disks_are_copied_or_not_as_was_asked(two: Two, shared: bool, why: str) -> None:
    if shared:
        two.share()
    with pytest.raises(HostRejected, match=why):
        two.prepared(block=shared)
    assert two.target.plugged == []


def test_a_processor_that_the_target_lacks_is_refused(two: Two) -> None:
    two.target.libvirt.cpu_known = False
    with pytest.raises(HostRejected, match="processor has what host target does not offer"):
        two.prepared()
    assert two.target.files() == []


def test_libvirt_judges_by_itself_where_processors_cannot_be_compared(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unable(*_: str) -> bool:
        raise NotSupported("no")

    monkeypatch.setattr(two.target.libvirt, "cpu_fits", unable)
    whole(two)


def test_the_option_leaves_the_look_at_the_processor_out(two: Two) -> None:
    two.target.libvirt.cpu_known = False
    settings = two.target.parts.settings
    workarounds = dataclasses.replace(settings.workarounds, skip_cpu_compare_on_dest=True)
    two.target.parts = dataclasses.replace(
        two.target.parts, settings=dataclasses.replace(settings, workarounds=workarounds)
    )
    whole(two)


def changed(two: Two, **told: Any) -> None:
    """Have the target hear something else of the guest."""
    offer = two.source.driver.live_offer(SPEC, None)
    guest = json.loads(offer.details["guest"]) | told
    two.target.driver.live_prepare(SPEC, offer.replace(details={"guest": json.dumps(guest)}))


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"machine": "pc-i440fx-99.0"}, "does not know the machine type pc-i440fx-99.0"),
        ({"arch": "s390x"}, "runs no kvm guests of s390x"),
        ({"format": "raw"}, "are raw, and those of host target qcow2"),
        ({"devices": 5}, "did not tell what a live migration needs"),
    ],
)
def test_a_guest_that_does_not_fit_the_target_is_refused(two: Two, told: dict[str, Any], why: str) -> None:
    with pytest.raises(HostRejected, match=why):
        changed(two, **told)
    assert (two.target.files(), two.target.plugged) == ([], [])


def test_disks_need_room_at_the_target(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Space(total=100 * GIB, free=GIB)
    monkeypatch.setattr(two.target.parts.disks, "space", lambda: space)
    with pytest.raises(HostRejected, match="need 3584 MiB, but host target has 1024 MiB left"):
        two.prepared()


def test_what_is_left_of_such_a_guest_is_not_written_over(two: Two) -> None:
    two.target.directory.path.mkdir(parents=True)
    (two.target.directory.path / "disk").write_text("somebody's")
    with pytest.raises(HostRejected, match="has to be removed first"):
        two.prepared()
    two.target.driver.live_discard(SPEC, False)
    assert (two.target.directory.path / "disk").read_text() == "somebody's"


def test_a_target_that_was_made_ready_before_makes_disks_anew(two: Two) -> None:
    two.prepared()
    (two.target.directory.path / "disk.swap").write_bytes(b"half of a copy")
    two.prepared()
    assert read_disk(two.target.directory.path / "disk.swap")[0] == GIB // 2


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
