"""Finds the driver that the configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from compute_service.config.settings import Settings
from compute_service.domain.errors import Invalid
from compute_service.ports.clock import Clock
from compute_service.ports.hypervisor import Hypervisor
from compute_service.ports.images import Images
from compute_service.virt.fake import Exchange, FakeFleet, FakeHypervisor, HostSize, Shape
from compute_service.virt.libvirt.build import libvirt_driver

FAKE = "fake.FakeDriver"
LIBVIRT = "libvirt.LibvirtDriver"


def load_driver(settings: Settings, images: Images, clock: Clock) -> Mapping[str, Hypervisor]:
    """Return the hypervisor of each host that this process is, by host name: one, or many fake ones.

    Raises Invalid when `compute_driver` is not set or unknown, NotSupported when a library is not there that
    it needs or an option asks for what this release lacks.
    """
    name = settings.default.compute_driver
    if not name:
        raise Invalid("nova-compute needs the option compute_driver in [DEFAULT].")
    if name == LIBVIRT:
        return {settings.default.host: libvirt_driver(settings, images, clock)}
    if name != FAKE:
        raise Invalid(f"Unknown compute_driver {name}; it can be {FAKE} or {LIBVIRT}.")
    return _fakes(settings, images, clock)


def _fakes(settings: Settings, images: Images, clock: Clock) -> Mapping[str, Hypervisor]:
    options = settings.fake
    directory = Path(settings.default.instances_path)
    exchange = Exchange(Path(options.exchange_path))
    shape = Shape(
        size=HostSize(options.vcpus, options.memory_mb, options.local_gb),
        latency={"*": options.latency},
        directory=directory,
        image_age=settings.image_cache.remove_unused_original_minimum_age_seconds,
    )
    hosts: Mapping[str, FakeHypervisor]
    if options.hosts > 1:
        hosts = FakeFleet(options.hosts, options.host_prefix, images, clock, shape, exchange)
    else:
        host = settings.default.host
        hosts = {host: FakeHypervisor(host, images, clock, shape, exchange)}
    for hypervisor in hosts.values():
        hypervisor.faults.rate = options.failure_rate
    return hosts
