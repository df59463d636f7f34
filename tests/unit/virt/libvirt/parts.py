"""One host with the libvirt driver over fakes, for tests of single concerns."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from compute_service.virt.libvirt.driver import LibvirtDriver
from compute_service.virt.libvirt.parts import Parts
from tests.contract.hypervisor.conftest import GUEST, guest_spec, stored_images
from tests.fakes.clock import ManualClock
from tests.fakes.libvirt import FakeConnection
from tests.fakes.libvirt_host import FakeCarrier, FakePlugger, host_settings, libvirt_parts
from tests.fakes.programs import FakePrograms


class Bench:
    """The host's driver and the fakes under it."""

    def __init__(self, root: Path, **libvirt: Any) -> None:
        self.clock = ManualClock()
        self.images = stored_images(self.clock)
        carrier = FakeCarrier({"cmp1": root / "cmp1" / "instances"})
        settings = host_settings("cmp1", root, **libvirt)
        self.parts: Parts = libvirt_parts(settings, self.images, self.clock, carrier)
        self.driver = LibvirtDriver(self.parts)
        self.directory = self.parts.directory(GUEST)

    @property
    def connection(self) -> FakeConnection:
        return cast("FakeConnection", self.parts.connection)

    @property
    def plugger(self) -> FakePlugger:
        return cast("FakePlugger", self.parts.plugger)

    @property
    def programs(self) -> FakePrograms:
        return cast("FakePrograms", self.parts.runner)

    def spawn(self, **changes: Any) -> None:
        self.driver.spawn(guest_spec().replace(**changes), lambda fraction: None)
