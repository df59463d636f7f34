"""`nova-manage placement`: keeping placement and the databases of one mind."""

from __future__ import annotations

from compute_service.domain.errors import ComputeError, Unavailable
from compute_service.manage.audit import audit
from compute_service.manage.heal import heal
from compute_service.manage.tools import JSON, OK, VERBOSE, Command, Options, Tools, argument, switch, told
from compute_service.ports.placement import Placement
from compute_service.store.aggregates import aggregate_list
from compute_service.store.compute_nodes import compute_node_list
from compute_service.store.engine import Store
from compute_service.store.mappings import host_mapping_get

SEVERAL_NODES = 1
API_ERROR = 2
UPDATE_FAILED = 3
NO_HOST_MAPPING = 4
NO_NODE = 5
NO_PROVIDER = 6


class Mismatch(Exception):
    """An aggregate's host cannot be brought into placement; `code` is the exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def sync_aggregates(options: Options, tools: Tools) -> int:
    """Put the hosts of aggregates into the aggregates of the same UUID in placement.

    1 when a host has several hypervisors, 2 when placement does not answer, 3 when it refuses, 4 for a host
    that is not mapped, 5 for one without a compute node, 6 for one without a resource provider. All hosts
    are gone through; the first problem gives the code.
    """
    store, placement = tools.store(), tools.open_placement()
    problems: list[Mismatch] = []
    with store.api.read() as tx:
        aggregates = aggregate_list(tx)
    for aggregate in aggregates:
        for host in aggregate.hosts:
            try:
                _put(aggregate.uuid, host, store, placement, options, tools)
            except Mismatch as problem:
                tools.say(f"ERROR: {problem}")
                problems.append(problem)
            except Unavailable as error:
                tools.say(f"ERROR: {told(error)}")
                return API_ERROR
    return problems[0].code if problems else OK


def _put(
    aggregate: str, host: str, store: Store, placement: Placement, options: Options, tools: Tools
) -> None:
    provider = placement.provider(_node(host, store))
    if provider is None:
        raise Mismatch(NO_PROVIDER, f"Host {host} has no resource provider.")
    if aggregate in provider.aggregates:
        return
    try:
        placement.set_aggregates(provider.uuid, (*provider.aggregates, aggregate))
    except Unavailable:
        raise
    except ComputeError as error:
        message = f"Host {host} was not put into aggregate {aggregate}: {error.message}"
        raise Mismatch(UPDATE_FAILED, message) from error
    if options.verbose:
        tools.say(f"Host {host} ({provider.uuid}) is in aggregate {aggregate} now.")


def _node(host: str, store: Store) -> str:
    with store.api.read() as tx:
        mapping = host_mapping_get(tx, host)
    if mapping is None:
        raise Mismatch(NO_HOST_MAPPING, f"Host {host} is not mapped to a cell.")
    with store.database(mapping.cell).read() as tx:
        nodes = compute_node_list(tx, host=host)
    if not nodes:
        raise Mismatch(NO_NODE, f"Host {host} has no compute node.")
    if len(nodes) > 1:
        raise Mismatch(SEVERAL_NODES, f"Host {host} has several compute nodes.")
    return nodes[0].uuid


COMMANDS = (
    Command(
        "heal_allocations",
        "Claim in placement for servers that hold nothing there.",
        heal,
        (
            argument("--max-count", type=int, metavar="N", help="The most servers to heal."),
            VERBOSE,
            switch("--dry-run", "Tell what would be done, and do nothing."),
            argument("--instance", metavar="UUID", help="This server only."),
            switch("--skip-port-allocations", "Accepted: resources of ports are not claimed here."),
            argument("--cell", metavar="UUID", help="The servers of this cell only."),
            switch("--force", "Claim anew also for servers that hold something."),
        ),
    ),
    Command(
        "sync_aggregates",
        "Put the hosts of aggregates into placement's aggregates.",
        sync_aggregates,
        (VERBOSE,),
    ),
    Command(
        "audit",
        "Look for allocations that no server stands behind.",
        audit,
        (
            VERBOSE,
            JSON,
            argument("--resource_provider", metavar="UUID", help="Look at this provider only."),
            switch("--delete", "Remove them."),
        ),
    ),
)
