"""`nova-status`: whether an installation is ready for this release."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Callable, Sequence
from enum import IntEnum
from pathlib import Path

from compute_service.domain.errors import ComputeError
from compute_service.domain.host import CELL0
from compute_service.domain.record import Record
from compute_service.manage.app import run
from compute_service.manage.hosts import COMPUTE
from compute_service.manage.table import framed
from compute_service.manage.tools import JSON, Command, Options, Tools, add_commands, told
from compute_service.store.compute_nodes import compute_node_list
from compute_service.store.engine import Store
from compute_service.store.mappings import cell_mapping_list, host_mapping_list
from compute_service.store.services import service_list
from compute_service.version import VERSION

MIN_PLACEMENT = (1, 36)
MIN_CINDER = (3, 44)
OLDEST_COMPUTE = 1
"""The lowest `ComputeAgent.VERSION` that this release's conductors can still talk to."""
WIDTH = 60


class Code(IntEnum):
    """How a check came out; the worst one is the exit code."""

    SUCCESS = 0
    WARNING = 1
    FAILURE = 2


class Result(Record):
    """One check's outcome."""

    code: Code
    details: str | None = None


PASSED = Result(code=Code.SUCCESS)


def _failed(details: str) -> Result:
    return Result(code=Code.FAILURE, details=details)


def _passed(note: str) -> Result:
    return Result(code=Code.SUCCESS, details=note)


def check_cells(tools: Tools) -> Result:
    """cell0 and another cell are mapped, and hosts that registered are mapped too."""
    store = tools.store()
    with store.api.read() as tx:
        cells = cell_mapping_list(tx)
        hosts = host_mapping_list(tx)
    if len(cells) < 2 or all(cell.uuid != CELL0 for cell in cells):
        return _failed(
            "cell0 and at least one other cell must be mapped: run nova-manage cell_v2 map_cell0 and "
            "create_cell, or simple_cell_setup."
        )
    if hosts:
        return PASSED
    if _any_node(store):
        return _failed("Compute hosts registered but none is mapped: run nova-manage cell_v2 discover_hosts.")
    return _passed("There are no compute hosts yet. Run nova-manage cell_v2 discover_hosts when there are.")


def _any_node(store: Store) -> bool:
    for answer in store.fan_out(compute_node_list).values():
        if isinstance(answer, ComputeError):
            raise answer
        if answer:
            return True
    return False


def check_placement(tools: Tools) -> Result:
    """Placement answers and is new enough."""
    return _check_version(tools, "placement", MIN_PLACEMENT)


def check_cinder(tools: Tools) -> Result:
    """The volume service, where there is one, answers and is new enough."""
    if not tools.settings.cinder.auth_type:
        return _passed("[cinder] has no credentials: the volume service is not used.")
    return _check_version(tools, "cinder", MIN_CINDER)


def _check_version(tools: Tools, service: str, needed: tuple[int, int]) -> Result:
    try:
        found = tools.versions(service)
    except ComputeError as error:
        return _failed(f"The {service} service does not answer: {error.message}")
    if _numbers(found) < needed:
        wanted = ".".join(map(str, needed))
        return _failed(f"The {service} service has version {found}; at least {wanted} is needed.")
    return PASSED


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def check_policy_file(tools: Tools) -> Result:
    """The policy file is YAML, not JSON."""
    name = tools.settings.oslo_policy.policy_file
    for path in _policy_paths(name, tools):
        if path.suffix == ".json" or _is_json(path):
            return _failed(
                f"{path} is JSON. Turn it into YAML with oslopolicy-convert-json-to-yaml --namespace nova, "
                "and name the new file in [oslo_policy] policy_file."
            )
    return PASSED


def _policy_paths(name: str, tools: Tools) -> list[Path]:
    path = Path(name)
    beside = [Path(file).parent / path for file in tools.settings.files]
    return [found for found in dict.fromkeys([path, *beside]) if found.is_file()]


def _is_json(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text() or "null"), dict)
    except ValueError:
        return False


def check_computes(tools: Tools) -> Result:
    """No compute host is too old."""
    old: list[str] = []
    for answer in tools.store().fan_out(lambda tx: service_list(tx, binary=COMPUTE)).values():
        if isinstance(answer, ComputeError):
            raise answer
        old += [service.host for service in answer if service.version < OLDEST_COMPUTE]
    if not old:
        return PASSED
    return _failed(f"These compute hosts must be upgraded first: {', '.join(sorted(old)[:10])}.")


def check_machine_types(tools: Tools) -> Result:
    """Servers on libvirt know their machine type."""
    return _passed("There are no guests on libvirt in this release.")


def check_service_token(tools: Tools) -> Result:
    """Calls for users carry a token of ours, so that long work outlives the user's."""
    if tools.settings.service_user.send_service_user_token:
        return PASSED
    return _failed("Set send_service_user_token = True in [service_user] and give credentials there.")


CHECKS: tuple[tuple[str, Callable[[Tools], Result]], ...] = (
    ("Cells v2", check_cells),
    ("Placement API", check_placement),
    ("Cinder API", check_cinder),
    ("Policy File JSON to YAML Migration", check_policy_file),
    ("Older than N-1 computes", check_computes),
    ("hw_machine_type unset", check_machine_types),
    ("Service User Token Configuration", check_service_token),
)
"""The checks by the names that tools look for."""


def upgrade_check(options: Options, tools: Tools) -> int:
    """Run every check: 0 when all passed, 1 for a warning, 2 for a failure."""
    results = [(name, _run(check, tools)) for name, check in CHECKS]
    if options.json:
        rows = [{"check": n, "result": r.code.name.title(), "details": r.details} for n, r in results]
        tools.show_json(rows)
    else:
        tools.say(framed("Upgrade Check Results", [_block(name, result) for name, result in results]))
    return int(max(result.code for _, result in results))


def _run(check: Callable[[Tools], Result], tools: Tools) -> Result:
    try:
        return check(tools)
    except ComputeError as error:
        return _failed(told(error))


def _block(name: str, result: Result) -> list[str]:
    details = textwrap.wrap(f"Details: {result.details}", WIDTH, subsequent_indent="  ")
    return [f"Check: {name}", f"Result: {result.code.name.title()}", *details]


COMMANDS = (Command("check", "Tell whether this installation is ready.", upgrade_check, (JSON,)),)


def main(argv: Sequence[str], tools: Tools) -> int:
    """Run nova-status; returns its exit code, 255 for anything unexpected."""
    parser = argparse.ArgumentParser(prog="nova-status", description="Tell how a compute service is.")
    parser.add_argument("--version", action="version", version=VERSION)
    categories = parser.add_subparsers(dest="category", metavar="CATEGORY", required=True)
    about = "Readiness for this release."
    add_commands(categories.add_parser("upgrade", help=about, description=about), COMMANDS)
    return run(parser.parse_args(argv), tools)
