"""Where fake guests are kept, and how their disks get from host to host."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from compute_service.domain.errors import HostRejected
from compute_service.virt.fake.guest import FakeGuest


class Shelf:
    """A set of guests by a key: in memory, and in a directory when one is given, a file each.

    A file is written beside its place and renamed into it, so a killed process leaves the old or the new one.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._guests: dict[str, FakeGuest] = {}
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            for path in sorted(directory.glob("*.json")):
                self._guests[path.stem] = _read(path)

    def get(self, key: str) -> FakeGuest | None:
        """Return one guest, or None."""
        return self._guests.get(key)

    def put(self, key: str, guest: FakeGuest) -> None:
        """Keep a guest."""
        if self._directory is not None:
            _write(self._directory / f"{key}.json", guest)
        self._guests[key] = guest

    def remove(self, key: str) -> None:
        """Forget a guest; one that is not there is fine."""
        self._guests.pop(key, None)
        if self._directory is not None:
            (self._directory / f"{key}.json").unlink(missing_ok=True)

    def __iter__(self) -> Iterator[FakeGuest]:
        return iter(list(self._guests.values()))


class Exchange:
    """Where hosts hand each other disks: shared by the hosts of one process, or a directory that all see."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._left: dict[str, FakeGuest] = {}
        self._awaited: set[str] = set()
        self._lock = threading.Lock()
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)

    def hand_over(self, host: str, guest: FakeGuest) -> str:
        """Leave a guest's disks for another host; return where they are."""
        location = _location(host, guest.uuid)
        with self._lock:
            if self._directory is None:
                self._left[location] = guest
            else:
                _write(self._directory / f"{location}.json", guest)
        return location

    def take(self, location: str) -> FakeGuest:
        """Return what was left; it stays until cleared. Raises HostRejected when it is not there."""
        with self._lock:
            found = self._find(location)
        if found is None:
            raise HostRejected(f"The disks that were handed over at {location} are not there.")
        return found

    def left_by(self, host: str, uuid: str) -> FakeGuest | None:
        """Return what a host left of a guest, or None; it stays until cleared."""
        with self._lock:
            return self._find(_location(host, uuid))

    def clear(self, host: str, uuid: str) -> None:
        """Remove what a host left of a guest; nothing there is fine."""
        location = _location(host, uuid)
        with self._lock:
            self._left.pop(location, None)
            if self._directory is not None:
                (self._directory / f"{location}.json").unlink(missing_ok=True)

    def await_guest(self, host: str, uuid: str) -> None:
        """Note that a host has made room for a guest."""
        with self._lock:
            if self._directory is None:
                self._awaited.add(_location(host, uuid))
            else:
                (self._directory / f"{_location(host, uuid)}.awaited").touch()

    def await_no_more(self, host: str, uuid: str) -> None:
        """Note that a host takes a guest no more."""
        location = _location(host, uuid)
        with self._lock:
            self._awaited.discard(location)
            if self._directory is not None:
                (self._directory / f"{location}.awaited").unlink(missing_ok=True)

    def awaits(self, host: str, uuid: str) -> bool:
        """Tell whether a host has room for a guest."""
        location = _location(host, uuid)
        with self._lock:
            if self._directory is None:
                return location in self._awaited
            return (self._directory / f"{location}.awaited").exists()

    def _find(self, location: str) -> FakeGuest | None:
        if self._directory is None:
            return self._left.get(location)
        path = self._directory / f"{location}.json"
        return _read(path) if "/" not in location and path.exists() else None


def _location(host: str, uuid: str) -> str:
    return f"{host}+{uuid}"


def _read(path: Path) -> FakeGuest:
    return msgspec.json.decode(path.read_bytes(), type=FakeGuest)


def _write(path: Path, guest: FakeGuest) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(guest))
    os.replace(fresh, path)
