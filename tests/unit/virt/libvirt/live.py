"""Two hosts over fakes between which a guest moves while it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from compute_service.domain.guest import GuestSpec, LiveReady
from compute_service.domain.vif import Vif
from compute_service.virt.libvirt.directory import GuestDirectory
from compute_service.virt.libvirt.driver import LibvirtDriver
from compute_service.virt.libvirt.parts import Parts
from tests.contract.hypervisor.conftest import GUEST, guest_spec, stored_images
from tests.fakes.clock import ManualClock
from tests.fakes.libvirt import FakeConnection, Journey
from tests.fakes.libvirt_host import (
    FakeCarrier,
    FakePlugger,
    host_settings,
    introduce,
    libvirt_parts,
    rebooted,
)
from tests.fakes.programs import FakePrograms

GIB, MIB = 1 << 30, 1 << 20
VIF = Vif(
    port_id="port-1",
    network_id="n",
    network_label="net",
    mac="fa:16:3e:00:00:01",
    vif_type="bridge",
    details={"bridge_name": "br-there"},
)
SPEC = guest_spec().replace(vifs=(VIF,), config_drive=True)


class Machine:
    """One host."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    @property
    def driver(self) -> LibvirtDriver:
        """The driver as a process that just began has it."""
        return LibvirtDriver(rebooted(self.parts))

    @property
    def libvirt(self) -> FakeConnection:
        return cast("FakeConnection", self.parts.connection)

    @property
    def plugged(self) -> list[str]:
        return sorted(cast("FakePlugger", self.parts.plugger).plugged)

    @property
    def programs(self) -> FakePrograms:
        return cast("FakePrograms", self.parts.runner)

    @property
    def directory(self) -> GuestDirectory:
        return self.parts.directory(GUEST)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.directory.path.glob("*"))


class Two:
    """A source with a guest, and a target."""

    def __init__(self, root: Path, images_type: str = "qcow2", **libvirt: Any) -> None:
        self.clock = ManualClock()
        self.images = stored_images(self.clock)
        self.carrier = FakeCarrier({name: root / name / "instances" for name in ("source", "target")})
        parts = {
            name: libvirt_parts(
                host_settings(name, root, images_type=images_type, **libvirt),
                self.images,
                self.clock,
                self.carrier,
            )
            for name in ("source", "target")
        }
        introduce(parts)
        self.source, self.target = (Machine(one) for one in parts.values())
        self.heard: list[dict[str, int]] = []
        self.source.driver.spawn(SPEC, lambda fraction: None)

    def share(self) -> None:
        """Have the target see the source's directory."""
        there = self.target.parts.instances
        there.rmdir() if there.exists() else there.parent.mkdir(parents=True, exist_ok=True)
        there.symlink_to(self.source.parts.instances)

    def prepared(self, block: bool | None = None, spec: GuestSpec = SPEC) -> LiveReady:
        return self.target.driver.live_prepare(spec, self.source.driver.live_offer(spec, block))

    def move(self, ready: LiveReady) -> None:
        self.source.driver.live_migrate(SPEC, ready, self.heard.append)

    def end(self, ready: LiveReady) -> None:
        self.target.driver.live_finish(SPEC)
        self.source.driver.live_leave(SPEC, ready.shared)

    def pace(self, *steps: Callable[[Journey], None]) -> list[Journey]:
        """Do things while the guest is on its way, each after the source has looked once more."""
        journeys: list[Journey] = []

        def go(journey: Journey) -> None:
            journeys.append(journey)
            for step in steps:
                step(journey)
                self.source.libvirt.await_looks()

        self.source.libvirt.pace = go
        return journeys


def after(seconds: float) -> Callable[[Journey], None]:
    def step(journey: Journey) -> None:
        journey.passage = journey.passage.replace(elapsed=seconds)

    return step


def whole(two: Two, block: bool | None = None) -> LiveReady:
    """Move the guest, and return what the target had answered."""
    ready = two.prepared(block)
    two.move(ready)
    two.end(ready)
    return ready
