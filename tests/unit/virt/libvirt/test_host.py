"""What a host is and what it gives: traits, capabilities, ports, other hosts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from compute_service.domain.errors import HostRejected, Invalid
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt import traits
from compute_service.virt.libvirt.carrier import RemoteShell
from compute_service.virt.libvirt.serial_ports import free_ports
from compute_service.virt.libvirt.stats import stats_of
from tests.unit.virt.libvirt.parts import Bench


def test_every_trait_is_a_standard_one(tmp_path: Path) -> None:
    os_traits = pytest.importorskip("os_traits")
    standard = set(os_traits.get_traits())
    bench = Bench(tmp_path)
    assert set(traits.traits_of(bench.parts)) <= standard
    assert {
        f"HW_CPU_X86_{name}" for name in (*traits.X86_FEATURES.values(), *traits.ALSO.values())
    } <= standard
    assert {f"COMPUTE_ARCH_{name}" for name in traits.ARCHITECTURES.values()} <= standard


def test_a_host_tells_its_processor_and_devices(tmp_path: Path) -> None:
    found = set(traits.traits_of(Bench(tmp_path).parts))
    assert found >= {"HW_CPU_X86_AVX2", "COMPUTE_STORAGE_BUS_VIRTIO", "COMPUTE_IMAGE_TYPE_QCOW2"}
    assert "COMPUTE_SECURITY_TPM_2_0" not in found


def test_capabilities_are_asked_for_once_an_hour(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    asked: list[str] = []
    real = bench.connection.domain_capabilities

    def counted(*words: str) -> str:
        asked.append(words[0])
        return real(*words)

    bench.connection.domain_capabilities = counted  # type: ignore[method-assign, assignment]
    for _ in range(3):
        bench.driver.facts()
    assert asked == ["kvm"]
    bench.clock.advance(4000)
    bench.driver.facts()
    assert asked == ["kvm"] * 2


def test_a_host_that_cannot_run_such_guests_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def refuse(*words: str) -> str:
        raise HostRejected("KVM is not supported")

    bench.connection.domain_capabilities = refuse  # type: ignore[method-assign]
    with pytest.raises(HostRejected, match="does not run guests of kvm x86_64: KVM is not supported"):
        bench.driver.facts()


def test_what_disks_were_promised_is_not_available_any_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    before = bench.driver.facts().disk_available_least
    bench.spawn()
    after = bench.driver.facts().disk_available_least
    assert before is not None
    assert after is not None
    assert before - after in {3, 4, 5}


def test_serial_ports_are_those_that_no_guest_has() -> None:
    assert free_ports("10000:10003", 2, {10000, 10002}) == (10001, 10003)
    with pytest.raises(HostRejected, match="no port left"):
        free_ports("10000:10003", 3, {10000, 10002})


@pytest.mark.parametrize("span", ["", "1", "2:1", "a:b", "1:65536", "0:5"])
def test_a_range_of_ports_that_is_none_is_refused(span: str) -> None:
    with pytest.raises(Invalid, match="port_range"):
        free_ports(span, 1, ())


class Shell:
    """Remembers what is run."""

    def __init__(self, says: str = "") -> None:
        self.ran: list[tuple[str, ...]] = []
        self._says = says

    def run(self, argv: Sequence[str], timeout: float, limited: bool = False) -> str:
        self.ran.append(tuple(argv))
        return self._says


def test_files_go_to_another_host_by_ssh() -> None:
    shell = Shell()
    RemoteShell(shell, "ssh").send(Path("/i/disk"), "192.0.2.7", Path("/j/disk"))
    assert shell.ran == [("scp", "-q", "-o", "BatchMode=yes", "--", "/i/disk", "192.0.2.7:/j/disk")]


def test_files_go_to_another_host_by_rsync_without_their_holes() -> None:
    shell = Shell()
    RemoteShell(shell, "rsync").send(Path("/i/disk"), "2001:db8::7", Path("/j/disk"))
    assert shell.ran[0][:2] == ("rsync", "--sparse")
    assert shell.ran[0][-2:] == ("/i/disk", "[2001:db8::7]:/j/disk")


@pytest.mark.parametrize(("says", "seen"), [("yes\n", True), ("no\n", False)])
def test_hosts_that_share_a_directory_are_found_out(says: str, seen: bool) -> None:
    shell = Shell(says)
    assert RemoteShell(shell, "ssh").sees("192.0.2.7", Path("/i/a b")) is seen
    assert "'/i/a b'" in shell.ran[0][-1]


def test_counters_come_out_of_libvirts_list() -> None:
    found = stats_of(
        PowerState.RUNNING,
        {
            "vcpu.current": 2,
            "vcpu.0.time": 5,
            "vcpu.1.time": 7,
            "balloon.maximum": 1000,
            "balloon.available": 900,
            "balloon.unused": 300,
            "block.count": 1,
            "block.0.name": "vda",
            "block.0.rd.bytes": 11,
            "net.count": 1,
            "net.0.name": "tap0",
            "net.0.rx.bytes": 13,
            "net.0.tx.drop": 2,
        },
    )
    assert (found.cpu_times_ns, found.memory_kib, found.memory_used_kib) == ((5, 7), 1000, 600)
    assert (found.disks[0].name, found.disks[0].read_bytes, found.disks[0].errors_count) == ("vda", 11, None)
    assert (found.nics[0].rx_octets, found.nics[0].tx_drop) == (13, 2)
