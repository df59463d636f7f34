#!/usr/bin/python
"""What is wrong with a site, seen through its APIs."""

from __future__ import annotations

DOCUMENTATION = """
module: site_health
short_description: Tell whether a site's endpoints, compute services, agents and hypervisors are well
description:
  - Asks every endpoint of the catalog, all compute services, network agents, and hypervisors with inventory.
  - Waits for what is still on its way, and fails with a list of all that is not well at the end.
author: The Stratus authors
options:
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
  controllers:
    description: The names of the controllers.
    type: list
    elements: str
    required: true
  computes:
    description: The names of the compute hosts.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds to wait until all is well.
    type: int
    default: 60
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Look at the site
  stratus.compute.site_health:
    auth: "{{ stratus_admin_auth }}"
    region: RegionOne
    controllers: [control]
    computes: [compute1, compute2]
"""

RETURN = """
endpoints:
  description: The status code that each endpoint answered with, by its address.
  type: dict
  returned: always
services:
  description: The compute services, as binary@host, with their state.
  type: dict
  returned: always
"""

import time  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.stratus.compute.plugins.module_utils.trial import connect  # noqa: E402

_CONTROL = ("nova-scheduler", "nova-conductor")
_PAUSE = 2.0
_ANSWERS = (200, 300, 401)


class Site:
    """A site seen by its administrator."""

    def __init__(self, params: dict[str, Any]) -> None:
        self._params = params
        self._cloud = connect(params)
        self.endpoints: dict[str, int] = {}
        self.services: dict[str, str] = {}

    def faults(self) -> list[str]:
        """Return all that is not well, in words."""
        looks = (self._endpoints, self._services, self._agents, self._hypervisors)
        return [fault for look in looks for fault in look()]

    def _endpoints(self) -> list[str]:
        faults = []
        for one in self._cloud.identity.endpoints():
            root = "/".join(one.url.split("/")[:3]) + "/"
            try:
                code = self._cloud.session.get(
                    root, authenticated=False, timeout=10, raise_exc=False
                ).status_code
            except Exception as error:
                faults.append(f"{one.interface} endpoint {one.url} does not answer: {error}")
                continue
            self.endpoints[one.url] = code
            if code not in _ANSWERS:
                faults.append(f"{one.interface} endpoint {one.url} answers {code}")
        return faults

    def _services(self) -> list[str]:
        wanted = {f"{binary}@{host}" for binary in _CONTROL for host in self._params["controllers"]}
        wanted |= {f"nova-compute@{host}" for host in self._params["computes"]}
        self.services = {f"{one.binary}@{one.host}": one.state for one in self._cloud.compute.services()}
        faults = [f"{name} never registered: journalctl there" for name in wanted - self.services.keys()]
        return faults + [f"{name} is {state}" for name, state in self.services.items() if state != "up"]

    def _agents(self) -> list[str]:
        agents = list(self._cloud.network.agents())
        hosts = {one.host for one in agents if "Controller" in one.agent_type}
        missing = set(self._params["computes"]) - hosts
        faults = [f"OVN has no controller on {host}: systemctl status ovn-controller" for host in missing]
        return faults + [f"{one.agent_type} on {one.host} is dead" for one in agents if not one.is_alive]

    def _hypervisors(self) -> list[str]:
        found = {one.name.partition(".")[0]: one for one in self._cloud.compute.hypervisors(details=True)}
        faults = []
        for host in self._params["computes"]:
            if host not in found:
                faults.append(f"{host} is no hypervisor yet")
                continue
            answer = self._cloud.session.get(
                f"/resource_providers/{found[host].id}/inventories",
                endpoint_filter={"service_type": "placement", "interface": "public"},
                raise_exc=False,
            )
            if "VCPU" not in answer.json().get("inventories", {}):
                faults.append(f"{host} has no inventory in Placement")
        return faults


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "auth": {"type": "dict", "required": True, "no_log": True},
            "region": {"type": "str", "required": True},
            "cafile": {"type": "path"},
            "controllers": {"type": "list", "elements": "str", "required": True},
            "computes": {"type": "list", "elements": "str", "required": True},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    deadline = time.monotonic() + module.params["timeout"]
    site = None
    while True:
        try:
            site = site or Site(module.params)
            faults = site.faults()
        except Exception as error:
            faults = [f"{type(error).__name__}: {error}"]
        if not faults or time.monotonic() > deadline:
            break
        time.sleep(_PAUSE)
    told = {"endpoints": site.endpoints, "services": site.services} if site else {}
    if faults:
        module.fail_json(msg="The site is not well: " + "; ".join(sorted(faults)), faults=faults, **told)
    module.exit_json(changed=False, **told)


if __name__ == "__main__":
    main()
