"""`nova-manage placement heal_allocations`: allocations that servers should have and have not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from compute_service.domain.errors import ComputeError, Conflict, NotFound
from compute_service.domain.instance import Instance
from compute_service.manage.tools import BAD_INPUT, FAILED, OK, Options, Tools, told
from compute_service.ports.placement import ConsumerAllocations, Placement
from compute_service.store.compute_nodes import compute_node_of_host
from compute_service.store.engine import Store
from compute_service.store.instance_query import InstanceQuery
from compute_service.store.instances import instance_page
from compute_service.store.servers import server_locate

MORE_TO_DO = 1
NO_NODE = 2
CLAIM_FAILED = 3
NOTHING_TO_DO = 4
BATCH = 50

_OVERRIDE = re.compile(r"resources:([A-Z][A-Z0-9_]*)")
_GROUPED = re.compile(r"resources[a-zA-Z0-9_-]+:")


def heal(options: Options, tools: Tools) -> int:
    """Claim for servers that hold nothing what their flavor says; with --force also anew for those that do.

    0 when done, 1 when --max-count was reached or for an unknown server or cell, 2 when a server's host has
    no compute node, 3 when a claim failed, 4 when there was nothing to do, 127 for a count below one. Servers
    that are being worked on are passed over.
    """
    if options.max_count is not None and options.max_count < 1:
        tools.say("--max-count must be at least 1.")
        return BAD_INPUT
    store, placement = tools.store(), tools.open_placement()
    healed = 0
    try:
        for cell, server in _candidates(store, options):
            wanted = _wanted(cell, server, store, placement, options.force)
            if wanted is None:
                continue
            if options.max_count is not None and healed == options.max_count:
                tools.say(f"Max count reached. Processed {healed} instances.")
                return MORE_TO_DO
            if not options.dry_run:
                placement.claim_many((wanted,))
            healed += 1
            _tell(server, wanted, options, tools)
    except _NoNode as error:
        tools.say(f"ERROR: {told(error)}")
        return NO_NODE
    except NotFound as error:
        tools.say(f"ERROR: {told(error)}")
        return FAILED
    except ComputeError as error:
        tools.say(f"ERROR: {told(error)}")
        return CLAIM_FAILED
    tools.say(f"Processed {healed} instances.")
    return OK if healed else NOTHING_TO_DO


class _NoNode(ComputeError):
    """A server's host has no compute node."""


def _tell(server: Instance, wanted: ConsumerAllocations, options: Options, tools: Tools) -> None:
    if options.verbose or options.dry_run:
        done = "Would claim" if options.dry_run else "Claimed"
        tools.say(f"{done} {wanted.allocations} for instance {server.uuid}")


def _candidates(store: Store, options: Options) -> Iterator[tuple[str, Instance]]:
    """Yield the servers to look at with their cells. Raises NotFound for an unknown server or cell."""
    if options.instance:
        found = server_locate(store, options.instance)
        if found is None:
            raise NotFound(f"Instance {options.instance} could not be found.")
        yield found.database, found.instance
        return
    cells = [cell.uuid for cell in store.cells(include_disabled=True)]
    if options.cell:
        if options.cell not in cells:
            raise NotFound(f"Cell with uuid {options.cell} was not found.")
        cells = [options.cell]
    for cell in cells:
        marker = None
        while page := _page(store, cell, marker):
            yield from ((cell, server) for server in page)
            marker = page[-1].uuid


def _page(store: Store, cell: str, marker: str | None) -> list[Instance]:
    query = InstanceQuery(
        sort_keys=("created_at",), sort_dirs=("asc",), soft_deleted=True, marker=marker, limit=BATCH
    )
    with store.database(cell).read() as tx:
        return instance_page(tx, query)


def _wanted(
    cell: str, server: Instance, store: Store, placement: Placement, force: bool
) -> ConsumerAllocations | None:
    """Return the claim that a server is in want of, or None."""
    if server.host is None or server.task_state is not None:
        return None
    held = placement.allocations(server.uuid)
    if held is not None and not force:
        return None
    with store.database(cell).read() as tx:
        node = compute_node_of_host(tx, server.host, server.node)
    if node is None:
        raise _NoNode(f"Host {server.host} of instance {server.uuid} has no compute node {server.node}.")
    allocations = {node.uuid: resources_of(server)}
    if held is not None and held.allocations == allocations:
        return None
    return ConsumerAllocations(
        consumer=server.uuid,
        project_id=server.project_id,
        user_id=server.user_id,
        allocations=allocations,
        generation=held.generation if held is not None else None,
    )


def resources_of(server: Instance) -> dict[str, int]:
    """Return what a server takes of its host, by resource class.

    Raises Conflict for a flavor with numbered request groups: which provider has what cannot be told
    afterwards.
    """
    flavor = server.flavor
    if any(_GROUPED.match(key) for key in flavor.extra_specs):
        raise Conflict(f"The flavor of instance {server.uuid} has numbered groups of resources.")
    volume_booted = not server.image_ref
    found = {
        "VCPU": flavor.vcpus,
        "MEMORY_MB": flavor.memory_mb,
        "DISK_GB": flavor.disk_gb - (flavor.root_gb if volume_booted else 0),
    }
    for key, text in flavor.extra_specs.items():
        if (match := _OVERRIDE.fullmatch(key)) and text.isdecimal():
            found[match[1]] = int(text)
    return {name: amount for name, amount in found.items() if amount}
