"""Guests that were evacuated: what the host that they were on removes when it is back."""

from __future__ import annotations

from pathlib import Path

import pytest

from compute_service.domain.errors import NotFound
from tests.contract.hypervisor.conftest import GUEST, guest_spec
from tests.unit.virt.libvirt.parts import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.driver.spawn(guest_spec(), lambda _: None)
    return made


def directory(bench: Bench) -> Path:
    return Path(bench.parts.directory(GUEST).path)


def test_a_guest_whose_disks_are_here_only_goes_whole(bench: Bench) -> None:
    bench.driver.abandon(GUEST)
    assert not directory(bench).exists()
    with pytest.raises(NotFound):
        bench.driver.state(GUEST)
    bench.driver.abandon(GUEST)


def test_disks_that_another_host_has_taken_stay(bench: Bench) -> None:
    bench.parts.directory(GUEST).take("another")
    before = sorted(directory(bench).iterdir())
    bench.driver.abandon(GUEST)
    assert sorted(directory(bench).iterdir()) == before
    with pytest.raises(NotFound):
        bench.driver.state(GUEST)


def test_a_host_that_finds_disks_takes_them_and_keeps_what_is_on_them(bench: Bench) -> None:
    bench.driver.destroy(GUEST, disks=False)
    (directory(bench) / "disk").write_bytes(b"what the user wrote")
    bench.driver.spawn(guest_spec(), lambda _: None)
    assert (directory(bench) / "disk").read_bytes() == b"what the user wrote"
    taken_by = bench.parts.directory(GUEST).taken_by
    assert taken_by == bench.parts.host
    bench.driver.abandon(GUEST)
    assert not directory(bench).exists()
