"""Gives a host's guest one more interface, or takes it away, by the driver alone and beside nova-compute.

    python -m proving.hosts.nic attach|detach SERVER PORT MAC

The interface is on the network of the guest's first one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from compute_service.clients.clock import SystemClock
from compute_service.clients.fake.images import FakeImages
from compute_service.config.load import load
from compute_service.domain.flavor import Flavor
from compute_service.domain.guest import GuestSpec
from compute_service.virt.libvirt import vifs
from compute_service.virt.libvirt.build import libvirt_driver
from compute_service.virt.libvirt.directory import GuestDirectory

CONF = "/etc/nova/nova.conf"


def main(words: Sequence[str]) -> int:
    """Do it; returns the exit code."""
    verb, server, port, mac = words
    settings = load(files=[CONF])
    clock = SystemClock()
    driver = libvirt_driver(settings, FakeImages(clock), clock)
    plugged = vifs.read(GuestDirectory(Path(settings.default.instances_path), server).ports)
    if plugged is None or not plugged.vifs:
        print(f"guest {server} has no interface here", file=sys.stderr)
        return 1
    vif = plugged.vifs[0].replace(port_id=port, mac=mac, fixed_ips=())
    others = tuple(one for one in plugged.vifs if one.port_id != port)
    spec = GuestSpec(
        uuid=server,
        name=plugged.name,
        display_name="",
        hostname="",
        project_id="",
        user_id="",
        flavor=Flavor(flavorid="", name="", vcpus=1, memory_mb=128, root_gb=0),
        vifs=(*others, vif),
    )
    {"attach": driver.attach_nic, "detach": driver.detach_nic}[verb](spec, vif)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
