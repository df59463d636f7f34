"""`nova-manage cell_v2`: cells themselves."""

from __future__ import annotations

import uuid

from compute_service.domain.errors import Invalid
from compute_service.domain.host import CELL0, Cell
from compute_service.manage.hosts import map_hosts
from compute_service.manage.table import Table
from compute_service.manage.tools import (
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
)
from compute_service.manage.urls import cell0_url, masked
from compute_service.store.addresses import database_url, fill_url
from compute_service.store.database import Tx
from compute_service.store.engine import Store
from compute_service.store.instance_query import InstanceQuery
from compute_service.store.instances import instance_page
from compute_service.store.mappings import (
    cell_mapping_delete,
    cell_mapping_get,
    cell_mapping_insert,
    cell_mapping_list,
    cell_mapping_update,
    host_mapping_delete,
    host_mapping_list,
    instance_mapping_count,
)

NO_TRANSPORT = "none:///"
DUPLICATE = 2
HAS_HOSTS = 2
HAS_INSTANCES = 3
HAS_DELETED_INSTANCES = 4
CANNOT_UPDATE = 2
UPDATE_DUPLICATE = 3
ENABLE_AND_DISABLE = 4
IS_CELL0 = 5


def map_cell0(options: Options, tools: Tools) -> int:
    """Map cell0. Repeating changes nothing; 1 when there is no URL to map."""
    url = options.database_connection or _own_cell0(tools)
    if not url:
        tools.say("Give --database_connection, or set connection in [database].")
        return FAILED
    database_url(fill_url(url, tools.settings.database.connection))
    with tools.store().api.write() as tx:
        if cell_mapping_get(tx, CELL0) is not None:
            tools.say("Cell0 is already setup")
            return OK
        cell = Cell(uuid=CELL0, name="cell0", transport_url=NO_TRANSPORT, database_connection=url)
        cell_mapping_insert(tx, cell)
    return OK


def _own_cell0(tools: Tools) -> str | None:
    own = tools.settings.database.connection
    return cell0_url(own) if own else None


def create_cell(options: Options, tools: Tools) -> int:
    """Map a cell; --verbose prints its UUID. 1 when a URL is missing, 2 when a cell has them already."""
    transport, database = _urls(options, tools)
    if not transport:
        tools.say("Give --transport-url, or set transport_url in [DEFAULT].")
        return FAILED
    if not database:
        tools.say("Give --database_connection, or set connection in [database].")
        return FAILED
    database_url(fill_url(database, tools.settings.database.connection))
    with tools.store().api.write() as tx:
        other = _with_urls(tx, transport, database)
        if other is not None:
            tools.say(f"Cell {other.uuid} has this transport URL or this database connection already.")
            return DUPLICATE
        cell = Cell(
            uuid=str(uuid.uuid4()),
            name=options.name,
            transport_url=transport,
            database_connection=database,
            disabled=options.disabled,
        )
        cell_mapping_insert(tx, cell)
    if options.verbose:
        tools.say(cell.uuid)
    return OK


def _urls(options: Options, tools: Tools) -> tuple[str | None, str | None]:
    return (
        options.transport_url or tools.settings.default.transport_url,
        getattr(options, "database_connection", None) or tools.settings.database.connection,
    )


def _with_urls(tx: Tx, transport: str, database: str, besides: str | None = None) -> Cell | None:
    """Return a cell that has one of two URLs already, or None."""
    return next(
        (
            cell
            for cell in cell_mapping_list(tx)
            if cell.uuid != besides
            and (cell.transport_url == transport or cell.database_connection == database)
        ),
        None,
    )


def list_cells(options: Options, tools: Tools) -> int:
    """Print the cells by name. Passwords are masked unless --verbose."""
    with tools.store().api.read() as tx:
        cells = cell_mapping_list(tx)
    shown = str if options.verbose else masked
    rows = [
        (c.name or "", c.uuid, shown(c.transport_url), shown(c.database_connection), c.disabled)
        for c in sorted(cells, key=lambda c: c.name or "")
    ]
    tools.show(Table(("Name", "UUID", "Transport URL", "Database Connection", "Disabled"), rows), options)
    return OK


def update_cell(options: Options, tools: Tools) -> int:
    """Change a cell's mapping; URLs that are not given are taken from the configuration.

    1 for an unknown cell, 2 when it cannot be changed, 3 when another cell has the URLs, 4 for --enable with
    --disable, 5 for disabling cell0.
    """
    if options.enable and options.disable:
        tools.say("A cell cannot be enabled and disabled at the same time.")
        return ENABLE_AND_DISABLE
    store = tools.store()
    with store.api.write() as tx:
        seen = cell_mapping_get(tx, options.cell_uuid)
        if seen is None:
            tools.say(f"Cell with uuid {options.cell_uuid} was not found.")
            return FAILED
        if options.disable and seen.uuid == CELL0:
            tools.say("Cell0 cannot be disabled.")
            return IS_CELL0
        return _update(tx, seen, options, tools)


