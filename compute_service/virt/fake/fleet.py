"""Many fake hosts in one process, for trying the service at scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from compute_service.ports.clock import Clock
from compute_service.ports.images import Images
from compute_service.virt.fake.hypervisor import FakeHypervisor, Shape
from compute_service.virt.fake.shelf import Exchange


class FakeFleet(Mapping[str, FakeHypervisor]):
    """`count` fake hosts by name: `prefix` and a number from 1. They hand guests to each other."""

    def __init__(
        self,
        count: int,
        prefix: str,
        images: Images,
        clock: Clock,
        shape: Shape | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        shape = shape or Shape()
        root = shape.directory
        exchange = exchange or Exchange(root and root / "exchange")
        width = len(str(count))
        names = [f"{prefix}{number:0{width}}" for number in range(1, count + 1)]
        self._hosts = {
            name: FakeHypervisor(
                name, images, clock, dataclasses.replace(shape, directory=root and root / name), exchange
            )
            for name in names
        }

    def __getitem__(self, host: str) -> FakeHypervisor:
        return self._hosts[host]

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)
