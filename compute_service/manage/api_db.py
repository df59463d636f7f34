"""`nova-manage api_db`: the schema of the API database."""

from __future__ import annotations

from compute_service.domain.errors import ComputeError
from compute_service.manage.tools import FAILED, OK, Command, Options, Tools, argument, told
from compute_service.store.schema import upgrade

VERSION = argument("version", nargs="?", help="The revision to go to; the newest when not given.")


def sync(options: Options, tools: Tools) -> int:
    """Make or upgrade the schema. 1 when that fails."""
    url = tools.settings.api_database.connection
    if not url:
        tools.say("ERROR: The option connection in [api_database] is not set.")
        return FAILED
    try:
        upgrade.sync(url, "api", options.version)
    except ComputeError as error:
        tools.say(f"ERROR: {told(error)}")
        return FAILED
    return OK


def version(options: Options, tools: Tools) -> int:
    """Print the revision of the schema; nothing has been made yet when it prints None."""
    url = tools.settings.api_database.connection
    if not url:
        tools.say("ERROR: The option connection in [api_database] is not set.")
        return FAILED
    tools.say(upgrade.version(url, "api"))
    return OK


COMMANDS = (
    Command("sync", "Make or upgrade the schema of the API database.", sync, (VERSION,)),
    Command("version", "Print the revision of the API database's schema.", version),
)
