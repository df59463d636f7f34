#!/usr/bin/python
"""The administrator of Keystone, who can sign in with the password that he should have."""

from __future__ import annotations

DOCUMENTATION = """
module: keystone_admin
short_description: Have the administrator's password in Keystone as it should be
description:
  - Tries the password, and sets it with C(keystone-manage bootstrap) when Keystone refuses it.
  - The password is on no command line.
author: The Stratus authors
options:
  url:
    description: Where Keystone answers, with the version.
    type: str
    required: true
  password:
    description: The password of the user C(admin).
    type: str
    required: true
  region:
    description: The region of the endpoints that Keystone has of itself.
    type: str
    required: true
  cafile:
    description: The authority that the endpoint's certificate comes from; the system's own when not given.
    type: path
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Set the administrator's password if it is another
  stratus.compute.keystone_admin:
    url: http://cloud:5000/v3
    password: "{{ secret }}"
    region: RegionOne
"""

RETURN = """ # """

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.stratus.compute.plugins.module_utils.identity import refuses  # noqa: E402


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
            "region": {"type": "str", "required": True},
            "cafile": {"type": "path"},
        },
        supports_check_mode=True,
    )
    asked = module.params
    refused = refuses(asked["url"], "admin", asked["password"], asked["cafile"])
    if refused and not module.check_mode:
        command = ["runuser", "-u", "keystone", "--", "keystone-manage", "bootstrap"]
        code, out, err = module.run_command(
            [*command, "--bootstrap-region-id", asked["region"]],
            environ_update={"OS_BOOTSTRAP_PASSWORD": asked["password"]},
            cwd="/",
        )
        if code != 0:
            module.fail_json(
                msg=f"keystone-manage bootstrap ended with {code}", stdout=out[-4000:], stderr=err[-4000:]
            )
    module.exit_json(changed=refused)


if __name__ == "__main__":
    main()
