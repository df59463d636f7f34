"""What every connection does: the fake one, and a real one over the driver that libvirt has for tests.

With STRATUS_LIBVIRT_URI (and STRATUS_LIBVIRT_TYPE, such as qemu) it runs over that libvirt too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from compute_service.domain.errors import ComputeError, Conflict, HostRejected, NotFound, Unavailable
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt.capabilities import read_host
from compute_service.virt.libvirt.domains import Connection
from compute_service.virt.libvirt.xml.domain import Domain
from tests.fakes.clock import ManualClock
from tests.fakes.libvirt import FakeConnection

UUID = "33333333-3333-4333-8333-333333333333"
ABSENT = "44444444-4444-4444-8444-444444444444"
NAME = "stratus-contract"
REAL = os.environ.get("STRATUS_LIBVIRT_URI")
KINDS = ["fake", "test", *(["real"] if REAL else [])]


def document(kind: str, name: str = NAME, memory: int = 65536) -> str:
    virt_type = {"fake": "kvm", "test": "test"}.get(kind) or os.environ.get("STRATUS_LIBVIRT_TYPE", "qemu")
    machine = "" if kind == "test" else " machine='pc'"
    return (
        f"<domain type='{virt_type}'><name>{name}</name><uuid>{UUID}</uuid><memory>{memory}</memory>"
        f"<vcpu>1</vcpu><os><type arch='x86_64'{machine}>hvm</type></os></domain>"
    )


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def connection(kind: str) -> Iterator[Connection]:
    if kind == "fake":
        yield FakeConnection(ManualClock())
        return
    pytest.importorskip("libvirt")
    from compute_service.virt.libvirt.connection import LibvirtConnection

    made = LibvirtConnection("test:///default" if kind == "test" else str(REAL))
    yield made
    for state in made.domains():
        if state.uuid == UUID:
            made.cut(UUID)
            made.undefine(UUID, state=True)
    made.close()


@pytest.fixture
def guest(connection: Connection, kind: str) -> str:
    connection.define(document(kind))
    return UUID


@pytest.fixture
def refusal(kind: str) -> type[ComputeError]:
    """What a verb raises that is not for the guest's state: libvirt's driver for tests tells no reason."""
    return HostRejected if kind == "test" else Conflict


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def power(connection: Connection) -> PowerState:
    return connection.domain(UUID).power


def test_the_host_tells_what_it_is(connection: Connection) -> None:
    node = connection.node()
    assert node.hostname
    assert node.cpus > 0
    assert node.memory_mb > 0
    assert read_host(connection.capabilities()).guests


def test_a_defined_guest_is_listed_and_off(connection: Connection, guest: str) -> None:
    assert [state.name for state in connection.domains() if state.uuid == guest] == [NAME]
    assert power(connection) is PowerState.SHUTDOWN
    assert Domain.parse(connection.xml(guest)).uuid == guest


def test_a_guest_starts_and_is_cut_and_may_be_cut_again(connection: Connection, guest: str) -> None:
    connection.start(guest)
    assert power(connection) is PowerState.RUNNING
    for _ in range(2):
        connection.cut(guest)
        assert power(connection) is PowerState.SHUTDOWN


def test_a_running_guest_cannot_be_started(
    connection: Connection, guest: str, refusal: type[ComputeError]
) -> None:
    connection.start(guest)
    with pytest.raises(refusal):
        connection.start(guest)


def test_a_guest_is_frozen_and_goes_on(connection: Connection, guest: str) -> None:
    connection.start(guest)
    connection.pause(guest)
    assert power(connection) is PowerState.PAUSED
    connection.unpause(guest)
    assert power(connection) is PowerState.RUNNING


@pytest.mark.parametrize("verb", ["pause", "shutdown"])
def test_a_guest_that_is_off_refuses(
    connection: Connection, guest: str, verb: str, refusal: type[ComputeError]
) -> None:
    with pytest.raises(refusal):
        getattr(connection, verb)(guest)


def test_saved_memory_is_known_and_used_at_the_start(connection: Connection, guest: str) -> None:
    connection.start(guest)
    connection.save(guest)
    assert power(connection) is PowerState.SHUTDOWN
    assert connection.is_saved(guest)
    connection.start(guest)
    assert not connection.is_saved(guest)


def test_a_guest_that_is_off_has_no_memory_to_save(connection: Connection, guest: str) -> None:
    with pytest.raises(Conflict):
        connection.save(guest)


def test_saved_memory_can_be_forgotten_again_and_again(connection: Connection, guest: str) -> None:
    connection.start(guest)
    connection.save(guest)
    for _ in range(2):
        connection.forget_saved(guest)
        assert not connection.is_saved(guest)


def test_a_guest_with_saved_memory_is_forgotten_whole(connection: Connection, guest: str) -> None:
    connection.start(guest)
    connection.save(guest)
    for _ in range(2):
        connection.undefine(guest, state=True)
    assert guest not in [state.uuid for state in connection.domains()]


def test_defining_again_counts_from_the_next_start(connection: Connection, guest: str, kind: str) -> None:
    connection.start(guest)
    connection.define(document(kind, memory=131072))
    assert Domain.parse(connection.xml(guest)).memory == 65536
    assert Domain.parse(connection.xml(guest, lasting=True)).memory == 131072
    connection.cut(guest)
    connection.start(guest)
    assert Domain.parse(connection.xml(guest)).memory == 131072


@pytest.mark.parametrize(
    "verb", ["domain", "xml", "start", "cut", "shutdown", "pause", "save", "is_saved", "job"]
)
def test_a_guest_that_is_not_there_is_not_found(connection: Connection, verb: str) -> None:
    if verb == "job" and isinstance(connection, FakeConnection):
        pytest.skip("the fake has no jobs")
    with pytest.raises(NotFound):
        getattr(connection, verb)(ABSENT)


NIC = (
    "<interface type='ethernet'><mac address='52:54:00:00:00:0{n}'/><target dev='tapcontract{n}'/>"
    "<model type='virtio'/></interface>"
)


def nics(connection: Connection, lasting: bool) -> list[str]:
    return [nic.mac[-1] for nic in Domain.parse(connection.xml(UUID, lasting)).interfaces]


def test_a_device_comes_and_goes_in_the_definition_alone(
    connection: Connection, guest: str, kind: str
) -> None:
    if kind == "test":
        pytest.skip("libvirt's driver for tests plugs nothing")
    for n in (1, 2):
        connection.attach(guest, NIC.format(n=n), lasting=True)
    connection.start(guest)
    assert nics(connection, lasting=False) == ["1", "2"]
    connection.detach(guest, NIC.format(n=1), lasting=True)
    assert nics(connection, lasting=False) == ["1", "2"]
    assert nics(connection, lasting=True) == ["2"]


def test_a_device_comes_to_the_guest_that_runs_alone(connection: Connection, guest: str, kind: str) -> None:
    if kind == "test":
        pytest.skip("libvirt's driver for tests plugs nothing")
    with pytest.raises(Conflict):
        connection.attach(guest, NIC.format(n=1), lasting=False)
    connection.start(guest)
    connection.attach(guest, NIC.format(n=1), lasting=False)
    assert nics(connection, lasting=False) == ["1"]
    assert nics(connection, lasting=True) == []


def test_a_guest_that_is_off_has_no_password_and_no_interrupts(
    connection: Connection, guest: str, kind: str
) -> None:
    if kind == "test":
        pytest.skip("libvirt's driver for tests has neither")
    with pytest.raises(Conflict):
        connection.set_password(guest, "root", "secret")
    with pytest.raises(Conflict):
        connection.interrupt(guest)


def test_changes_are_told(connection: Connection, guest: str) -> None:
    seen: list[str] = []
    connection.watch(seen.append)
    connection.start(guest)
    connection.cut(guest)
    assert wait_for(lambda: seen.count(guest) >= 2)


def test_a_document_that_makes_no_sense_is_refused(connection: Connection) -> None:
    if isinstance(connection, FakeConnection):
        pytest.skip("the fake takes what assembly makes")
    with pytest.raises(HostRejected, match="refused"):
        connection.define("<domain type='test'/>")


def test_a_watcher_that_fails_does_not_keep_others_from_it(connection: Connection, guest: str) -> None:
    if isinstance(connection, FakeConnection):
        pytest.skip("the fake calls its watchers in the caller's thread")
    seen: list[str] = []

    def fails(uuid: str) -> None:
        raise RuntimeError(uuid)

    connection.watch(fails)
    connection.watch(seen.append)
    connection.start(guest)
    assert wait_for(lambda: guest in seen)


def test_a_libvirt_that_is_not_there_is_unavailable() -> None:
    pytest.importorskip("libvirt")
    from compute_service.virt.libvirt.connection import LibvirtConnection

    nobody = LibvirtConnection("qemu:///system?socket=/nonexistent/libvirt-sock")
    with pytest.raises(ComputeError) as caught:
        nobody.node()
    assert isinstance(caught.value, Unavailable)
