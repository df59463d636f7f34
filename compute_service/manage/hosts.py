"""`nova-manage cell_v2`: which cell hosts are in."""

from __future__ import annotations

from compute_service.control.discovery import discover_hosts
from compute_service.domain.errors import Conflict
from compute_service.domain.host import CELL0, Cell
from compute_service.manage.table import Table
from compute_service.manage.tools import (
    CELL_UUID,
    FAILED,
    JSON,
    OK,
    ONE_CELL,
    VERBOSE,
    Command,
    Options,
    Tools,
    argument,
    switch,
    told,
)
from compute_service.store.compute_nodes import compute_node_list, compute_node_set_mapped
from compute_service.store.engine import Store
from compute_service.store.instances import instances_on_host
from compute_service.store.mappings import (
    cell_mapping_get,
    cell_mapping_list,
    host_mapping_delete,
    host_mapping_get,
    host_mapping_insert,
    host_mapping_list,
)
from compute_service.store.services import service_list

COMPUTE = "nova-compute"
MAPPED_ELSEWHERE = 2
NO_HOST = 2
NOT_IN_CELL = 3
HAS_INSTANCES = 4


def map_hosts(store: Store, cell: str, by_service: bool) -> list[str]:
    """Map the hosts of a cell that are not; return them. Raises Conflict for one mapped elsewhere.

    Hosts are those that registered a hypervisor, or by service those whose nova-compute reports in.
    """
    if not by_service:
        return discover_hosts(store, cell)
    with store.database(cell).read() as tx:
        hosts = sorted({service.host for service in service_list(tx, binary=COMPUTE)})
    with store.api.write() as tx:
        return [host for host in hosts if host_mapping_insert(tx, host, cell)]


def discover(options: Options, tools: Tools) -> int:
    """Map hosts that are not, of one cell or of all.

    With --strict 1 when there was none; 1 also for an unknown cell; 2 when one is mapped to another cell.
    """
    store = tools.store()
    with store.api.read() as tx:
        cells = [c for c in cell_mapping_list(tx) if options.cell_uuid in (None, c.uuid)]
    if not cells:
        tools.say(f"Cell with uuid {options.cell_uuid} was not found." if options.cell_uuid else "No cells.")
        return FAILED
    tell = tools.say if options.verbose else lambda text="": None
    if options.cell_uuid is None:
        tell(f"Found {len(cells)} cell mappings.")
    found = 0
    for cell in cells:
        if cell.uuid == CELL0:
            tell("Skipping cell0 since it does not contain hosts.")
            continue
        try:
            found += _discover_in(cell, options, store, tools)
        except Conflict as error:
            tools.say(f"ERROR: {told(error)}")
            return MAPPED_ELSEWHERE
    if options.strict and not found:
        tools.say("No unmapped hosts were found.")
        return FAILED
    return OK


def _discover_in(cell: Cell, options: Options, store: Store, tools: Tools) -> int:
    if not options.verbose:
        return len(map_hosts(store, cell.uuid, options.by_service))
    name = f"'{cell.name}'" if cell.name else "without a name"
    tools.say(f"Getting computes from cell {name}: {cell.uuid}")
    with store.database(cell.uuid).read() as tx:
        if options.by_service:
            unmapped = {s.host: s.uuid for s in service_list(tx, binary=COMPUTE)}
        else:
            unmapped = {n.host: n.uuid for n in compute_node_list(tx, mapped=False)}
    tools.say(f"Found {len(unmapped)} unmapped computes in cell: {cell.uuid}")
    for host, uuid in unmapped.items():
        tools.say(f"Checking host mapping for compute host '{host}': {uuid}")
    new = map_hosts(store, cell.uuid, options.by_service)
    for host in new:
        tools.say(f"Creating host mapping for compute host '{host}': {unmapped.get(host, '')}")
    return len(new)


def list_hosts(options: Options, tools: Tools) -> int:
    """Print the mapped hosts by cell and name. 1 for an unknown cell."""
    with tools.store().api.read() as tx:
        if options.cell_uuid and cell_mapping_get(tx, options.cell_uuid) is None:
            tools.say(f"Cell with uuid {options.cell_uuid} was not found.")
            return FAILED
        hosts = host_mapping_list(tx, options.cell_uuid)
    rows = sorted((host.cell_name or "", host.cell, host.host) for host in hosts)
    tools.show(Table(("Cell Name", "Cell UUID", "Hostname"), rows), options)
    return OK


def delete_host(options: Options, tools: Tools) -> int:
    """Forget a host, so that it can be discovered anew.

    1 for an unknown cell, 2 for an unknown host, 3 when it is in another cell, 4 when it has servers.
    """
    store, cell, host = tools.store(), options.cell_uuid, options.host
    with store.api.read() as tx:
        known = cell_mapping_get(tx, cell)
        mapping = host_mapping_get(tx, host)
    if known is None:
        tools.say(f"Cell with uuid {cell} was not found.")
        return FAILED
    if mapping is None:
        tools.say(f"The host {host} was not found.")
        return NO_HOST
    if mapping.cell != cell:
        tools.say(f"The host {host} was not found in the cell {cell}.")
        return NOT_IN_CELL
    database = store.database(cell)
    with database.write() as tx:
        if instances_on_host(tx, host):
            tools.say(f"There are servers on the host {host}.")
            return HAS_INSTANCES
        compute_node_set_mapped(tx, [node.uuid for node in compute_node_list(tx, host=host)], mapped=False)
    with store.api.write() as tx:
        host_mapping_delete(tx, host)
    return OK


COMMANDS = (
    Command(
        "discover_hosts",
        "Map hosts that are not, so that servers may be placed there.",
        discover,
        (
            CELL_UUID,
            VERBOSE,
            switch("--strict", "Fail when there is no host to map."),
            switch("--by-service", "Look for services instead of hypervisors."),
        ),
    ),
    Command("list_hosts", "List the mapped hosts.", list_hosts, (CELL_UUID, JSON)),
    Command(
        "delete_host",
        "Forget an empty host.",
        delete_host,
        (ONE_CELL, argument("--host", required=True, help="The host.")),
    ),
)
