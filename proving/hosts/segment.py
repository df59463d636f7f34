"""The guests' network: one segment over all hosts, with addresses and metadata from a host of its own.

Plays the parts of Neutron's DHCP and metadata agents for the network service in memory.
"""

from __future__ import annotations

import ipaddress
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.neutron_rows import PortRow, SubnetRow
from proving.hosts.metadata_proxy import ADDRESS
from proving.hosts.needs import SOURCE
from proving.lab.host import Host
from proving.lab.layers import VENV

LINK, BRIDGE = "prov0", "br-guests"
FOLDER = "/var/lib/segment"
_LOOK_SECONDS = 0.1
_BRIDGE_FILES = f"""[NetDev]
Name={BRIDGE}
Kind=bridge

[Bridge]
ForwardDelaySec=0
STP=no
"""


def join(host: Host) -> None:
    """Let a compute host's guests be on the segment."""
    network = f"[Match]\nName={LINK}\n\n[Network]\nBridge={BRIDGE}\nLinkLocalAddressing=no\n"
    idle = f"[Match]\nName={BRIDGE}\n\n[Network]\nLinkLocalAddressing=no\nConfigureWithoutCarrier=yes\n"
    files = {"20-guests.netdev": _BRIDGE_FILES, "20-link.network": network, "21-guests.network": idle}
    for name, text in files.items():
        host.write(f"/etc/systemd/network/{name}", text)
    host.run("networkctl", "reload")


class Segment:
    """What serves the segment, on its host."""

    def __init__(self, host: Host, network: FakeNetwork, metadata_port: int, secret: str) -> None:
        """`secret` is that by which the metadata service knows that it is us who ask."""
        self.secret = secret
        self._host, self._network, self._port = host, network, metadata_port
        self._known: dict[str, Any] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="segment")

    def start(self) -> None:
        """Begin to serve. Raises Failed."""
        private = next(row for row in self._network.networks.values() if row.name == "private")
        subnet = self._network.plane.subnets_of(private.id)[0]
        prefix = ipaddress.ip_network(subnet.cidr).prefixlen
        addresses = f"Address={subnet.gateway_ip}/{prefix}\nAddress={ADDRESS}/32\n"
        link = f"[Match]\nName={LINK}\n\n[Network]\n{addresses}LinkLocalAddressing=no\n"
        host = self._host
        host.write("/etc/systemd/network/20-link.network", link)
        host.run("networkctl", "reload")
        host.write(f"{FOLDER}/proxy.json", json.dumps({"port": self._port, "secret": self.secret}), 0o600)
        host.write(f"{FOLDER}/ports.json", "{}")
        host.run("mkdir", "-p", f"{FOLDER}/leases")
        host.run("/lib/systemd/systemd-networkd-wait-online", f"--interface={LINK}", "--timeout=30")
        host.write("/etc/dnsmasq-guests.conf", _dnsmasq(subnet, private.mtu))
        self._serve("segment-dhcp", "dnsmasq", "--keep-in-foreground", "--conf-file=/etc/dnsmasq-guests.conf")
        proxy = (f"{VENV}/bin/python", f"{SOURCE}/proving/hosts/metadata_proxy.py", FOLDER)
        self._serve("segment-metadata", *proxy)
        self._thread.start()

    def close(self) -> None:
        """Follow the ports no more."""
        self._ended.set()
        if self._thread.ident:
            self._thread.join()

    def _serve(self, unit: str, *command: str) -> None:
        self._host.run("systemd-run", "--quiet", f"--unit={unit}", "--property=Restart=on-failure", *command)

    def _follow(self) -> None:
        """Tell the host of each port as it comes and goes."""
        while not self._ended.wait(_LOOK_SECONDS):
            with self._network.tables.lock:
                ports = {port.id: port for port in self._network.ports.values() if port.device_id}
            now = {port.id: _leased(port) for port in ports.values() if port.fixed_ips}
            if now != self._known:
                self._tell(now)
                self._known = now

    def _tell(self, ports: Mapping[str, tuple[str, str, dict[str, str]]]) -> None:
        """Write what changed into the host's files, as it sees them itself."""
        folder = self._host.root / FOLDER.lstrip("/")
        whose = {address: asking for _, address, asking in ports.values()}
        _put(folder / "ports.json", json.dumps(whose))
        for port in self._known.keys() - ports.keys():
            (folder / "leases" / port).unlink(missing_ok=True)
        for port, (mac, address, _) in ports.items():
            _put(folder / "leases" / port, f"{mac},{address}\n")


def _leased(port: PortRow) -> tuple[str, str, dict[str, str]]:
    asking = {"server": port.device_id, "project": port.project_id}
    return port.mac_address, port.fixed_ips[0].ip_address, asking


def _put(path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    part = path.parent.parent / f".{path.name}"
    part.write_text(text)
    part.replace(path)


def _dnsmasq(subnet: SubnetRow, mtu: int) -> str:
    block = ipaddress.ip_network(subnet.cidr)
    routes = f"{ADDRESS}/32,{subnet.gateway_ip},0.0.0.0/0,{subnet.gateway_ip}"
    lines = [
        *("port=0", f"interface={LINK}", "bind-dynamic", "dhcp-authoritative", "dhcp-leasefile=/dev/null"),
        f"dhcp-range={block.network_address},static,{block.netmask},1h",
        f"dhcp-hostsdir={FOLDER}/leases",
        f"dhcp-option=option:router,{subnet.gateway_ip}",
        f"dhcp-option=option:classless-static-route,{routes}",
        f"dhcp-option=option:mtu,{mtu}",
    ]
    return "\n".join([*lines, ""])
