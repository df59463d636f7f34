"""Guests that move while they run: what the hosts look at, make and leave."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from compute_service.domain.errors import (
    HostRejected,
    NotSupported,
)
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt import live_watch
from compute_service.virt.libvirt.domains import Departure
from compute_service.virt.libvirt.storage.store import Space
from compute_service.virt.libvirt.xml.domain import Domain
from tests.contract.hypervisor.conftest import DATA, GUEST, IMAGE
from tests.fakes.programs import read_disk
from tests.unit.virt.libvirt.live import SPEC, Two, whole

GIB, MIB = 1 << 30, 1 << 20
GOLDEN = Path(__file__).parent / "golden-live"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_watch, "POLL", 0.005)


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path)


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


def test_disks_may_be_promised_more_room_than_there_is(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    space = Space(total=100 * GIB, free=GIB)
    monkeypatch.setattr(two.target.parts.disks, "space", lambda: space)
    offer = two.source.driver.live_offer(SPEC, None)
    assert not two.target.driver.live_prepare(SPEC, offer.replace(over_commit=True)).shared


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
