"""Guests' interfaces and the host's network: what has to be done before a guest's start and after its end.

libvirt puts a guest's tap devices on their bridges; what must be there before (bridges, the pairs between a
firewall's bridge and the switch) and entries in Open vSwitch's database are `Plugger`'s.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec

from compute_service.domain.vif import Vif


class Plugger(Protocol):
    """Connects interfaces to the host's network. Both verbs can be repeated. Errors: HostRejected."""

    def plug(self, uuid: str, name: str, vif: Vif) -> None:
        """Make what the interface of a guest with this UUID and name needs."""

    def unplug(self, uuid: str, name: str, vif: Vif) -> None:
        """Remove that; nothing there is fine."""


class Plugged(msgspec.Struct, frozen=True):
    """What is plugged for a guest."""

    name: str
    vifs: tuple[Vif, ...]


def plug_all(plugger: Plugger, file: Path, uuid: str, plugged: Plugged) -> None:
    """Plug a guest's interfaces, and unplug those it had before and has no more. `file` keeps them."""
    before = read(file)
    kept = {vif.port_id for vif in plugged.vifs}
    gone = tuple(vif for vif in before.vifs if vif.port_id not in kept) if before else ()
    _write(file, Plugged(plugged.name, (*plugged.vifs, *gone)))
    _unplug(plugger, uuid, plugged.name, gone)
    for vif in plugged.vifs:
        plugger.plug(uuid, plugged.name, vif)
    if gone:
        _write(file, plugged)


def unplug_all(plugger: Plugger, file: Path, uuid: str) -> None:
    """Unplug whatever is plugged for a guest."""
    before = read(file)
    if before is not None:
        _unplug(plugger, uuid, before.name, before.vifs)
        file.unlink(missing_ok=True)


def plug_one(plugger: Plugger, file: Path, uuid: str, name: str, vif: Vif) -> None:
    """Plug one more interface of a guest."""
    before = read(file)
    others = tuple(one for one in before.vifs if one.port_id != vif.port_id) if before else ()
    _write(file, Plugged(name, (*others, vif)))
    plugger.plug(uuid, name, vif)


def unplug_one(plugger: Plugger, file: Path, uuid: str, name: str, vif: Vif) -> None:
    """Unplug one of a guest's interfaces; one that is not plugged is fine."""
    before = read(file)
    plugger.unplug(uuid, name, vif)
    if before is not None:
        _write(file, Plugged(before.name, tuple(one for one in before.vifs if one.port_id != vif.port_id)))


def replug_all(plugger: Plugger, file: Path, uuid: str) -> None:
    """Plug again what was plugged, as after the host was restarted."""
    before = read(file)
    for vif in before.vifs if before is not None else ():
        plugger.plug(uuid, before.name if before is not None else "", vif)


def read(file: Path) -> Plugged | None:
    """Return what is plugged, or None when nothing is kept."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Plugged)
    except FileNotFoundError:
        return None
    except (msgspec.MsgspecError, json.JSONDecodeError):
        return None


def _write(file: Path, plugged: Plugged) -> None:
    fresh = file.with_suffix(".part")
    fresh.write_bytes(msgspec.json.encode(plugged))
    os.replace(fresh, file)


def _unplug(plugger: Plugger, uuid: str, name: str, vifs: Iterable[Vif]) -> None:
    for vif in vifs:
        plugger.unplug(uuid, name, vif)
