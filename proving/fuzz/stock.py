"""What requests can name: servers, flavors and other things, with those that are gone, foreign or made up."""

from __future__ import annotations

import random
from collections.abc import Iterable

from proving.fuzz import odd

GONE, FOREIGN = " gone", " foreign"
"""After the name of a kind: those of it that were, and those of another project."""

_OF_PARTS = {
    "server_id": "server",
    "flavor_id": "flavor",
    "aggregate_id": "aggregate",
    "hypervisor_id": "hypervisor",
    "service_id": "service",
    "group_id": "group",
    "migration_id": "migration",
    "request_id": "request",
    "token_id": "console token",
    "alias": "extension",
    "version_id": "version",
    "network": "network name",
    "image_id": "image",
    "volume_id": "volume",
    "port_id": "port",
    "share_id": "share",
    "tag": "word",
    "key": "key",
    "name": "keypair",
    "id": "project",
}
_OF_PLACES = {
    ("os-services", "service_id"): "service",
    ("os-hypervisors", "hypervisor_id"): "hypervisor",
    # Images are changed and deleted: those that servers are made of are not.
    ("images", "image_id"): "picture",
    ("os-hosts", "host"): "host",
}


def kind_of(place: str, part: str) -> str:
    """Return what a part of a path in braces names; `place` is the first part of the path."""
    return _OF_PLACES.get((place, part), _OF_PARTS.get(part, "word"))


class Stock:
    """Kind → what there is of it. Kept by a `Keeper`; any thread may take from it."""

    def __init__(self) -> None:
        self._things: dict[str, tuple[str, ...]] = {
            "word": ("a", "web", "blue", "x-1", "two words"),
            "key": ("a", "hw:cpu_policy", "hw_rng:allowed", "quota:disk_read_bytes_sec", "tag", "role"),
            "extension": ("os-keypairs", "servers", "NMN"),
            "version": ("v2.1", "v2.0", "v3"),
            "network name": ("private", "public"),
            "zone": ("nova", "internal", "east"),
            "binary": ("nova-compute", "nova-scheduler"),
        }

    def set(self, kind: str, things: Iterable[str]) -> None:
        """Say what there is of a kind."""
        self._things[kind] = tuple(things)

    def of(self, kind: str) -> tuple[str, ...]:
        """Return what there is of a kind."""
        return self._things.get(kind, ())

    def pick(self, rng: random.Random, kind: str) -> str:
        """Return one of a kind, mostly one that exists."""
        chance = rng.random()
        if chance < 0.08:
            found = self.of(kind + GONE)
        elif chance < 0.16:
            found = self.of(kind + FOREIGN)
        elif chance < 0.26:
            found = tuple(map(str, rng.choice((odd.UUIDS, odd.TEXTS, odd.NUMERALS))))
        else:
            found = self.of(kind)
        found = found or self.of(kind) or odd.UUIDS
        return found[int(rng.random() * len(found))]

    def one(self, rng: random.Random, kind: str) -> str | None:
        """Return one of a kind that exists, or None."""
        found = self.of(kind)
        return found[int(rng.random() * len(found))] if found else None
