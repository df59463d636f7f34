"""How a guest goes to another host while it runs; a driver that cannot do it is passed over."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from compute_service.domain.errors import Cancelled, ComputeError, Conflict, HostRejected, NotFound
from compute_service.domain.guest import LiveReady, LiveStage
from compute_service.domain.states import PowerState
from compute_service.ports.hypervisor import Hypervisor, MigratesLive
from compute_service.virt.fake import Exchange, FakeHypervisor
from tests.contract.hypervisor.conftest import GUEST, guest_spec
from tests.contract.hypervisor.test_core import ignore


def unheard(left: dict[str, int]) -> None:
    """Progress that nobody listens to."""


@dataclass
class Hosts:
    """Two hosts; the guest runs on the source."""

    source: FakeHypervisor
    target: FakeHypervisor

    def prepared(self, block: bool | None = True) -> LiveReady:
        return self.target.live_prepare(guest_spec(), self.source.live_offer(guest_spec(), block))

    def where(self) -> tuple[list[str], list[str]]:
        return [g.uuid for g in self.source.guests()], [g.uuid for g in self.target.guests()]


@pytest.fixture
def hosts(pair: tuple[Hypervisor, Hypervisor]) -> Hosts:
    source, target = pair
    if not (isinstance(source, MigratesLive) and isinstance(target, MigratesLive)):
        pytest.skip("this driver moves no running guests")
    source.spawn(guest_spec(), ignore)
    return Hosts(source, target)


def test_a_running_guest_goes_over_and_leaves_nothing_behind(hosts: Hosts) -> None:
    ready = hosts.prepared()
    for _ in range(2):
        hosts.source.live_migrate(guest_spec(), ready, unheard)
    for _ in range(2):
        assert hosts.target.live_finish(guest_spec()) is PowerState.RUNNING
    for _ in range(2):
        hosts.source.live_leave(guest_spec(), ready.shared)
    assert hosts.where() == ([], [GUEST])
    assert hosts.source.facts().local_gb_used == 0


def test_what_was_made_ready_is_taken_back(hosts: Hosts) -> None:
    ready = hosts.prepared()
    for _ in range(2):
        hosts.target.live_discard(guest_spec(), ready.shared)
    assert hosts.target.facts().local_gb_used == 0
    assert hosts.source.state(GUEST) is PowerState.RUNNING


def test_a_guest_that_has_arrived_is_not_discarded(hosts: Hosts) -> None:
    ready = hosts.prepared()
    hosts.source.live_migrate(guest_spec(), ready, unheard)
    hosts.target.live_discard(guest_spec(), ready.shared)
    assert hosts.target.live_finish(guest_spec()) is PowerState.RUNNING
    hosts.target.live_discard(guest_spec(), ready.shared)
    assert hosts.target.state(GUEST) is PowerState.RUNNING


def test_a_target_says_that_a_guest_has_arrived(hosts: Hosts) -> None:
    ready = hosts.prepared()
    hosts.source.live_migrate(guest_spec(), ready, unheard)
    for _ in range(2):
        assert hosts.target.live_settle(GUEST) is LiveStage.ARRIVED
    assert hosts.target.live_finish(guest_spec()) is PowerState.RUNNING
    assert hosts.target.live_settle(GUEST) is LiveStage.ARRIVED


def test_a_guest_that_is_given_up_does_not_come(hosts: Hosts) -> None:
    ready = hosts.prepared()
    for _ in range(2):
        assert hosts.target.live_settle(GUEST) is LiveStage.ABSENT
    with pytest.raises(ComputeError):
        hosts.source.live_migrate(guest_spec(), ready, unheard)
    hosts.target.live_discard(guest_spec(), ready.shared)
    assert hosts.where() == ([GUEST], [])
    assert hosts.target.facts().local_gb_used == 0


def test_a_guest_that_is_off_is_not_offered(hosts: Hosts) -> None:
    hosts.source.power_off(GUEST, 0)
    with pytest.raises(HostRejected):
        hosts.source.live_offer(guest_spec(), None)


def test_no_guest_is_not_offered(hosts: Hosts) -> None:
    with pytest.raises(NotFound):
        hosts.target.live_offer(guest_spec(), None)


def test_where_no_migration_goes_on_none_is_aborted_or_forced(hosts: Hosts) -> None:
    for ask in (hosts.source.live_abort, hosts.source.live_force):
        with pytest.raises(Conflict):
            ask(GUEST)


def test_a_guest_can_come_back_the_way_it_went(hosts: Hosts) -> None:
    for there, here in ((hosts.source, hosts.target), (hosts.target, hosts.source)):
        ready = Hosts(there, here).prepared()
        there.live_migrate(guest_spec(), ready, unheard)
        here.live_finish(guest_spec())
        there.live_leave(guest_spec(), ready.shared)
    assert hosts.where() == ([GUEST], [])


@pytest.fixture
def fakes(pair: tuple[Hypervisor, Hypervisor], hosts: Hosts) -> Hosts:
    if not isinstance(pair[0], FakeHypervisor):
        pytest.skip("what only a fake can be told to do")
    return hosts


def test_an_aborted_migration_leaves_the_guest_where_it_was(fakes: Hosts) -> None:
    ready = fakes.prepared()
    heard: list[dict[str, int]] = []

    def abort(left: dict[str, int]) -> None:
        heard.append(left)
        fakes.source.live_abort(GUEST)

    with pytest.raises(Cancelled):
        fakes.source.live_migrate(guest_spec(), ready, abort)
    assert len(heard) == 1
    assert fakes.where() == ([GUEST], [])
    with pytest.raises(NotFound):
        fakes.target.live_finish(guest_spec())
    fakes.target.live_discard(guest_spec(), ready.shared)
    assert fakes.target.facts().local_gb_used == 0


def test_progress_counts_memory_and_the_disks_that_are_copied(fakes: Hosts) -> None:
    heard: list[dict[str, int]] = []
    fakes.source.live_migrate(guest_spec(), fakes.prepared(block=True), heard.append)
    assert all(left["memory_processed"] + left["memory_remaining"] == 512 * 1024**2 for left in heard)
    assert heard[-1]["memory_remaining"] == heard[-1]["disk_remaining"] == 0
    assert heard[-1]["disk_total"] == 4 * 1024**3


def test_shared_disks_are_not_copied(fakes: Hosts) -> None:
    heard: list[dict[str, int]] = []
    ready = fakes.prepared(block=False)
    fakes.source.live_migrate(guest_spec(), ready, heard.append)
    assert ready.shared
    assert {left["disk_total"] for left in heard} == {0}


def test_a_failure_on_the_way_leaves_the_guest_and_a_second_try_moves_it(fakes: Hosts) -> None:
    ready = fakes.prepared()
    fakes.source.faults.add("live_migrate", half=True)
    with pytest.raises(ComputeError):
        fakes.source.live_migrate(guest_spec(), ready, unheard)
    assert fakes.where() == ([GUEST], [])
    fakes.source.live_migrate(guest_spec(), ready, unheard)
    assert fakes.target.live_finish(guest_spec()) is PowerState.RUNNING


def test_a_paused_guest_arrives_paused(fakes: Hosts) -> None:
    fakes.source.pause(GUEST)
    fakes.source.live_migrate(guest_spec(), fakes.prepared(), unheard)
    assert fakes.target.live_finish(guest_spec()) is PowerState.PAUSED


def test_what_has_gone_but_was_not_handed_over_is_handed_over_by_a_repeat(
    fakes: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The end of a process."""

    def killed(*_: object) -> str:
        raise Killed

    ready = fakes.prepared()
    with monkeypatch.context() as patch:
        patch.setattr(Exchange, "hand_over", killed)
        with pytest.raises(Killed):
            fakes.source.live_migrate(guest_spec(), ready, unheard)
    assert fakes.where() == ([], [])
    fakes.source.live_migrate(guest_spec(), ready, unheard)
    assert fakes.target.live_finish(guest_spec()) is PowerState.RUNNING
    fakes.source.live_leave(guest_spec(), ready.shared)
    assert fakes.where() == ([], [GUEST])
