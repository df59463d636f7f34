"""What of a lab can be seen on the machine."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from proving.lab.cgroup import Cgroup
from proving.lab.command import run
from proving.lab.lab import Lab


def traces(lab: Lab) -> dict[str, list[str]]:
    """Return everything that belongs to a lab, by kind; kinds without anything are left out."""
    name, network = lab.name, lab.network
    spaces = run(["ip", "netns", "list"]).splitlines()
    found = {
        "mounts": [line for line in _lines("/proc/self/mountinfo") if str(lab.folder) in line],
        "namespaces": [line for line in spaces if line.split()[:1] == [network.namespace]],
        "links": [one for one in os.listdir("/sys/class/net") if one == network.machine_link],
        "addresses": [line for line in run(["ip", "address"]).splitlines() if f" {network.gateway}/" in line],
        "rules": [
            line for line in run(["nft", "list", "tables"]).splitlines() if line.endswith(network.table)
        ],
        "cgroups": [str(path) for path in Cgroup(name).folders if path.exists()],
        "processes": _processes(f"stratus-{name}-", f"/{name}/"),
        "files": [str(path) for path in Path("/run/systemd/nspawn").rglob(f"stratus-{name}-*")],
        "folders": [str(lab.folder)] if lab.folder.exists() else [],
    }
    return {kind: those for kind, those in found.items() if those}


def _processes(word: str, cgroup: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            # One that has ended, and waits only to be asked how, has no words any more.
            if word in told or (told and f"stratus-lab{cgroup}" in (folder / "cgroup").read_text()):
                found.append(f"{folder.name} {told}")
    return found


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
