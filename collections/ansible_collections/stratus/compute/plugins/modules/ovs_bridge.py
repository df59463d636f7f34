#!/usr/bin/python
"""A bridge of Open vSwitch with its datapath and the interface in it."""

from __future__ import annotations

DOCUMENTATION = """
module: ovs_bridge
short_description: Make a bridge of Open vSwitch
description:
  - Makes a bridge, sets its datapath and what it does without a controller, and puts one interface into it.
author: The Stratus authors
options:
  name:
    description: The bridge.
    type: str
    required: true
  datapath:
    description: In the kernel (system) or in userspace (netdev).
    type: str
    choices: [system, netdev]
    default: system
  fail_mode:
    description: What it does without a controller.
    type: str
    choices: [secure, standalone]
  port:
    description: An interface of the host that belongs into it.
    type: str
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Make the integration bridge
  stratus.compute.ovs_bridge:
    name: br-int
    fail_mode: secure
"""

RETURN = """
commands:
  description: What was changed, as words of ovs-vsctl.
  type: list
  elements: list
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule  # noqa: E402


def _ask(module: AnsibleModule, *words: str) -> str:
    code, out, err = module.run_command(["ovs-vsctl", "--timeout=20", *words])
    if code != 0:
        module.fail_json(msg=f"ovs-vsctl {' '.join(words)} ended with {code}", stderr=err)
    return str(out).strip().strip('"')


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "datapath": {"type": "str", "choices": ["system", "netdev"], "default": "system"},
            "fail_mode": {"type": "str", "choices": ["secure", "standalone"]},
            "port": {"type": "str"},
        },
        supports_check_mode=True,
    )
    name, port = module.params["name"], module.params["port"]
    there = name in _ask(module, "list-br").splitlines()
    wanted: list[list[str]] = []
    if not there:
        wanted.append(["add-br", name])
    for column, value in (
        ("datapath_type", module.params["datapath"]),
        ("fail_mode", module.params["fail_mode"]),
    ):
        if value and (not there or _ask(module, "get", "bridge", name, column) != value):
            wanted.append(["set", "bridge", name, f"{column}={value}"])
    if port and (not there or port not in _ask(module, "list-ports", name).splitlines()):
        wanted.append(["add-port", name, port])
    if wanted and not module.check_mode:
        words: list[str] = []
        for one in wanted:
            words += (["--"] if words else []) + one
        _ask(module, *words)
        module.run_command(["ip", "link", "set", name, "up"])
    module.exit_json(changed=bool(wanted), commands=wanted)


if __name__ == "__main__":
    main()
