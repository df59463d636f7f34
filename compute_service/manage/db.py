"""`nova-manage db`: the schema of a cell's database, and its old rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from compute_service.domain.errors import ComputeError, Invalid, NotFound
from compute_service.domain.host import CELL0, Cell
from compute_service.manage.api_db import VERSION
from compute_service.manage.dates import parse_date
from compute_service.manage.online import MIGRATIONS, run_migrations
from compute_service.manage.table import Table
from compute_service.manage.tools import FAILED, OK, VERBOSE, Command, Options, Tools, argument, switch, told
from compute_service.store.archive import archive_deleted_rows, forget_archived, purge_shadow_rows
from compute_service.store.database import Database
from compute_service.store.engine import Store
from compute_service.store.mappings import cell_mapping_list
from compute_service.store.schema import upgrade

BAD_MAX_ROWS = 2
NO_API_DATABASE = 3
BAD_DATE = 4
PURGE_NOT_TOLD_WHAT = 1
PURGE_BAD_DATE = 2
PURGE_NOTHING = 3
PURGE_NO_API_DATABASE = 4
MOST_ROWS = 0x7FFFFFFF
MAPPINGS = "API_DB.instance_mappings"


def sync(options: Options, tools: Tools) -> int:
    """Make or upgrade the schema of cell0 and of the configured cell. 1 when one of them fails."""
    code = OK if options.local_cell else _sync_cell0(options.version, tools)
    url = tools.settings.database.connection
    if not url:
        tools.say("ERROR: The option connection in [database] is not set.")
        return FAILED
    try:
        upgrade.sync(url, "cell", options.version)
    except ComputeError as error:
        tools.say(f"ERROR: {told(error)}")
        return FAILED
    return code


def _sync_cell0(version: str | None, tools: Tools) -> int:
    try:
        url = tools.store().cell0.url.render_as_string(hide_password=False)
        upgrade.sync(url, "cell", version)
    except NotFound:
        tools.say("ERROR: cell0 is not mapped. Run nova-manage api_db sync and cell_v2 map_cell0 first.")
        return FAILED
    except ComputeError as error:
        tools.say(
            f"ERROR: The database of cell0 was not brought up to date: {told(error)}\n"
            "Are the databases nova_api and nova_cell0 there, is [api_database] connection right, and were "
            "nova-manage api_db sync and cell_v2 map_cell0 run?"
        )
        return FAILED
    return OK


def version(options: Options, tools: Tools) -> int:
    """Print the revision of the schema."""
    url = tools.settings.database.connection
    if not url:
        tools.say("ERROR: The option connection in [database] is not set.")
        return FAILED
    tools.say(upgrade.version(url, "cell"))
    return OK


def archive(options: Options, tools: Tools) -> int:
    """Move deleted rows to the shadow tables.

    0 when there was nothing to archive, 1 when some was, 2 for a bad --max_rows, 3 without an API database,
    4 for a bad date.
    """
    if not 0 < options.max_rows <= MOST_ROWS:
        tools.say(f"--max_rows must be a number from 1 to {MOST_ROWS}.")
        return BAD_MAX_ROWS
    try:
        before = parse_date(options.before) if options.before else None
    except Invalid as error:
        tools.say(error.message)
        return BAD_DATE
    try:
        databases = _databases(tools, options.all_cells)
    except ComputeError as error:
        tools.say(f"The API database cannot be used: {told(error)}")
        return NO_API_DATABASE
    moved = _archive_all(databases, before, options, tools)
    if options.verbose:
        _tell(moved, "Number of Rows Archived", "Nothing was archived.", tools)
    if options.purge and moved:
        gone = _purge_all(databases, before)
        if options.verbose:
            _tell(gone, "Number of Rows Purged", "Nothing was purged.", tools)
    return int(bool(moved))


def _archive_all(
    databases: list[tuple[str, Database]], before: datetime | None, options: Options, tools: Tools
) -> Counter[str]:
    """Archive --max_rows rows in all, or with --until-complete until nothing is left; rows by table."""
    moved: Counter[str] = Counter()
    while True:
        batch = Counter[str]()
        for prefix, database in databases:
            left = options.max_rows - batch.total()
            if left > 0:
                batch += _archive_one(prefix, database, before, left, tools.store())
        moved += batch
        if not options.until_complete or not batch:
            return moved
        if options.sleep:
            tools.clock.sleep(options.sleep)


def _archive_one(
    prefix: str, database: Database, before: datetime | None, rows: int, store: Store
) -> Counter[str]:
    archived = archive_deleted_rows(database, before, rows)
    found = Counter({f"{prefix}{table}": count for table, count in archived.rows.items()})
    if archived.instances:
        with store.api.write() as tx:
            found[MAPPINGS] += forget_archived(tx, archived.instances)
    return +found


def purge(options: Options, tools: Tools) -> int:
    """Drop rows from the shadow tables.

    0 when some were dropped, 1 when neither --all nor --before is given, 2 for a bad date, 3 when there was
    nothing to drop, 4 without an API database.
    """
    if not options.all and not options.before:
        tools.say("Give --all or --before DATE.")
        return PURGE_NOT_TOLD_WHAT
    try:
        before = parse_date(options.before) if options.before else None
    except Invalid as error:
        tools.say(error.message)
        return PURGE_BAD_DATE
    try:
        databases = _databases(tools, options.all_cells)
    except ComputeError as error:
        tools.say(f"The API database cannot be used: {told(error)}")
        return PURGE_NO_API_DATABASE
    gone = _purge_all(databases, before)
    if options.verbose:
        _tell(gone, "Number of Rows Purged", "Nothing was purged.", tools)
    return OK if gone else PURGE_NOTHING


def _purge_all(databases: Iterable[tuple[str, Database]], before: datetime | None) -> Counter[str]:
    gone: Counter[str] = Counter()
    for prefix, database in databases:
        for table, count in purge_shadow_rows(database, before).items():
            gone[f"{prefix}shadow_{table.removeprefix('shadow_')}"] += count
    return gone


def _tell(rows: Counter[str], heading: str, nothing: str, tools: Tools) -> None:
    tools.say(Table(("Table", heading), sorted(rows.items())) if rows else nothing)


def _databases(tools: Tools, all_cells: bool) -> list[tuple[str, Database]]:
    """Return the databases to work on with what their tables' names are to begin with.

    One is the configured cell's; all are cell0's and every cell's. Raises what the API database raises.
    """
    store = tools.store()
    with store.api.read() as tx:
        cells = cell_mapping_list(tx)
    if all_cells:
        return [(f"{_called(cell)}.", store.database(cell.uuid)) for cell in cells]
    url = tools.settings.database.connection
    if not url:
        raise Invalid("The option connection in [database] is not set; or use --all-cells.")
    own = Database("local", url)
    mapped = [store.database(cell.uuid) for cell in cells if cell.uuid != CELL0]
    return [("", next((database for database in mapped if database.url == own.url), own))]


def _called(cell: Cell) -> str:
    return cell.name or cell.uuid


def online_data_migrations(options: Options, tools: Tools) -> int:
    """Bring rows to the form that this release writes. See `online.run_migrations`."""
    return run_migrations(MIGRATIONS, options.max_count, tools)


_BEFORE = argument("--before", metavar="DATE", help="Only what was deleted before this date.")
_ALL_CELLS = switch("--all-cells", "All cells, cell0 included, instead of the configured one.")

COMMANDS = (
    Command(
        "sync",
        "Make or upgrade the schema of the configured cell's database, and of cell0's.",
        sync,
        (VERSION, switch("--local_cell", "Leave cell0 alone.")),
    ),
    Command("version", "Print the revision of the cell database's schema.", version),
    Command(
        "archive_deleted_rows",
        "Move rows of deleted servers to the shadow tables.",
        archive,
        (
            argument(
                "--max_rows", type=int, default=1000, metavar="N", help="The most rows to move at a time."
            ),
            _BEFORE,
            VERBOSE,
            switch("--until-complete", "Go on until nothing is left to move."),
            switch("--purge", "Drop the rows from the shadow tables afterwards."),
            _ALL_CELLS,
            switch("--task-log", "Accepted: there is no table of usage audits to archive."),
            argument(
                "--sleep", type=float, default=0.0, metavar="S", help="Seconds to wait between batches."
            ),
        ),
    ),
    Command(
        "purge",
        "Drop rows from the shadow tables.",
        purge,
        (switch("--all", "Everything that is there."), _BEFORE, VERBOSE, _ALL_CELLS),
    ),
    Command(
        "online_data_migrations",
        "Bring rows to the form that this release writes, while the service runs.",
        online_data_migrations,
        (argument("--max-count", type=int, metavar="N", help="The most rows to look at."),),
    ),
)
