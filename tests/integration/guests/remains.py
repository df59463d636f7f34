"""What a cloud with real guests has that no server of it needs, and what servers lack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proving.hosts.compute import ComputeHost
from tests.functional.caller import Caller, wait_for
from tests.integration.guests.owner import Owner

SETTLE_SECONDS = 120.0
DOMAIN_OF = {
    "ACTIVE": "running",
    "RESCUE": "running",
    "SHUTOFF": "shut off",
    "SUSPENDED": "shut off",
    "PAUSED": "paused",
}
"""Status of a server → state of its domain."""
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LOOK = """
for uuid in $(virsh list --all --uuid); do echo "domain $uuid $(virsh domstate $uuid)"; done
for name in $(ls /var/lib/nova/instances); do echo "files $name"; done
for link in /sys/class/net/tap*; do [ -e "$link" ] && echo "tap ${link##*/}"; done
true
"""


@dataclass(frozen=True)
class Held:
    """What a host has."""

    domains: dict[str, str]
    """Server → state of its domain."""
    files: set[str]
    """Names of servers' directories, and of what is like them."""
    taps: set[str]


def held(host: ComputeHost) -> Held:
    """Return what a host has of servers."""
    found = Held({}, set(), set())
    for line in host.host.run("sh", "-c", _LOOK).splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "domain":
            uuid, _, state = rest.partition(" ")
            found.domains[uuid] = state
        elif kind == "files" and re.match(UUID, rest):
            found.files.add(rest)
        elif kind == "tap":
            found.taps.add(rest)
    return found


def no_remains(owner: Owner) -> None:
    """Wait until the cloud has what its servers need, all of that, and nothing else."""
    found: list[str] = []

    def clean() -> bool:
        found[:] = remains(owner)
        return not found

    wait_for(clean, SETTLE_SECONDS, lambda: "\n".join(found))


def remains(owner: Owner) -> list[str]:
    """Return what is too much or missing: domains, files, taps, ports, allocations.

    Servers are idle meanwhile, and none waits for its resize to be confirmed.
    """
    reply = owner.caller.get("/servers/detail?all_tenants=1")
    assert reply.status == 200, reply
    servers = {row["id"]: row for row in reply.body["servers"]}
    found = list(_ports(owner, set(servers)))
    for name, host in owner.cloud.computes.items():
        here = {uuid: row for uuid, row in servers.items() if row["OS-EXT-SRV-ATTR:host"] == name}
        found += [f"{name}: {one}" for one in _on_host(owner, held(host), here)]
        found += [f"{name}: {one}" for one in _allocations(owner, name, set(here))]
    return found


def _on_host(owner: Owner, has: Held, here: dict[str, dict[str, Any]]) -> Iterator[str]:
    for uuid in here.keys() | has.domains.keys():
        wanted = DOMAIN_OF.get(here[uuid]["status"], "settled") if uuid in here else None
        if has.domains.get(uuid) != wanted:
            yield f"the domain of {uuid} is {has.domains.get(uuid)}, and should be {wanted}"
    for name in has.files ^ here.keys():
        yield f"the directory {name} is {'left over' if name in has.files else 'missing'}"
    running = {uuid for uuid, row in here.items() if DOMAIN_OF.get(row["status"]) != "shut off"}
    wanted_taps = {f"tap{port[:11]}" for port, server in _bound(owner) if server in running}
    for tap in has.taps ^ wanted_taps:
        yield f"the interface {tap} is {'left over' if tap in has.taps else 'missing'}"


def _ports(owner: Owner, servers: set[str]) -> Iterator[str]:
    owners = [server for _, server in _bound(owner)]
    for uuid in servers | set(owners):
        if owners.count(uuid) != int(uuid in servers):
            yield f"{uuid} has {owners.count(uuid)} ports"


def _bound(owner: Owner) -> list[tuple[str, str]]:
    """Return the ports that servers have: (port, server)."""
    network = owner.cloud.site.network
    with network.tables.lock:
        return [(port.id, port.device_id) for port in network.ports.values() if port.device_id]


def _allocations(owner: Owner, host: str, here: set[str]) -> Iterator[str]:
    site = owner.cloud.site
    placement = Caller(site.placement_url, site.token(), {"OpenStack-API-Version": "placement 1.28"})
    nodes = owner.caller.get("/os-hypervisors/detail").body["hypervisors"]
    (provider,) = (node["id"] for node in nodes if node["service"]["host"] == host)
    reply = placement.get(f"/resource_providers/{provider}/allocations", None)
    assert reply.status == 200, reply
    for consumer in set(reply.body["allocations"]) ^ here:
        yield f"the allocation of {consumer} is {'missing' if consumer in here else 'left over'}"
