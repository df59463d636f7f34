#!/usr/bin/python
"""Settings of Open vSwitch as a whole."""

from __future__ import annotations

DOCUMENTATION = """
module: ovs_settings
short_description: Set what Open vSwitch and OVN are told on a host
description:
  - Sets keys of C(other_config) and C(external_ids) of the table C(Open_vSwitch), in one transaction.
author: The Stratus authors
options:
  other_config:
    description: Keys and values.
    type: dict
    default: {}
  external_ids:
    description: Keys and values.
    type: dict
    default: {}
  manager:
    description: On which address the database takes orders beside its socket, as ovs-vsctl(8) has it.
    type: str
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Say where OVN is
  stratus.compute.ovs_settings:
    external_ids:
      ovn-remote: tcp:192.0.2.10:6642
"""

RETURN = """
keys:
  description: The keys that were set.
  type: list
  elements: str
  returned: always
"""

import json  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

COLUMNS = ("other_config", "external_ids")


def _known(module: AnsibleModule) -> dict[str, dict[str, str]]:
    command = [
        "ovs-vsctl",
        "--timeout=20",
        "--format=json",
        f"--columns={','.join(COLUMNS)}",
        "list",
        "Open_vSwitch",
    ]
    code, out, err = module.run_command(command)
    if code != 0:
        if module.check_mode:
            return {column: {} for column in COLUMNS}
        module.fail_json(msg="Open vSwitch does not answer; see: journalctl -u ovsdb-server", stderr=err)
    table = json.loads(out)
    row = dict(zip(table["headings"], table["data"][0], strict=True))
    return {column: {str(key): str(value) for key, value in row[column][1]} for column in COLUMNS}


def _manage(module: AnsibleModule) -> bool:
    """Set the manager where one is wanted and it is another; tell whether it was."""
    manager = module.params["manager"]
    if manager is None:
        return False
    code, out, err = module.run_command(["ovs-vsctl", "--timeout=20", "get-manager"])
    if out.split() == [manager]:
        return False
    if not module.check_mode:
        code, out, err = module.run_command(["ovs-vsctl", "--timeout=20", "set-manager", manager])
        if code != 0:
            module.fail_json(msg=f"ovs-vsctl set-manager {manager} ended with {code}", stderr=err)
    return True


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "other_config": {"type": "dict", "default": {}},
            "external_ids": {"type": "dict", "default": {}},
            "manager": {"type": "str"},
        },
        supports_check_mode=True,
    )
    known = _known(module)
    wanted = [
        (column, key, str(value))
        for column in COLUMNS
        for key, value in module.params[column].items()
        if known[column].get(key) != str(value)
    ]
    if wanted and not module.check_mode:
        words = [f"{column}:{key}={json.dumps(value)}" for column, key, value in wanted]
        code, _out, err = module.run_command(
            ["ovs-vsctl", "--timeout=20", "set", "Open_vSwitch", ".", *words]
        )
        if code != 0:
            module.fail_json(msg=f"ovs-vsctl set ended with {code}", stderr=err)
    managed = _manage(module)
    module.exit_json(changed=bool(wanted) or managed, keys=[key for _column, key, _value in wanted])


if __name__ == "__main__":
    main()
