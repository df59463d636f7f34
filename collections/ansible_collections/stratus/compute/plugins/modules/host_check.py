#!/usr/bin/python
"""What keeps a host from being part of a site, each with what to do about it."""

from __future__ import annotations

DOCUMENTATION = """
module: host_check
short_description: Tell what keeps a host from being part of a site
description:
  - Looks at the release, name, memory, disk, clock and ports of a host, and changes nothing.
  - It does not fail; V(problems) tells what is wrong and what to do, a line for each.
author: The Stratus authors
options:
  name:
    description: What the inventory calls the host.
    type: str
    required: true
  releases:
    description: The codenames of Debian that will do.
    type: list
    elements: str
    required: true
  memory_mb:
    description: The memory that there must be.
    type: int
    default: 0
  disk_mb:
    description: What must be free, by directory. A directory that is missing counts as the next one above it.
    type: dict
    default: {}
  release:
    description: Where a host that was deployed has its release. There, a fifth of O(disk_mb) will do.
    type: path
    default: /opt/stratus/current
  now:
    description: The time at the control node, in seconds since 1970; not compared when left out.
    type: float
  skew:
    description: How many seconds the clocks may differ.
    type: float
    default: 5.0
  ports:
    description: What the site's ports are for, by port.
    type: dict
    default: {}
  units:
    description: The units that may have these ports already, such as those of an earlier run.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Look at the host
  stratus.compute.host_check:
    name: "{{ inventory_hostname }}"
    releases: [trixie]
    ports: {8774: nova-api}
    units: [nova-api]
"""

RETURN = """
problems:
  description: What is wrong, and what to do about it.
  type: list
  elements: str
  returned: always
"""

import glob  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import socket  # noqa: E402
import time  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

LISTENS = "0A"
_UNIT = re.compile(r"/([^/]+)\.(?:service|socket)")


def wrong_release(release: dict[str, str], wanted: list[str]) -> str | None:
    """Tell of another system than a Debian that will do. `release` is what os-release says."""
    found = release.get("VERSION_CODENAME", "")
    if release.get("ID") == "debian" and found in wanted:
        return None
    said = release.get("PRETTY_NAME") or release.get("ID") or "an unknown system"
    fit = " or ".join(wanted)
    return f"it runs {said}; a site runs on Debian {fit}. Install that, or take it out of the inventory."


def wrong_name(name: str, found: str) -> str | None:
    """Tell of a host that calls itself other than the inventory does."""
    if found == name:
        return None
    return (
        f"it calls itself {found}. Compute hosts are known by their name: give it back"
        f" (hostnamectl hostname {name}) or change the inventory."
    )


def little_memory(found_mb: int, wanted_mb: int) -> str | None:
    """Tell of too little memory."""
    if found_mb >= wanted_mb:
        return None
    return f"it has {found_mb} MB of memory, {wanted_mb} MB are needed. Give it more."


def wrong_clock(here: float, there: float, skew: float) -> str | None:
    """Tell of a clock that differs from the control node's."""
    if abs(here - there) <= skew:
        return None
    ahead = "ahead of" if here > there else "behind"
    return (
        f"its clock is {abs(here - there):.0f} s {ahead} the control node's; tokens and leases need"
        f" {skew:g} s or less. Have NTP set it (apt-get install systemd-timesyncd; timedatectl set-ntp true)."
    )


def full_disks(wanted: dict[str, int]) -> list[str]:
    """Tell of directories with too little room; those on one file system count together."""
    needed: dict[int, list[tuple[str, int]]] = {}
    for path, megabytes in wanted.items():
        there = path
        while not os.path.isdir(there):
            there = os.path.dirname(there)
        needed.setdefault(os.stat(there).st_dev, []).append((there, megabytes))
    told = []
    for rows in needed.values():
        free = shutil.disk_usage(rows[0][0]).free // 2**20
        total = sum(megabytes for _, megabytes in rows)
        if free < total:
            paths = ", ".join(sorted({path for path, _ in rows}))
            told.append(f"{free} MB are free for {paths}, {total} MB are needed. Make room or a larger disk.")
    return told


def listening(tables: str) -> dict[int, set[str]]:
    """Return the sockets (inodes) that listen by port. `tables` is text as of /proc/net/tcp (proc(5))."""
    found: dict[int, set[str]] = {}
    for line in tables.splitlines():
        words = line.split()
        if len(words) > 9 and words[3] == LISTENS:
            found.setdefault(int(words[1].rpartition(":")[2], 16), set()).add(words[9])
    return found


def owner(inodes: set[str]) -> tuple[str, str, str]:
    """Return the process, its command and its unit that has one of these sockets; empty where unknown."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for link in glob.iglob("/proc/[0-9]*/fd/*"):
        try:
            if os.readlink(link) not in wanted:
                continue
            pid = link.split("/")[2]
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                command = file.read().strip()
            with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
                units = _UNIT.findall(file.read())
        except OSError:
            continue
        # systemd itself holds the sockets that start units when they are asked.
        if pid != "1":
            return pid, command, units[-1] if units else ""
    return "", "", ""


def taken(port: int, use: str, who: tuple[str, str, str], units: list[str]) -> str | None:
    """Tell of a port that something else has."""
    pid, command, unit = who
    if not pid or unit in units:
        return None
    stop = f"systemctl disable --now {unit}" if unit else f"kill {pid}"
    kind = f"unit {unit}" if unit else "of no unit"
    return (
        f"port {port}, which {use} needs, is taken by {command} (process {pid}, {kind})."
        f" Stop it ({stop}) or move it."
    )


def _os_release() -> dict[str, str]:
    with open("/etc/os-release", encoding="utf-8") as file:
        pairs = (line.strip().partition("=") for line in file if "=" in line)
        return {name: value.strip("\"'") for name, _, value in pairs}


def _memory_mb() -> int:
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) // 2**20


def _tables() -> str:
    text = ""
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                text += file.read()
    return text


def _problems(asked: dict[str, Any]) -> list[str]:
    share = 5 if os.path.exists(asked["release"]) else 1
    room = {path: int(megabytes) // share for path, megabytes in asked["disk_mb"].items()}
    found = [
        wrong_release(_os_release(), asked["releases"]),
        wrong_name(asked["name"], socket.gethostname().split(".")[0]),
        little_memory(_memory_mb(), asked["memory_mb"]),
        *full_disks(room),
    ]
    if asked["now"] is not None:
        found.append(wrong_clock(time.time(), asked["now"], asked["skew"]))
    there = listening(_tables())
    for port, use in sorted((int(port), str(use)) for port, use in asked["ports"].items()):
        if port in there:
            found.append(taken(port, use, owner(there[port]), asked["units"]))
    return [problem for problem in found if problem]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "releases": {"type": "list", "elements": "str", "required": True},
            "memory_mb": {"type": "int", "default": 0},
            "disk_mb": {"type": "dict", "default": {}},
            "release": {"type": "path", "default": "/opt/stratus/current"},
            "now": {"type": "float"},
            "skew": {"type": "float", "default": 5.0},
            "ports": {"type": "dict", "default": {}},
            "units": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, problems=_problems(module.params))


if __name__ == "__main__":
    main()
