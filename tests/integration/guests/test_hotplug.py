"""Interfaces come to guests that run, and leave them, by what the libvirt driver does."""

from __future__ import annotations

import pytest

from proving.hosts.compute import ComputeHost
from proving.hosts.needs import SOURCE
from proving.lab.layers import VENV
from tests.integration.guests.conftest import Boot
from tests.integration.guests.owner import Owner

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
PORT, MAC = "5a5a5a5a-0000-4000-8000-000000000001", "fa:16:3e:5a:5a:01"


def plug(host: ComputeHost, verb: str, server: str) -> None:
    program = (
        f"PYTHONDONTWRITEBYTECODE=1 exec {VENV}/bin/python -m proving.hosts.nic {verb} {server} {PORT} {MAC}"
    )
    host.host.run("sh", "-c", f"cd {SOURCE} && {program}")


def macs(host: ComputeHost, server: str, *which: str) -> list[str]:
    """Return the interfaces of a guest as it runs, or with `--inactive` as it is defined."""
    words = host.host.run("virsh", "domiflist", server, *which).split()
    return sorted(word for word in words if word.startswith("fa:16:3e"))


def test_an_interface_comes_to_a_guest_and_leaves_it(owner: Owner, boot: Boot) -> None:
    server = boot("november")
    owner.told(server, "ready")
    host = owner.host(server)
    first = macs(host, server)
    for _ in range(2):
        plug(host, "attach", server)
    assert owner.told(server, rf"link eth1 {MAC}")
    assert MAC in owner.ssh(server, "ip link show eth1")
    assert macs(host, server) == macs(host, server, "--inactive") == sorted([*first, MAC])
    for _ in range(2):
        plug(host, "detach", server)
    owner.told(server, "gone eth1")
    assert macs(host, server) == macs(host, server, "--inactive") == first
    assert "eth1" not in owner.ssh(server, "ls /sys/class/net")


def test_an_interface_comes_to_the_definition_of_a_guest_that_is_off(owner: Owner, boot: Boot) -> None:
    server = boot("oscar")
    host = owner.host(server)
    owner.act(server, "os-stop", None, "SHUTOFF")
    plug(host, "attach", server)
    assert MAC in macs(host, server, "--inactive")
    plug(host, "detach", server)
    assert MAC not in macs(host, server, "--inactive")
