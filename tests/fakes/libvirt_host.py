"""A host with the libvirt driver over fakes: no libvirt, no programs, no network."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from compute_service.config.settings import Settings, settings_of
from compute_service.domain.errors import HostRejected
from compute_service.domain.guest import GuestSpec
from compute_service.domain.vif import Vif
from compute_service.ports.clock import Clock
from compute_service.ports.images import Images
from compute_service.virt.libvirt.build import disk_store, hosts_of
from compute_service.virt.libvirt.driver import LibvirtDriver
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.storage.image_cache import ImageCache
from tests.fakes.libvirt import FakeConnection
from tests.fakes.programs import copy_file
from tests.fakes.volumes import FakeVolumes

Step = Callable[[str], None]


class FakePlugger:
    """Remembers what is plugged."""

    def __init__(self, before: Step = lambda what: None) -> None:
        self._before = before
        self.plugged: dict[str, Vif] = {}

    def plug(self, uuid: str, name: str, vif: Vif) -> None:
        self._before("plug")
        if vif.vif_type not in {"bridge", "ovs", "tap"}:
            raise HostRejected(f"Port {vif.port_id} is bound as {vif.vif_type}.")
        self.plugged[vif.port_id] = vif

    def unplug(self, uuid: str, name: str, vif: Vif) -> None:
        self._before("unplug")
        self.plugged.pop(vif.port_id, None)


class FakeCarrier:
    """Brings files to hosts whose directories are all on this machine: name → `instances_path`."""

    def __init__(self, hosts: dict[str, Path], before: Step = lambda what: None) -> None:
        self._hosts = hosts
        self._before = before

    def prepare(self, address: str, directory: Path) -> None:
        self._before("prepare")
        self.remove(address, directory)
        self._there(address, directory).mkdir(parents=True)

    def send(self, file: Path, address: str, target: Path) -> None:
        self._before("send")
        copy_file(file, self._there(address, target.parent) / target.name)

    def remove(self, address: str, directory: Path) -> None:
        shutil.rmtree(self._there(address, directory), ignore_errors=True)

    def sees(self, address: str, file: Path) -> bool:
        return (self._there(address, file.parent) / file.name).exists()

    def _there(self, address: str, directory: Path) -> Path:
        if address not in self._hosts:
            raise HostRejected(f"{address} does not answer.")
        return self._hosts[address] / directory.name


class FakeConfigDrive:
    """Writes the guest's host name."""

    def write(self, spec: GuestSpec, path: Path) -> None:
        path.write_text(spec.hostname)


def host_settings(host: str, root: Path, **libvirt: Any) -> Settings:
    """Return the settings of a host whose files are under `root`."""
    instances = root / host / "instances"
    default = {"host": host, "state_path": str(root / host), "instances_path": str(instances)}
    options = {
        "snapshots_directory": str(instances / "snapshots"),
        "images_volume_group": "vg",
        **libvirt,
    }
    consoles = {"serial_console": {"enabled": True}, "spice": {"enabled": True}}
    return settings_of({"DEFAULT": default, "libvirt": options, **consoles})


def libvirt_parts(
    settings: Settings, images: Images, clock: Clock, carrier: FakeCarrier, step: Step = lambda what: None
) -> Parts:
    """Return a host's parts; `step` is called before and after each change that any of them makes."""
    runner = FakeVolumes(Path(settings.default.state_path) / "volumes", step)
    connection = FakeConnection(clock, step, step)
    disks = disk_store(settings, runner, clock)
    instances = Path(settings.default.instances_path)
    age = settings.image_cache.remove_unused_original_minimum_age_seconds
    return Parts(
        host=settings.default.host,
        settings=settings,
        clock=clock,
        connection=connection,
        hosts=hosts_of(connection, settings, clock, disks),
        runner=runner,
        cache=ImageCache(instances / "_base", images, clock, runner, age),
        disks=disks,
        plugger=FakePlugger(step),
        carrier=carrier,
        config_drive=FakeConfigDrive(),
    )


def libvirt_pair(root: Path, images: Images, clock: Clock, images_type: str) -> tuple[Any, Any]:
    """Return two hosts, named source and target, that can hand each other guests."""
    carrier = FakeCarrier({name: root / name / "instances" for name in ("source", "target")})
    hosts = {
        name: libvirt_parts(host_settings(name, root, images_type=images_type), images, clock, carrier)
        for name in ("source", "target")
    }
    introduce(hosts)
    return LibvirtDriver(hosts["source"]), LibvirtDriver(hosts["target"])


def introduce(hosts: dict[str, Parts]) -> None:
    """Have the libvirts of hosts reach each other by the hosts' names."""
    peers = {f"qemu+tcp://{name}/system": parts.connection for name, parts in hosts.items()}
    for parts in hosts.values():
        connection: Any = parts.connection
        connection.peers = peers


def rebooted(parts: Parts) -> Parts:
    """Return the parts as a fresh process of nova-compute has them."""
    hosts = hosts_of(parts.connection, parts.settings, parts.clock, parts.disks)
    return dataclasses.replace(parts, hosts=hosts)
