from __future__ import annotations

import json
from pathlib import Path

import pytest

from compute_service.domain.errors import (
    BuildAborted,
    Conflict,
    HostRejected,
    Invalid,
    NotFound,
    NotReady,
    NotSupported,
)
from compute_service.domain.image import Image
from compute_service.domain.states import PowerState
from compute_service.domain.vif import Vif
from compute_service.virt.libvirt import guest_agent
from compute_service.virt.libvirt.domains import ConnectionLost
from compute_service.virt.libvirt.xml.domain import Domain
from tests.contract.hypervisor.conftest import DATA, FLAVOR, GUEST, IMAGE, guest_spec
from tests.fakes.programs import qcow2, read_disk
from tests.unit.virt.libvirt.parts import Bench

GIB = 1 << 30
VIF = Vif(port_id="port-1", network_id="n", network_label="net", mac="fa:16:3e:00:00:01", vif_type="bridge")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def defined(bench: Bench) -> Domain:
    return Domain.parse(bench.connection.xml(GUEST, lasting=True))


def test_a_guest_gets_its_disks_in_the_sizes_of_its_flavor(bench: Bench) -> None:
    bench.spawn(config_drive=True)
    sizes = {path.name: read_disk(path)[0] for path in bench.directory.path.glob("disk*")}
    assert (sizes["disk"], sizes["disk.eph0"], sizes["disk.swap"]) == (GIB, 2 * GIB, GIB // 2)
    assert [disk.file for disk in defined(bench).disks] == [
        str(bench.directory.path / name) for name in ("disk", "disk.eph0", "disk.swap", "disk.config")
    ]
    assert {word for words in bench.programs.ran for word in words} >= {"mkfs.ext4", "mkswap", "ephemeral0"}


def test_a_root_disk_lies_on_the_cached_image_and_shows_it(bench: Bench) -> None:
    bench.spawn()
    assert read_disk(bench.directory.path / "disk") == (GIB, DATA)
    assert bench.parts.disks.bases() == {f"{IMAGE.id}.raw"}


def test_an_image_that_is_larger_than_the_flavors_disk_is_given_up(bench: Bench) -> None:
    data = qcow2(2 * GIB)
    large = bench.images.add(Image(id="large", name="large", size=len(data), disk_format="qcow2"), data)
    with pytest.raises(BuildAborted, match="needs a disk of 2 GB, but the flavor's has 1"):
        bench.spawn(image=large)
    assert bench.driver.guests() == []


def test_kernel_and_ramdisk_come_from_images_of_their_own(bench: Bench) -> None:
    for name in ("aki", "ari"):
        bench.images.add(Image(id=name, name=name, size=3, disk_format=name), name.encode())
    bench.spawn(kernel_id="aki", ramdisk_id="ari")
    os = defined(bench).os
    assert (Path(os.kernel or "").read_bytes(), Path(os.initrd or "").read_bytes()) == (b"aki", b"ari")
    assert os.boots == ()
    bench.driver.destroy(GUEST, disks=True)
    with pytest.raises(BuildAborted, match="absent"):
        bench.spawn(kernel_id="absent")


def test_a_guest_that_moves_has_as_long_to_shut_down_as_its_image_says(bench: Bench) -> None:
    bench.spawn()
    bench.connection.deaf.add(GUEST)
    began = bench.clock.time()
    image = IMAGE.replace(properties={"os_shutdown_timeout": "200"})
    bench.driver.migrate_out(guest_spec().replace(image=image), "cmp1", None)
    assert 200 <= bench.clock.time() - began < 202


def test_an_iso_is_booted_from_a_drive(bench: Bench) -> None:
    data = b"\0" * 0x8001 + b"CD001"
    iso = bench.images.add(Image(id="iso", name="iso", size=len(data), disk_format="iso"), data)
    bench.spawn(image=iso)
    root = defined(bench).disks[0]
    assert (root.device, root.format, root.readonly) == ("cdrom", "raw", True)


def test_a_guest_that_does_not_shut_down_is_cut_after_its_time(bench: Bench) -> None:
    bench.spawn()
    bench.connection.deaf.add(GUEST)
    began = bench.clock.time()
    assert bench.driver.power_off(GUEST, 35) is PowerState.SHUTDOWN
    assert 35 <= bench.clock.time() - began < 37
    assert bench.connection.calls.count("shutdown") == 4
    assert bench.connection.calls[-1] == "cut"


def test_a_guest_that_does_not_reboot_is_reset(bench: Bench) -> None:
    bench.spawn()
    bench.connection.deaf.add(GUEST)
    assert bench.driver.reboot(guest_spec(), hard=False) is PowerState.RUNNING
    assert bench.connection.calls[-3:] == ["cut", "define", "start"]


def test_interfaces_are_plugged_before_the_start_and_unplugged_at_the_end(bench: Bench) -> None:
    bench.spawn(vifs=(VIF,))
    assert bench.plugger.plugged == {"port-1": VIF}
    bench.driver.destroy(GUEST, disks=True)
    assert bench.plugger.plugged == {}


def test_an_interface_that_a_guest_has_no_more_is_unplugged_when_it_starts(bench: Bench) -> None:
    other = VIF.replace(port_id="port-2", mac="fa:16:3e:00:00:02")
    bench.spawn(vifs=(VIF,))
    bench.driver.reboot(guest_spec().replace(vifs=(other,)), hard=True)
    assert set(bench.plugger.plugged) == {"port-2"}


def test_interfaces_are_plugged_again_when_the_host_was_restarted(bench: Bench) -> None:
    bench.spawn(vifs=(VIF,))
    bench.driver.power_off(GUEST, 0)
    bench.plugger.plugged.clear()
    bench.driver.revive(GUEST)
    assert set(bench.plugger.plugged) == {"port-1"}


def test_a_port_that_the_host_cannot_plug_is_rejected(bench: Bench) -> None:
    with pytest.raises(HostRejected, match="binding_failed"):
        bench.spawn(vifs=(VIF.replace(vif_type="binding_failed"),))


def test_only_guests_of_ours_are_told(bench: Bench) -> None:
    bench.connection.define(
        "<domain type='kvm'><name>another's</name><uuid>99999999-9999-4999-8999-999999999999</uuid>"
        "<memory>1024</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>"
    )
    bench.spawn()
    assert [guest.uuid for guest in bench.driver.guests()] == [GUEST]
    assert bench.driver.facts().vcpus_used == FLAVOR.vcpus


def test_the_console_log_goes_on_from_the_one_that_was_moved_aside(bench: Bench) -> None:
    bench.spawn()
    log = bench.directory.console_log
    log.with_name("console.log.0").write_text("older\n")
    log.write_text("newer\n")
    assert bench.driver.console_log(GUEST, None) == "older\nnewer\n"
    log.write_bytes(b"x" * 300_000)
    assert len(bench.driver.console_log(GUEST, None)) == 102_400


def test_a_uuid_that_is_a_path_touches_nothing(bench: Bench) -> None:
    with pytest.raises(HostRejected, match="cannot have the UUID"):
        bench.driver.destroy("../../etc", disks=True)


def test_a_lost_connection_is_met_by_doing_the_verb_again(bench: Bench) -> None:
    bench.spawn()
    real, lost = bench.connection.cut, [ConnectionLost("gone")] * 2

    def cut(uuid: str) -> None:
        if lost:
            raise lost.pop()
        real(uuid)

    bench.connection.cut = cut  # type: ignore[method-assign]
    assert bench.driver.power_off(GUEST, 0) is PowerState.SHUTDOWN
    lost.extend([ConnectionLost("gone")] * 3)
    with pytest.raises(ConnectionLost):
        bench.driver.power_off(GUEST, 0)


def test_a_snapshot_that_fails_leaves_no_file(bench: Bench) -> None:
    bench.spawn()
    bench.connection.job_failure = lambda uuid: "No space left"  # type: ignore[method-assign]
    with pytest.raises(HostRejected, match="No space left"):
        bench.driver.snapshot(GUEST, None)
    assert list(Path(bench.parts.settings.libvirt.snapshots_directory).iterdir()) == []


def test_a_snapshot_of_which_libvirt_forgot_how_it_ended_is_made_again(bench: Bench) -> None:
    bench.spawn()
    asked: list[str] = []

    def job_failure(uuid: str) -> None:
        asked.append(uuid)
        if len(asked) == 1:
            raise ConnectionLost("forgotten")

    bench.connection.job_failure = job_failure  # type: ignore[method-assign]
    made = bench.connection.calls.count("backup")
    _, data = bench.driver.snapshot(GUEST, "qcow2")
    assert sum(map(len, data)) > 0
    assert bench.connection.calls.count("backup") == made + 2


def test_a_snapshot_that_is_not_read_to_its_end_leaves_no_file(bench: Bench) -> None:
    bench.spawn()
    _, data = bench.driver.snapshot(GUEST, "qcow2")
    next(data)
    data.close()  # type: ignore[attr-defined]
    assert list(Path(bench.parts.settings.libvirt.snapshots_directory).iterdir()) == []


def test_a_snapshot_in_a_format_that_libvirt_does_not_write_is_converted(bench: Bench) -> None:
    bench.spawn()
    disk_format, data = bench.driver.snapshot(GUEST, "vmdk")
    assert disk_format == "vmdk"
    assert b"".join(data).endswith(DATA)
    assert ("-O", "vmdk") in {
        words[5:7] for words in bench.programs.ran if words[:2] == ("qemu-img", "convert")
    }


def connected(bench: Bench, **properties: str) -> None:
    """Have the guest's agent listen."""
    image = IMAGE.replace(properties={"hw_qemu_guest_agent": "yes", **properties})
    bench.images.add(image, DATA)
    bench.spawn(image=image)
    text = bench.connection.xml(GUEST)
    name = 'name="org.qemu.guest_agent.0"'
    assert name in text
    bench.connection._guests[GUEST].running = text.replace(name, f'{name} state="connected"')


def test_file_systems_are_at_rest_when_a_snapshot_begins_and_no_longer(bench: Bench) -> None:
    connected(bench)
    bench.driver.snapshot(GUEST, None)
    words = [json.loads(text)["execute"] for text in bench.connection._guests[GUEST].agent]
    assert words == ["guest-fsfreeze-freeze", "guest-fsfreeze-thaw"]


def test_a_guest_whose_file_systems_do_not_rest_is_copied_all_the_same(bench: Bench) -> None:
    connected(bench)
    bench.connection.ask_agent = lambda *words: "{}"  # type: ignore[method-assign]
    with pytest.raises(HostRejected, match="did not answer guest-ping"):
        guest_agent.ask(bench.parts, GUEST, "guest-ping")
    assert bench.driver.snapshot(GUEST, "raw")[0] == "raw"


def test_what_is_off_cannot_be_suspended(bench: Bench) -> None:
    bench.spawn(power=PowerState.SHUTDOWN)
    with pytest.raises(Conflict, match="suspend"):
        bench.driver.suspend(GUEST)


def test_a_guest_without_a_screen_of_that_kind_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.spawn()
    with pytest.raises(Invalid, match="type rdp"):
        bench.driver.console(GUEST, "rdp")


def test_a_move_to_a_host_that_does_not_answer_keeps_what_was_set_aside(bench: Bench) -> None:
    bench.spawn()
    with pytest.raises(HostRejected, match="does not answer"):
        bench.driver.migrate_out(guest_spec(), "cmp9", "203.0.113.9")
    assert bench.driver.guests() == []
    assert bench.driver.migrate_back(guest_spec()) is PowerState.RUNNING


def test_a_host_that_sees_the_same_directory_takes_disks_from_there(bench: Bench) -> None:
    bench.spawn()
    assert bench.driver.migrate_out(guest_spec(), "elsewhere", "cmp1").location == "kept"


def test_a_move_of_no_guest_says_so(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.driver.migrate_out(guest_spec(), "cmp1", None)


def test_images_under_disks_stay_whatever_the_guests_say(bench: Bench) -> None:
    bench.spawn()
    bench.driver.migrate_out(guest_spec(), "cmp1", None)
    bench.clock.advance(200_000)
    assert bench.driver.image_cache_prune(frozenset()) == []
    bench.driver.migrate_settle(GUEST)
    bench.clock.advance(200_000)
    assert bench.driver.image_cache_prune(frozenset()) == [IMAGE.id]


def passwords(bench: Bench) -> dict[str, str]:
    return bench.connection._guests[GUEST].passwords


@pytest.mark.parametrize(
    ("properties", "user"),
    [({}, "root"), ({"os_type": "windows"}, "Administrator"), ({"os_admin_user": "chief"}, "chief")],
)
def test_the_agent_changes_the_administrators_password(
    bench: Bench, properties: dict[str, str], user: str
) -> None:
    connected(bench, **properties)
    bench.driver.set_password(GUEST, "secret")
    assert passwords(bench) == {user: "secret"}


def test_a_guest_without_an_agent_keeps_its_password(bench: Bench) -> None:
    bench.spawn()
    with pytest.raises(NotSupported, match="lacks hw_qemu_guest_agent"):
        bench.driver.set_password(GUEST, "secret")


def test_a_guest_whose_agent_does_not_listen_keeps_its_password(bench: Bench) -> None:
    bench.spawn(image=IMAGE.replace(properties={"hw_qemu_guest_agent": "yes"}))
    with pytest.raises(NotSupported, match="No agent answers"):
        bench.driver.set_password(GUEST, "secret")
    assert passwords(bench) == {}


def test_what_does_not_run_has_no_password_to_change_and_nothing_to_interrupt(bench: Bench) -> None:
    bench.spawn(power=PowerState.SHUTDOWN)
    with pytest.raises(NotReady):
        bench.driver.set_password(GUEST, "secret")
    with pytest.raises(NotReady):
        bench.driver.crash_dump(GUEST)


def test_a_guest_is_interrupted_once(bench: Bench) -> None:
    bench.spawn()
    bench.driver.crash_dump(GUEST)
    assert bench.connection._guests[GUEST].interrupts == 1
