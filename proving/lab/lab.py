"""A whole lab: made, found again, and removed without a trace."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from proving.lab.cgroup import Cgroup
from proving.lab.command import run
from proving.lab.container import remove_traces
from proving.lab.host import Host
from proving.lab.layers import Layers
from proving.lab.machine import check_machine
from proving.lab.network import Network
from proving.lab.overlay import unmount_below
from proving.lab.plan import LabPlan, checked_name
from proving.lab.record import Record, claim, keep, records, release


@dataclass(frozen=True)
class Lab:
    """A lab that there is."""

    record: Record

    @property
    def name(self) -> str:
        """Its name; no other lab of this machine has it."""
        return self.record.name

    @property
    def folder(self) -> Path:
        """Where all of it is; `ssh_config` there leads to its hosts."""
        return self.record.folder

    @property
    def network(self) -> Network:
        """Its network."""
        return Network(self.name, self.record.slot)

    @property
    def hosts(self) -> dict[str, Host]:
        """Its hosts by name."""
        plan = self.record.plan
        return {
            name: Host(name, index, self.folder, self.network, plan) for index, name in enumerate(plan.hosts)
        }

    def make(self) -> None:
        """Make everything and wait until each host answers. Raises Failed or Unable."""
        plan = self.record.plan
        layers = Layers.here(plan.suite).stack(plan.packages, plan.requirements)
        key = self.folder / "id"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab {self.name}", "-f", key])
        self.network.up(self.record.plan)
        known = {name: host.address for name, host in self.hosts.items()}
        hosts = self.hosts.values()
        for host in hosts:
            host.make(layers, known)
        lines = [f"{host.address} {host.host_key()}\n" for host in hosts]
        (self.folder / "known_hosts").write_text("".join(lines))
        (self.folder / "ssh_config").write_text("\n".join(host.ssh_config() for host in hosts))
        self.start()

    def start(self) -> None:
        """Start all hosts that do not run, and wait until each answers. Raises Failed."""
        asleep = [host for host in self.hosts.values() if not host.running]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(Host.start, asleep))
            list(pool.map(Host.ready, asleep))

    def remove(self) -> None:
        """Remove everything of it, whatever there is. Raises Failed or OSError when something does not go."""
        everything = Cgroup(self.name)
        everything.kill()
        unmount_below(self.folder)
        self.network.down()
        everything.remove()
        remove_traces(f"stratus-{self.name}-")
        for path in self.folder.iterdir():
            if path.name != "lab.json":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        release(self.record)


def labs() -> list[Lab]:
    """Return all labs of this machine, by name."""
    return [Lab(record) for record in records()]


def open_lab(name: str) -> Lab:
    """Return a lab that there is. Raises LookupError when there is none of that name."""
    found = next((one for one in labs() if one.name == name), None)
    if found is None:
        raise LookupError(f"there is no lab {name}")
    return found


def create(name: str, plan: LabPlan) -> Lab:
    """Make a lab that stays until it is destroyed; one that cannot be made leaves nothing.

    Raises ValueError, FileExistsError, Unable or Failed.
    """
    made = _create(name, plan)
    return Lab(keep(made.record))


def destroy(name: str) -> None:
    """Remove a lab. Raises LookupError when there is none of that name."""
    open_lab(name).remove()


def sweep() -> list[str]:
    """Remove all labs whose process is gone, and return their names; and layers that were begun only."""
    Layers.here().sweep()
    left = [one for one in labs() if one.record.abandoned]
    for one in left:
        one.remove()
    return [one.name for one in left]


@contextmanager
def lab(name: str, plan: LabPlan | None = None) -> Iterator[Lab]:
    """Have a lab for as long as the block lasts. Raises what `create` does."""
    made = _create(name, plan or LabPlan())
    try:
        yield made
    finally:
        made.remove()


def _create(name: str, plan: LabPlan) -> Lab:
    checked_name(name)
    check_machine()
    sweep()
    made = Lab(claim(name, plan))
    try:
        made.make()
    except BaseException:
        made.remove()
        raise
    return made
