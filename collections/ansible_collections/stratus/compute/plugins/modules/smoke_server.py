#!/usr/bin/python
"""A server tried on one compute host, from its boot to its snapshot."""

from __future__ import annotations

DOCUMENTATION = """
module: smoke_server
short_description: Try a server on one compute host
description:
  - Boots a server on that host and no other, reads on its console that it got its address by DHCP and its
    name and key by metadata, asks for a console's address, gives it a floating address and takes a snapshot.
  - What it makes is in the project of M(stratus.compute.smoke_cloud), which removes it.
author: The Stratus authors
options:
  host:
    description: The compute host.
    type: str
    required: true
  name:
    description: The name of the project and of what is in it.
    type: str
    default: stratus-verify
  auth:
    description: How to sign in as the administrator.
    type: dict
    required: true
  region:
    description: The region.
    type: str
    required: true
  cafile:
    description: The authority that the endpoints' certificates come from; the system's own when not given.
    type: path
  external:
    description: The network of floating addresses; empty for none.
    type: str
    default: ""
  timeout:
    description: Seconds for each of boot, console and snapshot.
    type: int
    default: 180
attributes:
  check_mode:
    support: none
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Try a server
  stratus.compute.smoke_server:
    host: compute1
    auth: "{{ stratus_admin_auth }}"
    region: RegionOne
"""

RETURN = """
address:
  description: The floating address, or empty.
  type: str
  returned: success
server:
  description: The server's name.
  type: str
  returned: success
seconds:
  description: How long each step took.
  type: dict
  returned: always
"""

import re  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.stratus.compute.plugins.module_utils.trial import Failed, connect, take, until  # noqa: E402

_READY = re.compile(r"GUEST: ready name=(\S+) address=(\S+)")
_KEYS = re.compile(r"GUEST: keys (\d+)")
_METADATA = re.compile(r"GUEST: metadata http (\S+)")


def amiss(text: str, name: str, address: str, uuid: str) -> list[str]:
    """Return what a guest's console tells that is not as it should be."""
    told, keys, metadata = (pattern.search(text) for pattern in (_READY, _KEYS, _METADATA))
    faults = []
    if not told or told.group(1).partition(".")[0] != name:
        faults.append(f"its name is {told.group(1) if told else 'unknown'}")
    if not told or told.group(2).partition("/")[0] != address:
        faults.append(f"its address is {told.group(2) if told else 'unknown'}, not {address}")
    if not metadata or metadata.group(1).lower() != uuid:
        faults.append("its metadata did not come over the network")
    if not keys or int(keys.group(1)) < 1:
        faults.append("it got no key")
    return faults


class Trial:
    """One server on one host."""

    def __init__(self, params: dict[str, Any]) -> None:
        self._params = params
        self._name: str = params["name"]
        self._cloud = connect(params, self._name)
        self.server = f"{self._name}-{params['host']}"
        self.address = ""
        self._id = ""

    def run(self) -> tuple[dict[str, float], str]:
        """Take all steps; return how long each took, and what failed, or nothing."""
        return take((self._boot, self._console, self._picture, self._floating, self._snapshot))

    def _boot(self) -> None:
        compute, network = self._cloud.compute, self._cloud.network
        made = compute.create_server(
            name=self.server,
            flavor_id=compute.find_flavor(self._name).id,
            image_id=self._cloud.image.find_image(self._name).id,
            networks=[{"uuid": network.find_network(self._name).id}],
            security_groups=[{"name": self._name}],
            key_name=self._name,
            availability_zone=f"nova:{self._params['host']}",
        )
        self._id = made.id

        def active() -> bool:
            server = compute.get_server(self._id)
            if server.status == "ERROR":
                raise Failed(f"{self.server} is in error: {(server.fault or {}).get('message')}")
            return str(server.status) == "ACTIVE"

        self._until(active, f"{self.server} is not active")
        where = compute.get_server(self._id).hypervisor_hostname
        if where.partition(".")[0] != self._params["host"]:
            raise Failed(f"{self.server} should be on {self._params['host']} and is on {where}")

    def _console(self) -> None:
        text = [""]

        def ready() -> bool:
            text[0] = self._cloud.compute.get_server_console_output(self._id)["output"]
            return bool(_READY.search(text[0]))

        try:
            self._until(ready, f"{self.server} tells nothing on its console")
        except Failed as error:
            raise Failed(f"{error}; its last lines: {text[0][-600:]}") from error
        fixed = next(self._cloud.network.ports(device_id=self._id)).fixed_ips[0]["ip_address"]
        faults = amiss(text[0], self.server, fixed, self._id)
        if faults:
            raise Failed(f"{self.server}: {', '.join(faults)}")

    def _picture(self) -> None:
        url = self._cloud.compute.create_console(self._id, console_type="novnc")["url"]
        answer = self._cloud.session.get(url, authenticated=False, timeout=10, raise_exc=False)
        if answer.status_code != 200 or "<html" not in answer.text.lower():
            raise Failed(f"the console of {self.server} answers {answer.status_code}")

    def _floating(self) -> None:
        if not self._params["external"]:
            return
        network = self._cloud.network
        outside = network.find_network(self._params["external"])
        port = next(network.ports(device_id=self._id))
        made = network.create_ip(floating_network_id=outside.id, port_id=port.id)
        self.address = made.floating_ip_address

        def shown() -> bool:
            networks = self._cloud.compute.get_server(self._id).addresses
            return any(one["addr"] == self.address for all_of in networks.values() for one in all_of)

        self._until(shown, f"{self.server} does not show its floating address")

    def _snapshot(self) -> None:
        image = self._cloud.compute.create_server_image(self._id, f"{self.server}-snapshot")

        def saved() -> bool:
            return str(self._cloud.image.get_image(image.id).status) == "active"

        self._until(saved, f"the snapshot of {self.server} is not active")
        if not self._cloud.image.get_image(image.id).size:
            raise Failed(f"the snapshot of {self.server} is empty")

    def _until(self, true: Callable[[], bool], otherwise: str) -> None:
        until(true, self._params["timeout"], otherwise)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "required": True},
            "name": {"type": "str", "default": "stratus-verify"},
            "auth": {"type": "dict", "required": True, "no_log": True},
            "region": {"type": "str", "required": True},
            "cafile": {"type": "path"},
            "external": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 180},
        },
    )
    trial = Trial(module.params)
    seconds, failed = trial.run()
    if failed:
        module.fail_json(msg=failed, seconds=seconds)
    module.exit_json(changed=True, address=trial.address, server=trial.server, seconds=seconds)


if __name__ == "__main__":
    main()
