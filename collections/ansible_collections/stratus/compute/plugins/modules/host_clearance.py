#!/usr/bin/python
"""Ends what a site runs in the kernel and in QEMU on a host: guests, bridges, namespaces."""

from __future__ import annotations

DOCUMENTATION = """
module: host_clearance
short_description: Remove guests, bridges and network namespaces from a host
description:
  - Ends and forgets all guests of libvirt, removes all bridges of Open vSwitch and the network namespaces
    of the metadata agent.
  - What is not installed or does not run has nothing to remove.
author: The Stratus authors
options:
  namespaces:
    description: What the names of the namespaces begin with.
    type: str
    default: ovnmeta-
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: End the guests and remove the bridges
  stratus.compute.host_clearance:
"""

RETURN = """
removed:
  description: What was removed.
  type: list
  elements: str
  returned: always
"""

import shutil  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402

_UNDEFINE = ("--managed-save", "--snapshots-metadata", "--checkpoints-metadata", "--nvram")


def _lines(module: AnsibleModule, *words: str) -> list[str]:
    if shutil.which(words[0], path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
        return []
    code, out, _ = module.run_command(list(words))
    return [line.strip() for line in out.splitlines() if line.strip()] if code == 0 else []


def _do(module: AnsibleModule, *words: str) -> None:
    code, _, err = module.run_command(list(words))
    if code != 0:
        module.fail_json(msg=f"{' '.join(words)} ended with {code}: {err.strip()}")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"namespaces": {"type": "str", "default": "ovnmeta-"}}, supports_check_mode=True
    )
    running = set(_lines(module, "virsh", "list", "--name"))
    guests = _lines(module, "virsh", "list", "--all", "--name")
    bridges = _lines(module, "ovs-vsctl", "--timeout=20", "list-br")
    listed = [line.split()[0] for line in _lines(module, "ip", "netns", "list")]
    namespaces = [name for name in listed if name.startswith(module.params["namespaces"])]
    removed = [f"guest {name}" for name in guests]
    removed += [f"bridge {name}" for name in bridges]
    removed += [f"namespace {name}" for name in namespaces]
    if not module.check_mode:
        for name in guests:
            if name in running:
                _do(module, "virsh", "destroy", name)
            _do(module, "virsh", "undefine", name, *_UNDEFINE)
        for name in bridges:
            _do(module, "ovs-vsctl", "--timeout=20", "--if-exists", "del-br", name)
        for name in namespaces:
            _do(module, "ip", "netns", "delete", name)
    module.exit_json(changed=bool(removed), removed=removed)


if __name__ == "__main__":
    main()
