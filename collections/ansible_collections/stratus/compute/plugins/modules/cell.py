#!/usr/bin/python
"""Cells of the compute service: cell0 and one that takes servers."""

from __future__ import annotations

DOCUMENTATION = """
module: cell
short_description: Map cells of the compute service
description:
  - Maps cell0 and a named cell with the databases and the broker that nova.conf names.
  - No address is ever on a command line.
author: The Stratus authors
options:
  name:
    description: The cell that takes servers.
    type: str
    default: cell1
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


def _converge(module: AnsibleModule) -> None:
    known = cells(module)
    wanted = []
    if not any(one["uuid"] == CELL0 for one in known):
        wanted.append(("map_cell0",))
    if not any(one["name"] == module.params["name"] for one in known):
        wanted.append(("create_cell", "--name", module.params["name"]))
    if wanted and not module.check_mode:
        for words in wanted:
            manage(module, *words)
        known = cells(module)
    module.exit_json(changed=bool(wanted), cells=known)


if __name__ == "__main__":
    main()
