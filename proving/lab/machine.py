"""Whether this machine can have labs, and where it keeps them."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from proving.lab.command import Failed, run
from proving.process import Missing, program

CACHE_VARIABLE, STATE_VARIABLE = "STRATUS_LAB_CACHE", "STRATUS_LAB_STATE"
_PROGRAMS = (
    ("systemd-nspawn", "systemd-container"),
    ("mmdebstrap", "mmdebstrap"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("nsenter", "util-linux"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("apt-get", "apt"),
)


class Unable(RuntimeError):
    """This machine cannot have labs. The message says why, a line for each reason."""


def cache_folder() -> Path:
    """Return where roots and images are kept from lab to lab."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stratus/lab"
    return Path(os.environ.get(CACHE_VARIABLE) or default).absolute()


def state_folder() -> Path:
    """Return where the labs are that there are."""
    return Path(os.environ.get(STATE_VARIABLE) or "/var/lib/stratus-lab").absolute()


def obstacles() -> list[str]:
    """Return what keeps this machine from having labs; nothing when it can."""
    found = []
    if platform.system() != "Linux":
        return ["labs need Linux"]
    if os.geteuid() != 0:
        found.append("labs need root: they mount, make network namespaces and start system containers")
    for name, package in _PROGRAMS:
        try:
            program(name, package)
        except Missing as error:
            found.append(str(error))
    if unified_cgroups() is None:
        found.append("there is no cgroup2 hierarchy; systemd in a container needs one")
    if not found:
        found += _kernel_obstacles()
    return found


def check_machine() -> None:
    """Raises Unable when this machine cannot have labs."""
    found = obstacles()
    if found:
        raise Unable("this machine cannot have labs:\n" + "\n".join(f"- {reason}" for reason in found))


def unified_cgroups() -> Path | None:
    """Return where the cgroup2 hierarchy is mounted, if it is."""
    return next((path for path, kind, _ in _mounts() if kind == "cgroup2"), None)


def cgroup_roots() -> tuple[Path, ...]:
    """Return the hierarchies that hold processes but no limits: cgroup2, and systemd's of version 1."""
    return tuple(
        path
        for path, kind, options in _mounts()
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options)
    )


def _mounts() -> list[tuple[Path, str, str]]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    parts = (line.split() for line in lines)
    return [(Path(where), kind, options) for _, where, kind, options, *_ in parts]


def _kernel_obstacles() -> list[str]:
    """Return what the kernel or a container around us refuses; each is tried in namespaces of its own."""
    overlay = "mount -t tmpfs lab /mnt && mkdir /mnt/a /mnt/b /mnt/c && mount -t overlay lab /mnt/a -o "
    overlay += "lowerdir=/mnt/a,upperdir=/mnt/b,workdir=/mnt/c"
    bridge = "ip link add lab-try type bridge && ip link add lab-a type veth peer name lab-b"
    found = []
    for what, script in (("overlay mounts", overlay), ("network namespaces, bridges and pairs", bridge)):
        try:
            run(["unshare", "--mount", "--net", "--pid", "--fork", "sh", "-c", script], 20)
        except Failed as error:
            found.append(f"{what} do not work here: {str(error).splitlines()[-1]}")
    return found
