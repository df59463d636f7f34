"""`nova-manage image_property`: what a server keeps of its image's properties."""

from __future__ import annotations

from compute_service.domain.errors import Invalid
from compute_service.domain.instance import Instance
from compute_service.domain.states import VmState
from compute_service.manage.image_names import check_value, is_known
from compute_service.manage.tools import OK, Command, Options, Tools, argument
from compute_service.store.instances import instance_update
from compute_service.store.servers import server_locate

NO_SERVER = 2
NOT_SET = 3
WRONG_STATE = 3
BAD_FORM = 4
UNKNOWN_NAME = 5
BAD_VALUE = 6

AT_REST = frozenset({VmState.STOPPED, VmState.SHELVED, VmState.SHELVED_OFFLOADED})
"""States in which what a guest is made of may change: it is made anew when it is started."""

SERVER = argument("instance_uuid", metavar="UUID", help="The server.")


def show(options: Options, tools: Tools) -> int:
    """Print a property. 2 for an unknown server, 3 when it has no such property."""
    found = server_locate(tools.store(), options.instance_uuid)
    if found is None:
        tools.say(f"Instance {options.instance_uuid} could not be found.")
        return NO_SERVER
    value = found.instance.image_properties.get(options.image_property)
    if value is None:
        tools.say(f"Image property {options.image_property} is not set for instance {options.instance_uuid}.")
        return NOT_SET
    tools.say(value)
    return OK


def set_properties(options: Options, tools: Tools) -> int:
    """Set properties of a server that is stopped or shelved; they hold from its next start on.

    2 for an unknown server, 3 for one in another state, 4 for what is no name=value, 5 for a name that the
    service does not know, 6 for a value that the property cannot hold. All are set, or none.
    """
    wanted: dict[str, str] = {}
    for text in options.property:
        name, given, value = text.partition("=")
        if not (name and given):
            tools.say(f"{text!r} is not of the form name=value.")
            return BAD_FORM
        if not is_known(name):
            tools.say(f"There is no image property {name!r}.")
            return UNKNOWN_NAME
        try:
            check_value(name, value)
        except Invalid as error:
            tools.say(error.message)
            return BAD_VALUE
        wanted[name] = value
    store = tools.store()
    found = server_locate(store, options.instance_uuid)
    if found is None:
        tools.say(f"Instance {options.instance_uuid} could not be found.")
        return NO_SERVER
    seen = found.instance
    if seen.vm_state not in AT_REST or seen.task_state is not None:
        tools.say(f"Instance {seen.uuid} must be stopped or shelved; it is {told_state(seen)}.")
        return WRONG_STATE
    with store.database(found.database).write() as tx:
        instance_update(tx, seen, image_properties=seen.image_properties | wanted)
    return OK


def told_state(seen: Instance) -> str:
    """Return a server's state, and what is being done to it."""
    return f"{seen.vm_state}, {seen.task_state}" if seen.task_state else str(seen.vm_state)


COMMANDS = (
    Command(
        "show",
        "Print a property of the image that a server was made from.",
        show,
        (SERVER, argument("image_property", metavar="PROPERTY", help="Its name.")),
    ),
    Command(
        "set",
        "Set properties of the image that a server was made from, as kept with the server.",
        set_properties,
        (
            SERVER,
            argument(
                "--property",
                metavar="NAME=VALUE",
                action="append",
                required=True,
                help="What to set; may be given several times.",
            ),
        ),
    ),
)
