"""Does one verb of the libvirt driver on a host, without nova-compute: python -m proving.hosts.verbs CONF...

The verb and its words come as JSON on standard input: `{"verb": "live_offer", "words": [SPEC, null]}`. What
it returns or raises is the last line of standard output, `{"value": ...}` or `{"kind": ..., "message": ...}`;
what it tells of its progress comes before that, a line each. Images are those of the folder `IMAGES`.
"""

from __future__ import annotations

import inspect
import json
import sys
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from compute_service.clients.clock import SystemClock
from compute_service.clients.fake.images import FakeImages
from compute_service.config.load import load
from compute_service.domain.errors import ComputeError, kind_of
from compute_service.domain.image import Image
from compute_service.ports import hypervisor
from compute_service.virt.libvirt.build import libvirt_driver
from compute_service.virt.libvirt.driver import LibvirtDriver

IMAGES = Path("/opt/images")
"""Where images are, as qcow2 files named by their identifiers."""
TOLD = (hypervisor.Progress, hypervisor.LiveProgress)
"""What words are functions that are told of progress; they are not among those that come."""


def main(words: Sequence[str]) -> int:
    """Do it; returns the exit code."""
    settings = load(files=list(words))
    clock = SystemClock()
    images = FakeImages(clock)
    for path in IMAGES.glob("*.qcow2"):
        data = path.read_bytes()
        images.add(Image(id=path.stem, name=path.stem, size=len(data), disk_format="qcow2"), data)
    order = json.load(sys.stdin)
    try:
        value = call(libvirt_driver(settings, images, clock), order["verb"], order["words"])
    except ComputeError as error:
        tell({"kind": kind_of(error), "message": error.message})
        return 1
    tell({"value": msgspec.to_builtins(value)})
    return 0


def call(driver: LibvirtDriver, verb: str, words: Sequence[Any]) -> Any:
    """Do a verb with words in the form of JSON."""
    method = getattr(driver, verb)
    hints = typing.get_type_hints(method, vars(hypervisor) | vars(typing))
    left = iter(words)
    found = []
    for name in inspect.signature(method).parameters:
        hint = hints[name]
        found.append(tell if hint in TOLD else msgspec.convert(next(left), hint))
    return method(*found)


def tell(what: object) -> None:
    """Write a line of JSON."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
