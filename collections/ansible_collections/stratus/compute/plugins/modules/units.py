#!/usr/bin/python
"""Whether units run, and what their journals say when they do not."""

from __future__ import annotations

DOCUMENTATION = """
module: units
short_description: Expect units to run
description:
  - Fails with the names of the units that do not run, and the last lines of each one's journal.
author: The Stratus authors
options:
  names:
    description: The units.
    type: list
    elements: str
    required: true
  lines:
    description: How many lines of a journal to show.
    type: int
    default: 15
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Expect the API to run
  stratus.compute.units:
    names: [nova-api]
"""

RETURN = """
states:
  description: The state of each unit.
  type: dict
  returned: always
journals:
  description: The last lines of the journals of those that do not run.
  type: dict
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "lines": {"type": "int", "default": 15},
        },
        supports_check_mode=True,
    )
    names = module.params["names"]
    _, out, _ = module.run_command(["systemctl", "is-active", "--", *names])
    states = dict(zip(names, out.split(), strict=False))
    idle = [name for name in names if states.get(name) != "active"]
    if not idle:
        module.exit_json(changed=False, states=states)
    lines = str(module.params["lines"])
    journals = {
        name: module.run_command(
            ["journalctl", "--no-pager", "--output=cat", "--lines", lines, "--unit", name]
        )[1]
        for name in idle
    }
    told = ", ".join(f"{name} ({states.get(name, 'unknown')})" for name in idle)
    module.fail_json(msg=f"These units do not run: {told}", states=states, journals=journals)


if __name__ == "__main__":
    main()
