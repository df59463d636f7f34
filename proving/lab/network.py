"""A lab's network: a namespace with a bridge for hosts, one more for each further link, and a way in.

The machine is at .1 of the lab's addresses; hosts are at .11 and on. Hosts reach the machine, and what the
machine reaches only when they are given an uplink.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path

from proving.lab.command import Failed, run, succeeds
from proving.lab.plan import MAIN_LINK, LabPlan

SLOTS = 200
_FIRST_HOST = 11
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")


@dataclass(frozen=True)
class Network:
    """The network of a lab; `slot` is a number that no other lab has."""

    lab: str
    slot: int

    @property
    def namespace(self) -> str:
        """The network namespace."""
        return f"lab-{self.lab}"

    @property
    def machine_link(self) -> str:
        """The machine's interface into it."""
        return f"lab{self.slot}"

    @property
    def gateway(self) -> str:
        """The machine's address in it."""
        return self._address(1)

    @property
    def block(self) -> str:
        """All its addresses."""
        return f"10.77.{self.slot}.0/24"

    @property
    def table(self) -> str:
        """The machine's table of rules for it, when it has an uplink."""
        return f"stratus_lab_{self.slot}"

    def host_address(self, index: int) -> str:
        """Return the address of a host by its place among the lab's, from 0."""
        return self._address(_FIRST_HOST + index)

    def up(self, plan: LabPlan) -> None:
        """Make it. Raises Failed."""
        run(["ip", "netns", "add", self.namespace])
        inside = ["ip", "-n", self.namespace, "link"]
        run([*inside, "set", "lo", "up"])
        for name in map(bridge_name, plan.all_links):
            run([*inside, "add", name, "type", "bridge", "forward_delay", "0"])
            run([*inside, "set", name, "up"])
        peer = ["peer", "name", "machine", "netns", self.namespace]
        run(["ip", "link", "add", self.machine_link, "type", "veth", *peer])
        run([*inside, "set", "machine", "master", bridge_name(MAIN_LINK), "up"])
        run(["ip", "address", "add", f"{self.gateway}/24", "dev", self.machine_link])
        run(["ip", "link", "set", self.machine_link, "up"])
        if plan.uplink:
            self._uplink()

    def attach(self, index: int, link: str) -> None:
        """Let a host's link be on its segment. Raises Failed while the host has none."""
        run(
            [
                "ip",
                "-n",
                self.namespace,
                "link",
                "set",
                link_name(index, link),
                "master",
                bridge_name(link),
                "up",
            ]
        )

    def down(self) -> None:
        """Remove it, whatever there is of it. Raises Failed when something does not go."""
        if succeeds(["nft", "list", "table", "inet", self.table]):
            run(["nft", "delete", "table", "inet", self.table])
        if Path("/sys/class/net", self.machine_link).exists():
            run(["ip", "link", "delete", self.machine_link])
        if Path("/run/netns", self.namespace).exists():
            run(["ip", "netns", "delete", self.namespace])

    def _uplink(self) -> None:
        """Let hosts out, with the machine's address."""
        out = f'ip saddr {self.block} oifname != "{self.machine_link}" masquerade'
        chain = "type nat hook postrouting priority srcnat; policy accept;"
        run(["nft", "-f", "-"], text=f"table inet {self.table} {{\nchain out {{\n{chain}\n{out}\n}}\n}}\n")
        _FORWARD.write_text("1\n")

    def _address(self, last: int) -> str:
        return f"10.77.{self.slot}.{last}"


def bridge_name(link: str) -> str:
    """Return the bridge, in a lab's namespace, of a link that hosts have."""
    return f"br-{link}"


def link_name(index: int, link: str) -> str:
    """Return the outer end of a host's link, in the lab's namespace."""
    return f"{link}.{index}"


def slot_is_free(slot: int) -> bool:
    """Whether nothing of the machine has a slot's addresses."""
    wanted = ipaddress.ip_network(Network("", slot).block)
    try:
        routes = json.loads(run(["ip", "-json", "route", "show", "table", "all"]) or "[]")
    except Failed:
        return False
    taken = (route.get("dst", "") for route in routes)
    return not any(wanted.overlaps(network) for network in map(_parsed, taken) if network is not None)


def forwards() -> bool:
    """Whether the machine forwards packets."""
    return _FORWARD.read_text().strip() == "1"


def stop_forwarding() -> None:
    """Let the machine forward no more."""
    _FORWARD.write_text("0\n")


def _parsed(text: str) -> ipaddress.IPv4Network | None:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError:
        return None
