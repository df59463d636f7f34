"""What a lab should be like."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"[a-z][a-z0-9-]{0,14}")
_LINK = re.compile(r"[a-z][a-z0-9-]{0,7}")
MOST_HOSTS = 200
MAIN_LINK = "host0"
"""The interface of a host that has its address."""


def checked_name(name: str) -> str:
    """Return the name of a lab or host. Raises ValueError unless it is one."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name: up to 15 lower-case letters, digits and hyphens, a letter first"
        )
    return name


@dataclass(frozen=True)
class LabPlan:
    """What to make. Raises ValueError for what cannot be."""

    hosts: tuple[str, ...] = ("h1",)
    packages: tuple[str, ...] = ()
    """Debian packages that all hosts have from the start, beside those every host has."""
    requirements: tuple[str, ...] = ()
    """Python packages that all hosts have in `/opt/venv`, as pip wants them named."""
    links: tuple[str, ...] = ()
    """Further interfaces of each host, such as `tun0`: one segment each, without addresses."""
    uplink: bool = False
    """Whether hosts reach what the machine reaches, such as package sources."""
    binds: tuple[tuple[str, str], ...] = ()
    """Folders of the machine that hosts see, read-only: (there, in the host)."""
    idle: tuple[str, ...] = ()
    """Units, such as `mariadb.service`, that packages enabled: they start only when somebody enables them."""
    suite: str = "trixie"

    def __post_init__(self) -> None:
        if not 1 <= len(self.hosts) <= MOST_HOSTS or len(set(self.hosts)) != len(self.hosts):
            raise ValueError(f"a lab has 1 to {MOST_HOSTS} hosts, all with different names")
        for name in self.hosts:
            checked_name(name)
        for name in self.links:
            if not _LINK.fullmatch(name) or name == MAIN_LINK:
                raise ValueError(
                    f"{name!r} is no name for an interface: up to 8 lower-case letters and digits"
                )
        for there, here in self.binds:
            if ":" in there + here or not here.startswith("/"):
                raise ValueError(
                    f"{there!r} cannot be seen at {here!r}: full paths without colons are needed"
                )

    @property
    def all_links(self) -> tuple[str, ...]:
        """All interfaces of each host."""
        return (MAIN_LINK, *self.links)


def numbered_hosts(count: int) -> tuple[str, ...]:
    """Return that many names of hosts: h1, h2, ..."""
    return tuple(f"h{number}" for number in range(1, count + 1))
