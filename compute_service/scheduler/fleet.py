"""What is known of all hosts at one moment: the value that a decision is made on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from compute_service.domain.aggregate import Aggregate
from compute_service.domain.host import ComputeNode, Service
from compute_service.domain.record import Record

_EPOCH = datetime(1970, 1, 1)


class HostLoad(Record):
    """What is on a host: its living servers, and those of them that are being built, moved or copied now."""

    instances: int = 0
    busy: int = 0


class HostFiles(Record):
    """Everything a source tells of the hosts of all reachable, enabled cells, unconnected."""

    nodes: tuple[ComputeNode, ...] = ()
    services: dict[str, Service] = {}
    """The compute services by UUID."""
    cells: dict[str, str] = {}
    """Host → the UUID of the cell that it is mapped to."""
    aggregates: tuple[Aggregate, ...] = ()
    loads: dict[str, HostLoad] = {}
    """By host."""
    recent: dict[str, str] = {}
    """The servers and migrations written in the last minutes, deleted ones included → the host of each."""


@dataclass(frozen=True, slots=True)
class Host:
    """One hypervisor that may be chosen."""

    uuid: str
    """Also its root resource provider's."""
    name: str
    node: str
    """Its name as a hypervisor."""
    cell: str
    zone: str
    enabled: bool
    alive_until: float
    """Epoch seconds after which it counts as down unless it is heard of again; 0 when it does already."""
    record: ComputeNode
    load: HostLoad
    aggregates: tuple[Aggregate, ...] = ()
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The metadata of its aggregates: key → each value that one of them has."""

    def numbers(self, key: str) -> list[float]:
        """Return the numbers that the host's aggregates give under a key; what is no number is left out."""
        found = []
        for text in self.values.get(key, ()):
            try:
                found.append(float(text))
            except ValueError:
                continue
        return found

    def words(self, key: str) -> frozenset[str]:
        """Return the comma-separated words that the host's aggregates give under a key."""
        return frozenset(
            word.strip() for text in self.values.get(key, ()) for word in text.split(",") if word.strip()
        )


@dataclass(frozen=True, slots=True)
class Fleet:
    """All hosts that may be chosen. `mark` orders fleets: one read later has a higher one."""

    hosts: Mapping[str, Host]
    """By UUID."""
    aggregates: tuple[Aggregate, ...]
    recent: Mapping[str, str]
    mark: int
    read_at: float
    """Epoch seconds."""
    names: Mapping[str, tuple[Host, ...]]
    """By host name; a host has one hypervisor as a rule."""
    keys: frozenset[str]
    """Every key in the metadata of aggregates that have hosts."""

    def find(self, host: str | None, node: str | None) -> tuple[Host, ...]:
        """Return the hypervisors of a host name, of a hypervisor name, or of both."""
        among = self.names.get(host, ()) if host is not None else tuple(self.hosts.values())
        return tuple(one for one in among if node is None or one.node == node)


def assemble(files: HostFiles, down_after: float, default_zone: str, mark: int, now: float) -> Fleet:
    """Connect what a source told. A hypervisor without a service, or not mapped to its cell, is left out."""
    hosts: dict[str, Host] = {}
    by_host: dict[str, list[Aggregate]] = {}
    for aggregate in files.aggregates:
        for name in aggregate.hosts:
            by_host.setdefault(name, []).append(aggregate)
    merged = {name: _values(found) for name, found in by_host.items()}
    for node in files.nodes:
        service = files.services.get(node.service_uuid)
        if service is None or files.cells.get(node.host) != node.cell:
            continue
        values = merged.get(node.host, {})
        hosts[node.uuid] = Host(
            uuid=node.uuid,
            name=node.host,
            node=node.facts.hypervisor_hostname,
            cell=node.cell,
            zone=next(iter(sorted(values.get("availability_zone", ()))), default_zone),
            enabled=not service.disabled,
            alive_until=_alive_until(service, down_after),
            record=node,
            load=files.loads.get(node.host, HostLoad()),
            aggregates=tuple(by_host.get(node.host, ())),
            values=values,
        )
    names: dict[str, tuple[Host, ...]] = {}
    for host in hosts.values():
        names[host.name] = (*names.get(host.name, ()), host)
    keys = frozenset(key for values in merged.values() for key in values)
    return Fleet(hosts, files.aggregates, files.recent, mark, now, names, keys)


def _values(aggregates: Iterable[Aggregate]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for aggregate in aggregates:
        for key, value in aggregate.metadata.items():
            found[key] = found.get(key, frozenset()) | {value}
    return found


def _alive_until(service: Service, down_after: float) -> float:
    if service.forced_down or service.last_seen_up is None:
        return 0.0
    return (service.last_seen_up - _EPOCH).total_seconds() + down_after
