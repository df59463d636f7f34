"""What is known of cells whose database does not answer: the names of their hosts."""

from __future__ import annotations

from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError
from compute_service.domain.record import Record
from compute_service.store.mappings import host_mapping_list


class HostOutOfReach(Record):
    """A compute host of which only the name is known now."""

    host: str
    cell: str


def hosts_out_of_reach(svc: Services) -> list[HostOutOfReach]:
    """Return the mapped hosts of cells that do not answer, by name."""
    answers = svc.store.fan_out(lambda tx: None)
    silent = {name for name, answer in answers.items() if isinstance(answer, ComputeError)}
    if not silent:
        return []
    with svc.store.api.read() as tx:
        mapped = host_mapping_list(tx)
    return [HostOutOfReach(host=one.host, cell=one.cell) for one in mapped if one.cell in silent]
