"""Logical volumes and a Ceph pool, played: each is a file in a directory, whatever its address."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from compute_service.virt.libvirt.storage.run import CommandFailed
from tests.fakes.programs import MOST, FakePrograms, read_disk, write_disk

_DEVICE = re.compile(r"/dev/vg/(.+)")
_RBD = re.compile(r"rbd:rbd/([^:]+)(:.*)?")
ROOM = 1 << 40


class FakeVolumes(FakePrograms):
    """A `Runner` with a volume group `vg` and a pool `rbd`. `busy` counts removals that Ceph refuses."""

    def __init__(self, root: Path, before: Callable[[str], None] = lambda what: None) -> None:
        super().__init__(before)
        root.mkdir(parents=True, exist_ok=True)
        self.root = root
        self.busy = 0

    def run(self, argv: Sequence[str], timeout: float, limited: bool = False) -> str:
        """Do what the words say, with files for volumes."""
        return super().run(tuple(self._local(word) for word in argv), timeout, limited)

    def volumes(self) -> dict[str, int]:
        """Return every volume and its size."""
        return {path.name: path.stat().st_size for path in sorted(self.root.iterdir())}

    def _local(self, word: str) -> str:
        for pattern in (_DEVICE, _RBD):
            if found := pattern.fullmatch(word):
                return str(self.root / found[1])
        return word

    def _volume(self, word: str) -> Path:
        path = self.root / word.rpartition("/")[2]
        if not path.exists():
            raise CommandFailed(f"rbd: error opening image {path.name}: (2) No such file or directory")
        return path

    def _convert(self, words: tuple[str, ...]) -> None:
        target = Path(words[-1])
        if "-n" in words:
            size = target.stat().st_size
            write_disk(target, "raw", size, read_disk(Path(words[-2]))[1])
        elif target.parent == self.root and target.exists():
            raise CommandFailed("rbd: image exists")
        else:
            super()._convert(words)

    def _lvs(self, words: tuple[str, ...]) -> str:
        return "\n".join(f"  {name} {size}" for name, size in self.volumes().items())

    def _vgs(self, words: tuple[str, ...]) -> str:
        return f"  {ROOM} {ROOM - sum(self.volumes().values())}\n"

    def _lvcreate(self, words: tuple[str, ...]) -> None:
        flag = "--virtualsize" if "--virtualsize" in words else "--size"
        path = self.root / words[words.index("--name") + 1]
        path.touch(exist_ok=False)
        os.truncate(path, _bytes(words[words.index(flag) + 1]))

    def _lvextend(self, words: tuple[str, ...]) -> None:
        os.truncate(self._volume(words[-1]), _bytes(words[words.index("--size") + 1]))

    def _lvremove(self, words: tuple[str, ...]) -> None:
        self._volume(words[-1]).unlink()

    def _lvrename(self, words: tuple[str, ...]) -> None:
        self._volume(words[-2]).rename(self.root / words[-1])

    def _blkdiscard(self, words: tuple[str, ...]) -> None:
        path = Path(words[-1])
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.write(bytes(min(size, MOST)))

    _shred = _blkdiscard

    def _rbd(self, words: tuple[str, ...]) -> str | None:
        verb = words[1]
        if verb == "ls":
            return json.dumps(list(self.volumes()))
        if verb == "info":
            return json.dumps({"size": self._volume(words[4]).stat().st_size})
        if verb == "mv":
            self._volume(words[2]).rename(self.root / words[3].rpartition("/")[2])
        elif verb == "rm":
            if self.busy:
                self.busy -= 1
                raise CommandFailed("rbd: error: image still has watchers")
            self._volume(words[3]).unlink()
        elif verb == "resize":
            os.truncate(self._volume(words[5]), _bytes(words[4]))
        elif verb == "create":
            path = self.root / words[4].rpartition("/")[2]
            path.touch(exist_ok=False)
            os.truncate(path, _bytes(words[3]))
        return None

    def _ceph(self, words: tuple[str, ...]) -> str:
        if words[1] == "mon":
            return json.dumps(
                {"mons": [{"public_addr": "192.0.2.1:6789/0"}, {"public_addr": "[2001:db8::1]:3300/0"}]}
            )
        used = sum(self.volumes().values())
        return json.dumps({"pools": [{"name": "rbd", "stats": {"max_avail": ROOM - used, "stored": used}}]})


def _bytes(word: str) -> int:
    return int(word.rstrip("bB"))
