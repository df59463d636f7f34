#!/usr/bin/python
"""The gate of a compute host: mapped to a cell, or told why not."""

from __future__ import annotations

DOCUMENTATION = """
module: cell_host
short_description: Wait until compute hosts are mapped to a cell
description:
  - A compute host takes servers only when it registered and was mapped.
  - This looks for new hosts until all of O(hosts) are mapped, and fails with the names of the missing ones.
author: The Stratus authors
options:
  hosts:
    description: The names under which the hosts register.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds to wait for them.
    type: int
    default: 120
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
- name: Map the compute hosts
  stratus.compute.cell_host:
    hosts: [compute1, compute2]
"""

RETURN = """
mapped:
  description: The hosts that are mapped, by name, with their cell.
  type: dict
  returned: success
"""

import json  # noqa: E402
import time  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

_PAUSE = 2.0


def _manage(module: AnsibleModule, *words: str) -> str:
    command = ["runuser", "-u", module.params["user"], "--", module.params["manage"], "cell_v2", *words]
    code, out, err = module.run_command(command, cwd="/")
    if code != 0:
        module.fail_json(
            msg=f"nova-manage cell_v2 {' '.join(words)} ended with {code}", stdout=out, stderr=err
        )
    return str(out)


def _mapped(module: AnsibleModule) -> dict[str, str]:
    rows = json.loads(_manage(module, "list_hosts", "--json"))
    return {str(row["hostname"]): str(row["cell_name"]) for row in rows}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "hosts": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "int", "default": 120},
            "manage": {"type": "path", "default": "/opt/stratus/current/bin/nova-manage"},
            "user": {"type": "str", "default": "nova"},
        },
        supports_check_mode=True,
    )
    deadline = time.monotonic() + module.params["timeout"]
    known = _mapped(module)
    missing = [host for host in module.params["hosts"] if host not in known]
    changed = bool(missing)
    if module.check_mode:
        module.exit_json(changed=changed, mapped=known)
    while missing:
        _manage(module, "discover_hosts")
        known = _mapped(module)
        missing = [host for host in module.params["hosts"] if host not in known]
        if missing and time.monotonic() > deadline:
            module.fail_json(
                msg=f"These compute hosts did not register within {module.params['timeout']} s: "
                f"{', '.join(missing)}. On each of them: journalctl -u nova-compute",
                mapped=known,
            )
        if missing:
            time.sleep(_PAUSE)
    module.exit_json(changed=changed, mapped=known)


if __name__ == "__main__":
    main()
