#!/usr/bin/python
"""On which address a database of OVN listens."""

from __future__ import annotations

DOCUMENTATION = """
module: ovn_connection
short_description: Say on which address a database of OVN listens
description:
  - Sets the connection of the northbound or southbound database, and waits for the database first.
author: The Stratus authors
options:
  database:
    description: Which database.
    type: str
    choices: [nb, sb]
    required: true
  target:
    description: The connection, as ovn-nbctl(8) has it.
    type: str
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Let the southbound database be reached
  stratus.compute.ovn_connection:
    database: sb
    target: ptcp:6642:192.0.2.10
"""

RETURN = """
targets:
  description: The connections there were before.
  type: list
  elements: str
  returned: always
"""

import time  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

_WAIT = 30.0


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "database": {"type": "str", "choices": ["nb", "sb"], "required": True},
            "target": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    tool, target = f"ovn-{module.params['database']}ctl", module.params["target"]
    deadline = time.monotonic() + _WAIT
    while True:
        code, out, err = module.run_command([tool, "--timeout=5", "get-connection"])
        if code == 0:
            break
        if module.check_mode:
            module.exit_json(changed=True, targets=[])
        if time.monotonic() > deadline:
            module.fail_json(msg=f"{tool} does not answer; see: journalctl -u ovn-central", stderr=err)
        time.sleep(0.5)
    known = [line.split()[-1] for line in out.splitlines() if line.strip()]
    changed = known != [target]
    if changed and not module.check_mode:
        code, out, err = module.run_command([tool, "--timeout=5", "set-connection", target])
        if code != 0:
            module.fail_json(msg=f"{tool} set-connection {target} ended with {code}", stderr=err)
    module.exit_json(changed=changed, targets=known)


if __name__ == "__main__":
    main()
