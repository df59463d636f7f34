#!/usr/bin/python
"""A server that moves between compute hosts: running to one, and off to the other."""

from __future__ import annotations

DOCUMENTATION = """
module: smoke_moves
short_description: Try whether servers can move between compute hosts
description:
  - Lets a server of M(stratus.compute.smoke_server) move to another host while it runs, sees on its console
    that it is the same boot there, then lets it move back by a cold migration, and confirms that.
author: The Stratus authors
options:
  source:
    description: The compute host that the server is on.
    type: str
    required: true
  target:
    description: Another one.
    type: str
    required: true
  name:
    description: The name of the project, with which the server's name begins.
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
  timeout:
    description: Seconds for each move.
    type: int
    default: 300
attributes:
  check_mode:
    support: none
  diff_mode:
    support: none
"""

EXAMPLES = """
- name: Try whether servers can move
  stratus.compute.smoke_moves:
    source: compute1
    target: compute2
    auth: "{{ stratus_admin_auth }}"
    region: RegionOne
"""

RETURN = """
seconds:
  description: How long each move took.
  type: dict
  returned: always
"""

import re  # noqa: E402
from typing import Any  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.stratus.compute.plugins.module_utils.trial import Failed, connect, take, until  # noqa: E402

_TICK = re.compile(r"GUEST: tick ([\d.]+) (\S+)")


def last_tick(text: str) -> tuple[float, str] | None:
    """Return the uptime and the boot that a guest's console told last."""
    found = _TICK.findall(text)
    return (float(found[-1][0]), str(found[-1][1])) if found else None


class Moves:
    """One server between two hosts."""

    def __init__(self, params: dict[str, Any]) -> None:
        self._params = params
        self._compute: Any = None
        self.server = f"{params['name']}-{params['source']}"
        self._id = ""

    def run(self) -> tuple[dict[str, float], str]:
        """Move there and back; return how long each took, and what failed, or nothing."""
        return take((self._find, self._live, self._cold))

    def _find(self) -> None:
        self._compute = connect(self._params, self._params["name"]).compute
        found = self._compute.find_server(self.server)
        if found is None:
            raise Failed(f"there is no server {self.server}")
        self._id = str(found.id)

    def _live(self) -> None:
        before = self._tick()
        self._compute.live_migrate_server(self._id, host=self._params["target"], block_migration="auto")
        self._settle("ACTIVE", "while it runs", self._params["target"])
        uptime, boot = after = self._tick()
        if boot != before[1] or uptime < before[0]:
            raise Failed(f"{self.server} did not live on: {before} on the one host, {after} on the other")

    def _cold(self) -> None:
        self._compute.migrate_server(self._id, host=self._params["source"])
        self._settle("VERIFY_RESIZE", "while it is off", self._params["source"])
        self._compute.confirm_server_resize(self._id)
        self._settle("ACTIVE", "and the move is confirmed", self._params["source"])

    def _tick(self) -> tuple[float, str]:
        seen: list[tuple[float, str]] = []

        def ticks() -> bool:
            seen.extend(tick for tick in [last_tick(self._console())] if tick)
            return bool(seen)

        until(ticks, self._params["timeout"], f"{self.server} gives no sign of life")
        return seen[-1]

    def _console(self) -> str:
        return str(self._compute.get_server_console_output(self._id)["output"])

    def _settle(self, status: str, how: str, host: str) -> None:
        where = ""

        def there() -> bool:
            nonlocal where
            server = self._compute.get_server(self._id)
            where = f"{server.status} on {server.hypervisor_hostname}"
            if server.status == "ERROR":
                raise Failed(f"{self.server} is in error: {(server.fault or {}).get('message')}")
            return server.status == status and server.task_state is None

        until(there, self._params["timeout"], f"{self.server} does not move to {host} {how}")
        if where.partition(" on ")[2].partition(".")[0] != host:
            raise Failed(f"{self.server} should have moved to {host} {how}, and is {where}")


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "str", "required": True},
            "target": {"type": "str", "required": True},
            "name": {"type": "str", "default": "stratus-verify"},
            "auth": {"type": "dict", "required": True, "no_log": True},
            "region": {"type": "str", "required": True},
            "cafile": {"type": "path"},
            "timeout": {"type": "int", "default": 300},
        },
    )
    seconds, failed = Moves(module.params).run()
    if failed:
        module.fail_json(msg=failed, seconds=seconds)
    module.exit_json(changed=True, seconds=seconds)


if __name__ == "__main__":
    main()
