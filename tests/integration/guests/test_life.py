"""Real guests lead whole lives."""

from __future__ import annotations

import base64

import pytest

from proving.hosts.compute import ComputeHost
from proving.lab.command import Failed
from tests.functional.caller import wait_for
from tests.integration.guests.conftest import Boot
from tests.integration.guests.owner import SECONDS, Owner

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
USER_DATA = "#!/bin/sh\necho I am $(hostname)\n"


def left_on(host: ComputeHost, server: str) -> list[str]:
    """Return what a host has of a server: its guest, its files, its interfaces."""
    guests = [name for name in host.domains() if server in host.host.run("virsh", "domuuid", name)]
    files = host.host.run("find", "/var/lib/nova/instances", "-name", f"*{server}*").splitlines()
    return guests + files


def test_a_guest_learns_by_network_who_it_is_and_lets_its_owner_in(owner: Owner, boot: Boot) -> None:
    server = boot("alpha", user_data=base64.b64encode(USER_DATA.encode()).decode())
    ready = owner.told(server, r"ready name=(\S+) address=(\S+)")
    assert ready.groups() == ("alpha", owner.address(server))
    assert owner.told(server, r"metadata http (\S+)")[1] == server
    assert owner.told(server, r"data (.*)")[1] == "I am alpha"
    assert owner.ssh(server, "hostname") == "alpha\n"


def test_a_guest_reads_its_config_drive(owner: Owner, boot: Boot) -> None:
    server = boot("bravo", config_drive=True)
    assert owner.told(server, r"config-drive iso9660 (\S+)")[1] == server
    assert owner.told(server, r"ready name=(\S+)")[1] == "bravo"


def test_a_guest_is_switched_paused_and_suspended(owner: Owner, boot: Boot) -> None:
    server = boot("charlie")
    owner.told(server, "ready")
    owner.ssh(server, "echo kept >/state/mark; sync; echo memory >/run/mark")
    owner.act(server, "pause", None, "PAUSED")
    owner.act(server, "unpause", None, "ACTIVE")
    owner.act(server, "suspend", None, "SUSPENDED")
    owner.act(server, "resume", None, "ACTIVE")
    assert owner.ssh(server, "cat /run/mark") == "memory\n"
    owner.act(server, "os-stop", None, "SHUTOFF")
    owner.act(server, "os-start", None, "ACTIVE")
    assert owner.ssh(server, "cat /state/mark; cat /state/boots") == "kept\n2\n"
    owner.act(server, "reboot", {"type": "SOFT"}, "ACTIVE")
    assert owner.ssh(server, "cat /state/boots") == "3\n"
    owner.act(server, "reboot", {"type": "HARD"}, "ACTIVE")
    assert owner.ssh(server, "cat /state/boots") == "4\n"


def test_a_guest_moves_with_its_disk_when_it_is_resized_and_goes_back(owner: Owner, boot: Boot) -> None:
    server = boot("delta")
    first = owner.host(server)
    owner.ssh(server, "echo kept >/state/mark; sync")
    owner.act(server, "resize", {"flavorRef": owner.flavor("larger", ram=160, disk=1)}, "VERIFY_RESIZE")
    second = owner.host(server)
    assert second is not first
    assert owner.ssh(server, "cat /state/mark; cat /sys/block/vda/size") == f"kept\n{2**21}\n"
    owner.act(server, "revertResize", None, "ACTIVE")
    assert owner.host(server) is first
    assert owner.ssh(server, "cat /state/mark") == "kept\n"
    assert left_on(second, server) == []
    owner.act(server, "migrate", None, "VERIFY_RESIZE")
    owner.act(server, "confirmResize", None, "ACTIVE")
    assert owner.host(server) is second
    assert owner.ssh(server, "cat /state/mark") == "kept\n"
    wait_for(lambda: left_on(first, server) == [], SECONDS, lambda: str(left_on(first, server)))


def test_a_snapshot_boots_as_another_guest(owner: Owner, boot: Boot) -> None:
    server = boot("echo")
    owner.ssh(server, "echo kept >/state/mark; sync")
    reply = owner.caller.act(server, "createImage", {"name": "copy"})
    assert reply.status == 202
    owner.caller.settled(server, "ACTIVE", SECONDS)
    image = str(reply.body["image_id"])
    other = boot("foxtrot", imageRef=image)
    assert owner.told(other, r"ready name=(\S+)")[1] == "foxtrot"
    assert owner.ssh(other, "cat /state/mark") == "kept\n"


def test_a_guest_is_rebuilt_from_its_image(owner: Owner, boot: Boot) -> None:
    server = boot("golf")
    address = owner.address(server)
    owner.ssh(server, "echo kept >/state/mark; sync")
    image = owner.caller.server(server)["image"]["id"]
    owner.act(server, "rebuild", {"imageRef": image}, "ACTIVE")
    assert owner.address(server) == address
    assert owner.ssh(server, "cat /state/boots") == "1\n"


def test_a_deleted_guest_leaves_nothing(owner: Owner) -> None:
    server = owner.boot("hotel")
    host = owner.host(server)
    assert len(left_on(host, server)) >= 2
    taps = host.host.run("ip", "-brief", "link").count("tap")
    assert taps >= 1
    owner.delete(server)
    assert left_on(host, server) == []
    assert host.host.run("ip", "-brief", "link").count("tap") == taps - 1
    assert not [port for port in owner.cloud.site.network.ports.values() if port.device_id == server]


def test_guests_go_on_while_nova_compute_is_killed(owner: Owner, boot: Boot) -> None:
    server = boot("india")
    owner.told(server, "ready")
    host = owner.host(server)
    before = owner.ssh(server, "cat /proc/sys/kernel/random/boot_id")
    host.kill()
    with pytest.raises(Failed):
        host.host.run("systemctl", "is-active", "nova-compute")
    assert owner.ssh(server, "cat /proc/sys/kernel/random/boot_id") == before
    host.host.run("systemctl", "reset-failed", "nova-compute")
    host.start()
    owner.act(server, "pause", None, "PAUSED")
    owner.act(server, "unpause", None, "ACTIVE")
    assert owner.ssh(server, "cat /proc/sys/kernel/random/boot_id") == before
