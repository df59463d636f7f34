"""Guests are booted from another disk, mended, and booted from their own again."""

from __future__ import annotations

import uuid
from typing import cast

import pytest

from proving.guest import guest_image
from proving.hosts.cloud import IMAGE
from proving.infrastructure.glance import Glance
from tests.integration.guests.conftest import Boot
from tests.integration.guests.owner import SECONDS, Owner

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
OWN, RESCUE = 1024, r"2\d"
"""The sizes of a guest's own disk and of the image's, in MiB."""


def rescue(owner: Owner, server: str, image: str) -> int:
    """Rescue a server; return how many lines its console had before."""
    before = len(owner.console(server))
    reply = owner.caller.act(server, "rescue", {"rescue_image_ref": image})
    assert reply.status == 200, reply
    owner.caller.settled(server, "RESCUE", SECONDS)
    return before


def files(owner: Owner, server: str) -> list[str]:
    return sorted(owner.host(server).host.run("ls", f"/var/lib/nova/instances/{server}").split())


def test_a_guest_is_mended_from_another_disk(owner: Owner, boot: Boot) -> None:
    server = boot("papa", flavorRef=owner.flavor("roomy", disk=1), config_drive=True)
    owner.ssh(server, "echo broken >/state/mark; sync")
    before = files(owner, server)
    lines = rescue(owner, server, IMAGE)
    assert owner.told(server, rf"disk vda {RESCUE}$", after=lines)
    assert owner.told(server, rf"disk vdb {OWN}$", after=lines)
    assert owner.told(server, r"config-drive iso9660 (\S+)", after=lines)[1] == server
    mend = "mkdir /run/own; mount /dev/vdb2 /run/own; sed -i s/broken/mended/ /run/own/mark; umount /run/own"
    owner.ssh(server, mend)
    lines = len(owner.console(server))
    owner.act(server, "unrescue", None, "ACTIVE")
    assert owner.told(server, rf"disk vda {OWN}$", after=lines)
    assert owner.ssh(server, "cat /state/mark; ls /sys/block | grep -c vd") == "mended\n1\n"
    assert files(owner, server) == before


def test_a_guests_own_disk_keeps_its_place_where_the_image_says_so(owner: Owner, boot: Boot) -> None:
    image = {"id": str(uuid.uuid4()), "name": "tools", "hw_rescue_device": "disk", "hw_rescue_bus": "virtio"}
    told = image | {"disk_format": "qcow2", "container_format": "bare", "visibility": "public"}
    site = owner.cloud.site
    cast("Glance", site.infrastructure["glance"]).add_image(site.token(), told, guest_image().read_bytes())
    server = boot("quebec", flavorRef=owner.flavor("roomy", disk=1))
    lines = rescue(owner, server, image["id"])
    assert owner.told(server, rf"disk vda {OWN}$", after=lines)
    assert owner.told(server, rf"disk vdb {RESCUE}$", after=lines)
    owner.told(server, "ready", after=lines)
    lines = len(owner.console(server))
    owner.act(server, "unrescue", None, "ACTIVE")
    owner.told(server, "ready", after=lines)
    assert owner.ssh(server, "ls /sys/block | grep vd") == "vda\n"
