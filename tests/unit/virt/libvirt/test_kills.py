"""A host's process killed before and after each change that a verb makes: the verb's repetition ends as the
verb would have, and a guest that is given up instead leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compute_service.domain.guest import DisksMoved
from compute_service.domain.states import PowerState
from compute_service.domain.vif import Vif
from compute_service.virt.libvirt.driver import LibvirtDriver
from tests.contract.hypervisor.conftest import BIGGER, GUEST, IMAGE, guest_spec, stored_images
from tests.fakes.clock import ManualClock
from tests.fakes.libvirt_host import FakeCarrier, host_settings, libvirt_parts, rebooted

VIFS = tuple(
    Vif(port_id=f"port-{n}", network_id="n", network_label="net", mac=f"fa:16:3e:00:00:0{n}", vif_type=kind)
    for n, kind in enumerate(("bridge", "ovs"))
)
SPEC = guest_spec().replace(vifs=VIFS, config_drive=True)
LARGE = SPEC.replace(flavor=BIGGER)
MOST_STEPS = 100


class Killed(BaseException):
    """The process ends here."""


class Fuse:
    """Kills at the n-th step, once; counts steps."""

    def __init__(self) -> None:
        self.count = 0
        self.at: int | None = None

    def __call__(self, what: str) -> None:
        self.count += 1
        if self.count == self.at:
            self.at = None
            raise Killed(what)

    def light(self, at: int | None) -> None:
        self.count, self.at = 0, at


class World:
    """Two hosts on one machine; `driver` is that of the first, as a process that just began has it."""

    def __init__(self, root: Path, images_type: str = "qcow2") -> None:
        clock = ManualClock()
        self.fuse = Fuse()
        images = stored_images(clock)
        self.roots = {name: root / name / "instances" for name in ("source", "target")}
        carrier = FakeCarrier(self.roots, self.fuse)
        self.parts = {
            name: libvirt_parts(
                host_settings(name, root, images_type=images_type), images, clock, carrier, self.fuse
            )
            for name in self.roots
        }

    def driver(self, host: str = "source") -> LibvirtDriver:
        return LibvirtDriver(rebooted(self.parts[host]))

    def seen(self) -> dict[str, Any]:
        """Return all that there is, but for what consoles said and images in caches."""
        found: dict[str, Any] = {}
        for name, parts in self.parts.items():
            connection: Any = parts.connection
            plugger: Any = parts.plugger
            found[f"{name} guests"] = [
                (
                    state.uuid,
                    state.power,
                    parts.connection.is_saved(state.uuid),
                    parts.connection.xml(state.uuid),
                )
                for state in connection.domains()
            ]
            found[f"{name} ports"] = sorted(plugger.plugged)
            found[f"{name} files"] = self.files(name)
            runner: Any = parts.runner
            found[f"{name} volumes"] = runner.volumes()
        return found

    def files(self, host: str) -> list[str]:
        root = self.roots[host]
        return sorted(
            str(path.relative_to(root))
            for path in root.rglob("*")
            if "_base" not in path.parts and path.name not in {"console.log", "snapshots"}
        )


Verb = Callable[[World], object]


def spawn(world: World) -> object:
    return world.driver().spawn(SPEC, lambda fraction: None)


def moved_out(target: str) -> Verb:
    return lambda world: world.driver().migrate_out(SPEC, target, None)


def settle(world: World) -> None:
    world.driver().migrate_settle(GUEST)


def move_in(host: str, location: str) -> Verb:
    moved = DisksMoved(uuid=GUEST, location=location)
    return lambda world: world.driver(host).migrate_in(LARGE, moved, resize=True)


def drop_twin(world: World) -> None:
    world.driver().destroy(GUEST, disks=True)


def suspend(world: World) -> PowerState:
    return world.driver().suspend(GUEST)


def drained(world: World) -> int:
    _, data = world.driver().snapshot(GUEST, "qcow2")
    return sum(map(len, data))


NIC = VIFS[0].replace(port_id="port-9", mac="fa:16:3e:00:00:09")
MORE = SPEC.replace(vifs=(*VIFS, NIC))


def attach(world: World) -> None:
    world.driver().attach_nic(MORE, NIC)


def detach(world: World) -> None:
    world.driver().detach_nic(MORE, NIC)


def off(world: World) -> PowerState:
    return world.driver().power_off(GUEST, 0)


def rescued(world: World) -> PowerState:
    return world.driver().rescue(SPEC, IMAGE, lambda fraction: None)


def unrescued(world: World) -> PowerState:
    return world.driver().unrescue(SPEC)


HERE = (spawn, moved_out("source"), move_in("source", "kept"))
CASES: dict[str, tuple[tuple[Verb, ...], Verb]] = {
    "spawn": ((), spawn),
    "spawn again after destroy": (
        (spawn, lambda w: w.driver().destroy(GUEST, disks=False)),
        spawn,
    ),
    "rebuild": ((spawn,), lambda w: w.driver().rebuild(SPEC, False, lambda fraction: None)),
    "rebuild, disks kept": ((spawn,), lambda w: w.driver().rebuild(SPEC, True, lambda fraction: None)),
    "power off": ((spawn,), lambda w: w.driver().power_off(GUEST, 30)),
    "power on": ((spawn, lambda w: w.driver().power_off(GUEST, 0)), lambda w: w.driver().power_on(SPEC)),
    "hard reboot": ((spawn,), lambda w: w.driver().reboot(SPEC, hard=True)),
    "soft reboot": ((spawn,), lambda w: w.driver().reboot(SPEC, hard=False)),
    "pause": ((spawn,), lambda w: w.driver().pause(GUEST)),
    "unpause": ((spawn, lambda w: w.driver().pause(GUEST)), lambda w: w.driver().unpause(GUEST)),
    "suspend": ((spawn,), suspend),
    "resume": ((spawn, suspend), lambda w: w.driver().resume(SPEC)),
    "snapshot": ((spawn,), drained),
    "snapshot of one that is off": ((spawn, lambda w: w.driver().power_off(GUEST, 0)), drained),
    "revive": ((spawn, lambda w: w.driver().power_off(GUEST, 0)), lambda w: w.driver().revive(GUEST)),
    "migrate out": ((spawn,), moved_out("target")),
    "migrate out to itself": ((spawn,), moved_out("source")),
    "migrate in": ((spawn, moved_out("target")), move_in("target", "incoming")),
    "resize here": ((spawn, moved_out("source")), move_in("source", "kept")),
    "migrate back": ((spawn, moved_out("target")), lambda w: w.driver().migrate_back(SPEC)),
    "resize back": ((*HERE, drop_twin), lambda w: w.driver().migrate_back(SPEC)),
    "settle": (HERE, settle),
    "attach": ((spawn,), attach),
    "attach to one that is off": ((spawn, off), attach),
    "detach": ((spawn, attach), detach),
    "detach from one that is off": ((spawn, attach, off), detach),
    "rescue": ((spawn,), rescued),
    "rescue of one that is off": ((spawn, off), rescued),
    "unrescue": ((spawn, rescued), unrescued),
}


def led(root: Path, before: tuple[Verb, ...], images_type: str) -> World:
    world = World(root, images_type)
    for verb in before:
        verb(world)
    return world


RAW = ("spawn", "rebuild", "migrate out", "migrate in", "resize here", "snapshot", "rescue", "unrescue")
"""The cases in which raw disks go other ways than qcow2 ones."""
VOLUMES = (
    *("spawn", "spawn again after destroy", "rebuild", "snapshot of one that is off"),
    *("rescue", "unrescue"),
)
"""The cases of disks that are no files."""


@pytest.mark.parametrize(
    ("name", "images_type"),
    [
        *((name, "qcow2") for name in CASES),
        *((name, "raw") for name in RAW),
        *((name, kind) for name in VOLUMES for kind in ("lvm", "rbd")),
    ],
)
def test_a_verb_repeated_after_a_kill_ends_as_it_would_have(
    name: str, images_type: str, tmp_path: Path
) -> None:
    before, verb = CASES[name]
    world = led(tmp_path / "whole", before, images_type)
    world.fuse.light(None)
    verb(world)
    steps, wanted = world.fuse.count, _placeless(world.seen(), tmp_path / "whole")
    assert steps < MOST_STEPS
    for at in range(1, steps + 1):
        world = led(tmp_path / str(at), before, images_type)
        world.fuse.light(at)
        with pytest.raises(Killed):
            verb(world)
        verb(world)
        assert _placeless(world.seen(), tmp_path / str(at)) == wanted, at


def _placeless(seen: object, root: Path) -> str:
    return repr(seen).replace(str(root), "")


@pytest.mark.parametrize(
    ("name", "images_type"),
    [
        *((name, "qcow2") for name in CASES),
        ("spawn", "lvm"),
        ("spawn", "rbd"),
        ("rebuild", "lvm"),
        ("rescue", "lvm"),
    ],
)
def test_a_guest_given_up_after_a_kill_leaves_nothing(name: str, images_type: str, tmp_path: Path) -> None:
    before, verb = CASES[name]
    at = 0
    while at < MOST_STEPS:
        at += 1
        world = led(tmp_path / str(at), before, images_type)
        world.fuse.light(at)
        try:
            verb(world)
        except Killed:
            pass
        else:
            break
        for host in ("target", "source"):
            world.driver(host).destroy(GUEST, disks=True)
            world.driver(host).migrate_settle(GUEST)
        left = world.seen()
        assert not any(left.values()), (at, left)
    assert 1 <= at < MOST_STEPS
