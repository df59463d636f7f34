"""Changes of data that are made while the service runs, after an upgrade."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from compute_service.manage.table import Table
from compute_service.manage.tools import BAD_INPUT, OK, Tools
from compute_service.store.engine import Store

LOG = logging.getLogger(__name__)

MORE_TO_DO = 1
SOME_FAILED = 2
BATCH = 50

Migration = Callable[[Store, int], tuple[int, int]]
"""Changes at most so many rows; returns how many it found in want of it, and how many it changed."""

MIGRATIONS: dict[str, Migration] = {}
"""Name → migration. This is the first release: there is nothing to bring along yet."""


def run_migrations(migrations: Mapping[str, Migration], max_count: int | None, tools: Tools) -> int:
    """Run every migration, in batches to the end or for at most `max_count` rows, and tell what was done.

    0 when all is done, 1 when more remains, 2 when some failed and nothing else was left to do, 127 for a
    count below one.
    """
    if max_count is not None and max_count < 1:
        tools.say("--max-count must be at least 1.")
        return BAD_INPUT
    totals = {name: (0, 0) for name in migrations}
    if max_count is None:
        tools.say(f"Running batches of {BATCH} until complete")
    done, failed = _batch(migrations, totals, max_count or BATCH, tools)
    while max_count is None and done:
        done, failed = _batch(migrations, totals, BATCH, tools)
    rows = [(name, *counts) for name, counts in sorted(totals.items())]
    tools.say(Table(("Migration", "Total Needed", "Completed"), rows))
    if failed and not done:
        return SOME_FAILED
    return MORE_TO_DO if done else OK


def _batch(
    migrations: Mapping[str, Migration], totals: dict[str, tuple[int, int]], count: int, tools: Tools
) -> tuple[int, bool]:
    """Run each migration on what is left of `count`; returns the rows changed and whether one failed."""
    changed, failed = 0, False
    for name, migrate in migrations.items():
        if changed >= count:
            break
        try:
            found, done = migrate(tools.store(), count - changed)
        except Exception:
            LOG.exception("Migration %s failed", name)
            tools.say(f"Error attempting to run {name}; the log tells why.")
            failed = True
            continue
        if found:
            tools.say(f"{found} rows matched {name}, {done} migrated")
        totals[name] = (totals[name][0] + found, totals[name][1] + done)
        changed += done
    return changed, failed
