"""`nova-manage libvirt`: the machine types that guests were made with.

A server keeps its machine type as the image property `hw_machine_type`, so that it stays when the default
changes. Source: Compute admin guide, "hw_machine_type".
"""

from __future__ import annotations

from compute_service.domain.errors import ComputeError
from compute_service.domain.instance import Instance
from compute_service.manage.image_property import AT_REST, SERVER, told_state
from compute_service.manage.table import Table
from compute_service.manage.tools import FAILED, JSON, OK, Command, Options, Tools, argument, switch, told
from compute_service.store.database import Tx
from compute_service.store.instance_query import InstanceQuery
from compute_service.store.instances import instance_page, instance_update
from compute_service.store.mappings import cell_mapping_get
from compute_service.store.servers import server_locate

NO_SERVER = 2
NO_CELL = 2
UNSET = 3
WRONG_STATE = 3
FOUND = 3
WRONG_MOVE = 4
NOT_SUPPORTED = 5

PROPERTY = "hw_machine_type"
BATCH = 500

_FAMILIES = (
    ("q35", ("pc-q35",)),
    ("pc", ("pc-i440fx", "pc")),
    ("virt", ("virt",)),
    ("s390-ccw-virtio", ("s390-ccw-virtio",)),
    ("pseries", ("pseries",)),
)
"""The name that stands for a kind's newest type, and what its versions begin with. The first that fits."""


def family_of(machine_type: str) -> tuple[str, bool] | None:
    """Return a type's kind of machine, and whether it is a version of that; None for no known type."""
    for name, prefixes in _FAMILIES:
        if machine_type == name:
            return name, False
        if any(machine_type.startswith(f"{prefix}-") for prefix in prefixes):
            return name, True
    return None


def get(options: Options, tools: Tools) -> int:
    """Print a server's machine type. 2 for an unknown server, 3 when it has none."""
    found = server_locate(tools.store(), options.instance_uuid)
    if found is None:
        tools.say(f"Instance {options.instance_uuid} could not be found.")
        return NO_SERVER
    machine_type = found.instance.image_properties.get(PROPERTY)
    if machine_type is None:
        tools.say(f"No machine type is recorded for instance {options.instance_uuid}.")
        return UNSET
    tools.say(machine_type)
    return OK


def update(options: Options, tools: Tools) -> int:
    """Set the machine type of a server that is stopped or shelved.

    2 for an unknown server, 3 for one in another state, 4 for a type of another kind of machine or where a
    version would give way to a name without one or the other way round, 5 for no known type. --force leaves
    out 3 and 4 and takes any type.
    """
    store, wanted = tools.store(), str(options.machine_type)
    found = server_locate(store, options.instance_uuid)
    if found is None:
        tools.say(f"Instance {options.instance_uuid} could not be found.")
        return NO_SERVER
    seen = found.instance
    if not options.force:
        code, why = _refusal(seen, wanted)
        if code != OK:
            tools.say(why)
            return code
    with store.database(found.database).write() as tx:
        instance_update(tx, seen, image_properties=seen.image_properties | {PROPERTY: wanted})
    before = seen.image_properties.get(PROPERTY, "unset")
    tools.say(f"Updated instance {seen.uuid} machine type to {wanted} (previously {before})")
    return OK


def _refusal(seen: Instance, wanted: str) -> tuple[int, str]:
    """Return why a server cannot have a machine type, with the exit code; OK when it can."""
    kind = family_of(wanted)
    if kind is None:
        return NOT_SUPPORTED, f"The machine type {wanted} is not supported."
    if seen.vm_state not in AT_REST or seen.task_state is not None:
        return WRONG_STATE, f"Instance {seen.uuid} must be stopped or shelved; it is {told_state(seen)}."
    now = seen.image_properties.get(PROPERTY)
    if now is not None and family_of(now) != kind:
        return WRONG_MOVE, f"Instance {seen.uuid} cannot go from machine type {now} to {wanted}."
    return OK, ""


def list_unset(options: Options, tools: Tools) -> int:
    """Print the servers that have no machine type. 0 when all have one, 2 for an unknown cell, 3 for some."""
    store = tools.store()
    cells = None
    if options.cell_uuid is not None:
        with store.api.read() as tx:
            if cell_mapping_get(tx, options.cell_uuid) is None:
                tools.say(f"Cell with uuid {options.cell_uuid} was not found.")
                return NO_CELL
        cells = (options.cell_uuid,)
    rows: list[tuple[str]] = []
    for name, answer in store.fan_out(_unset, cells).items():
        if isinstance(answer, ComputeError):
            tools.say(f"ERROR: cell {name}: {told(answer)}")
            return FAILED
        rows += [(uuid,) for uuid in answer]
    if not rows:
        tools.say(f"No instances found without {PROPERTY} set.")
        return OK
    tools.show(Table(("Instance UUID",), sorted(rows)), options)
    return FOUND


def _unset(tx: Tx) -> list[str]:
    """Return the living servers of a cell without a machine type, a page at a time."""
    found: list[str] = []
    marker: Instance | None = None
    query = InstanceQuery(sort_keys=("uuid",), sort_dirs=("asc",), soft_deleted=True, limit=BATCH)
    while page := instance_page(tx, query, marker):
        found += [one.uuid for one in page if PROPERTY not in one.image_properties]
        marker = page[-1]
    return found


COMMANDS = (
    Command("get_machine_type", "Print the machine type of a server.", get, (SERVER,)),
    Command(
        "update_machine_type",
        "Set the machine type of a server that is stopped or shelved.",
        update,
        (
            SERVER,
            argument("machine_type", metavar="TYPE", help="The machine type, such as pc-q35-8.2."),
            switch("--force", "Whatever its state and its machine type are now."),
        ),
    ),
    Command(
        "list_unset_machine_type",
        "Print the servers that have no machine type.",
        list_unset,
        (argument("--cell_uuid", metavar="UUID", help="Of this cell alone."), JSON),
    ),
)
