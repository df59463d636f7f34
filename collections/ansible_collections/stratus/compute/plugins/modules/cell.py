#!/usr/bin/python
"""Cells of the compute service: cell0 and one that takes servers."""

from __future__ import annotations

DOCUMENTATION = """
module: cell
short_description: Map cells of the compute service
description:
  - Maps cell0 and a named cell with the databases and the broker that nova.conf names.
  - What is mapped are templates that each process fills from its own nova.conf, so that a password which
    is changed there holds for the cells too. No password is ever on a command line.
author: The Stratus authors
options:
  name:
    description: The cell that takes servers.
    type: str
    default: cell1
  database:
    description: The template of the named cell's database; that of cell0 has C(_cell0) behind its name.
    type: str
    default: "{scheme}://{username}:{password}@{hostname}/{path}?{query}"
  transport:
    description: The template of the named cell's broker.
    type: str
    default: "{scheme}://{username}:{password}@{hostname}:{port}/{path}"
  manage:
    description: The nova-manage to use.
    type: path
    default: /opt/stratus/current/bin/nova-manage
  user:
    description: Who runs it.
    type: str
    default: nova
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Map cells
  stratus.compute.cell:
    name: cell1
"""

RETURN = """
cells:
  description: The cells, with masked addresses.
  type: list
  elements: dict
  returned: always
"""

import json  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.stratus.compute.plugins.module_utils.alone import Occupied, alone  # noqa: E402

CELL0 = "00000000-0000-0000-0000-000000000000"
NO_TRANSPORT = "none:///"
DATABASE = "{scheme}://{username}:{password}@{hostname}/{path}?{query}"
TRANSPORT = "{scheme}://{username}:{password}@{hostname}:{port}/{path}"
Words = tuple[str, ...]


def manage(module: AnsibleModule, *words: str) -> str:
    """Run a command of nova-manage and return what it printed."""
    command = ["runuser", "-u", module.params["user"], "--", module.params["manage"], "cell_v2", *words]
    code, out, err = module.run_command(command, cwd="/")
    if code != 0:
        module.fail_json(
            msg=f"nova-manage cell_v2 {' '.join(words)} ended with {code}", stdout=out, stderr=err
        )
    return str(out)


def cells(module: AnsibleModule) -> list[dict[str, Any]]:
    """Return the cells there are."""
    found: list[dict[str, Any]] = json.loads(manage(module, "list_cells", "--json"))
    return found


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "default": "cell1"},
            "database": {"type": "str", "default": DATABASE},
            "transport": {"type": "str", "default": TRANSPORT},
            "manage": {"type": "path", "default": "/opt/stratus/current/bin/nova-manage"},
            "user": {"type": "str", "default": "nova"},
        },
        supports_check_mode=True,
    )
    try:
        with alone("cells"):
            _converge(module)
    except Occupied as error:
        module.fail_json(msg=str(error))


def shown(template: str) -> str:
    """Return a template as nova-manage shows it."""
    return template.replace(":{password}@", ":****@")


def wanting(known: list[dict[str, Any]], name: str, database: str, transport: str) -> list[Words]:
    """Return the commands that make the cells what they should be, with these templates."""
    database0 = database.replace("{path}", "{path}_cell0")
    found: list[Words] = []
    for one in known:
        words: Words = ("update_cell", "--cell_uuid", one["uuid"])
        if one["uuid"] == CELL0 and one["database_connection"] != shown(database0):
            found.append((*words, "--transport-url", NO_TRANSPORT, "--database_connection", database0))
        elif one["name"] == name and (
            one["database_connection"] != shown(database) or one["transport_url"] != shown(transport)
        ):
            found.append((*words, "--transport-url", transport, "--database_connection", database))
    if not any(one["uuid"] == CELL0 for one in known):
        found.append(("map_cell0", "--database_connection", database0))
    if not any(one["name"] == name for one in known):
        urls = ("--transport-url", transport, "--database_connection", database)
        found.append(("create_cell", "--name", name, *urls))
    return found


def _converge(module: AnsibleModule) -> None:
    known = cells(module)
    asked = module.params
    wanted = wanting(known, asked["name"], asked["database"], asked["transport"])
    if wanted and not module.check_mode:
        for words in wanted:
            manage(module, *words)
        known = cells(module)
    module.exit_json(changed=bool(wanted), cells=known)


if __name__ == "__main__":
    main()
