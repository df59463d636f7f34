"""Commands that start system containers, with what each of them needs here.

Containers are not told to systemd-machined, since there may be none: their cgroup is how they are found.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from proving.lab.cgroup import Cgroup

_SETTINGS = ("SYSTEMD_NSPAWN_TMPFS_TMP=0", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
_PLAIN = (
    "--quiet",
    "--register=no",
    "--keep-unit",
    "--timezone=off",
    "--link-journal=no",
    "--private-users=no",
)


def contained(
    cgroup: Cgroup, machine: str, root: Path, words: Sequence[str], namespace: str = ""
) -> list[str]:
    """Return a command that runs systemd-nspawn on a root, in a cgroup and in a network namespace.

    `machine` is a name that no other container has; `words` are more options, and what is to be run.
    Each container must have a cgroup for itself: nspawn makes those for payload and supervisor in its own.
    """
    inside = ["nsenter", f"--net=/run/netns/{namespace}"] if namespace else []
    start = ["env", *_SETTINGS, *inside, "systemd-nspawn", *_PLAIN]
    return cgroup.joining([*start, f"--directory={root}", f"--machine={machine}", *words])


def remove_traces(prefix: str) -> None:
    """Remove what containers that were killed leave below /run; `prefix` begins their names."""
    for kind in ("propagate", "unix-export"):
        for path in Path("/run/systemd/nspawn", kind).glob(f"{prefix}*"):
            path.rmdir()