def _update(tx: Tx, seen: Cell, options: Options, tools: Tools) -> int:
    transport, database = _urls(options, tools)
    changes: dict[str, object] = {}
    if options.name:
        changes["name"] = options.name
    if transport and transport != seen.transport_url:
        changes["transport_url"] = transport
    if database and database != seen.database_connection:
        changes["database_connection"] = database
    if options.enable or options.disable:
        changes["disabled"] = options.disable
    other = _with_urls(
        tx, str(changes.get("transport_url", "")), str(changes.get("database_connection", "")), seen.uuid
    )
    if other is not None:
        tools.say(f"Cell {other.uuid} has this transport URL or this database connection already.")
        return UPDATE_DUPLICATE
    try:
        if "database_connection" in changes:
            database_url(fill_url(str(database), tools.settings.database.connection))
        cell_mapping_update(tx, seen.uuid, **changes)
    except Invalid as error:
        tools.say(f"Cell {seen.uuid} cannot be updated: {error.message}")
        return CANNOT_UPDATE
    return OK


def delete_cell(options: Options, tools: Tools) -> int:
    """Remove a cell's mapping, with --force also those of its hosts.

    1 for an unknown cell, 2 when hosts are mapped to it, 3 when servers live in it, 4 when deleted servers
    are still mapped to it (archive them first).
    """
    store = tools.store()
    with store.api.read() as tx:
        if cell_mapping_get(tx, options.cell_uuid) is None:
            tools.say(f"Cell with uuid {options.cell_uuid} was not found.")
            return FAILED
        hosts = host_mapping_list(tx, options.cell_uuid)
        mapped = instance_mapping_count(tx, options.cell_uuid)
    if hosts and not options.force:
        tools.say(
            f"There are hosts mapped to cell with uuid {options.cell_uuid}: delete them, or use --force."
        )
        return HAS_HOSTS
    if mapped:
        return _still_mapped(options.cell_uuid, store, tools)
    with store.api.write() as tx:
        for host in host_mapping_list(tx, options.cell_uuid):
            host_mapping_delete(tx, host.host)
        cell_mapping_delete(tx, options.cell_uuid)
    return OK


def _still_mapped(cell: str, store: Store, tools: Tools) -> int:
    with store.database(cell).read() as tx:
        living = instance_page(tx, InstanceQuery(soft_deleted=True, limit=1))
    if living:
        tools.say(f"There are servers in cell with uuid {cell}.")
        return HAS_INSTANCES
    tools.say(
        f"All servers of cell with uuid {cell} are deleted but still mapped. "
        "Run nova-manage db archive_deleted_rows --all-cells first."
    )
    return HAS_DELETED_INSTANCES


def map_cell_and_hosts(options: Options, tools: Tools) -> int:
    """Map the configured cell unless it is, and the hosts in it. 1 without a transport URL."""
    transport, database = _urls(options, tools)
    if not transport or not database:
        tools.say("Set transport_url in [DEFAULT] (or give --transport-url) and connection in [database].")
        return FAILED
    store = tools.store()
    with store.api.write() as tx:
        cell = next((c for c in cell_mapping_list(tx) if c.database_connection == database), None)
        if cell is None:
            cell = Cell(
                uuid=str(uuid.uuid4()),
                name=options.name,
                transport_url=transport,
                database_connection=database,
            )
            cell_mapping_insert(tx, cell)
    store.refresh()
    new = map_hosts(store, cell.uuid, by_service=False)
    if not new:
        tools.say("All hosts are already mapped to cell(s).")
    if options.verbose:
        tools.say(cell.uuid)
    return OK


def simple_cell_setup(options: Options, tools: Tools) -> int:
    """Set up cell0 and one cell, as the configuration has it. 1 without hosts or a transport URL."""
    transport, database = _urls(options, tools)
    if not transport or not database:
        tools.say("Set transport_url in [DEFAULT] (or give --transport-url) and connection in [database].")
        return FAILED
    options = argparse_like(options, database_connection=None, name=None, verbose=False)
    code = map_cell0(options, tools) or map_cell_and_hosts(options, tools)
    store = tools.store()
    with store.api.read() as tx:
        if code == OK and not host_mapping_list(tx):
            tools.say("No hosts found to map to cell, exiting.")
            return FAILED
    return code


def argparse_like(options: Options, **more: object) -> Options:
    """Return options with more of them."""
    return Options(**{**vars(options), **more})


_TRANSPORT = argument(
    "--transport-url", metavar="URL", help="The cell's message broker; by default the configured one."
)
_DATABASE = argument(
    "--database_connection", metavar="URL", help="The cell's database; by default the configured one."
)
_NAME = argument("--name", help="What to call the cell.")

COMMANDS = (
    Command(
        "simple_cell_setup",
        "Set up cell0 and the configured cell with its hosts.",
        simple_cell_setup,
        (_TRANSPORT,),
    ),
    Command("map_cell0", "Map cell0, where servers go that find no host.", map_cell0, (_DATABASE,)),
    Command(
        "map_cell_and_hosts",
        "Map the configured cell and the hosts in it.",
        map_cell_and_hosts,
        (_TRANSPORT, _NAME, VERBOSE),
    ),
    Command(
        "create_cell",
        "Map a cell.",
        create_cell,
        (_NAME, _DATABASE, _TRANSPORT, VERBOSE, switch("--disabled", "Put no new servers there yet.")),
    ),
    Command("list_cells", "List the cells.", list_cells, (VERBOSE, JSON)),
    Command(
        "update_cell",
        "Change a cell's mapping.",
        update_cell,
        (
            ONE_CELL,
            _NAME,
            _TRANSPORT,
            _DATABASE,
            switch("--disable", "Put no new servers there any more."),
            switch("--enable", "Put new servers there again."),
        ),
    ),
    Command(
        "delete_cell",
        "Remove an empty cell's mapping.",
        delete_cell,
        (ONE_CELL, switch("--force", "Also when hosts are mapped to it.")),
    ),
)
