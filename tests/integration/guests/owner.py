"""One who has real guests: boots them, looks at them from where they can be seen, and reaches them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from proving.hosts import GuestCloud
from proving.hosts.cloud import IMAGE
from proving.hosts.compute import ComputeHost
from proving.lab.command import Failed
from tests.functional.caller import Caller, wait_for

SECONDS = 180.0


class Owner:
    """`key` is the private part of the key pair `mine`, which all servers have."""

    def __init__(self, cloud: GuestCloud, caller: Caller, key: Path) -> None:
        self.cloud, self.caller, self.key = cloud, caller, key
        networks = cloud.site.network.networks.values()
        self.network = next(row.id for row in networks if row.name == "private")

    def flavor(self, name: str, **fields: int) -> str:
        """Make a flavor, unless there is one of that name, and return its identifier."""
        told = {"name": name, "id": name, "ram": 128, "vcpus": 1, "disk": 0} | fields
        reply = self.caller.post("/flavors", {"flavor": told})
        assert reply.status in (200, 409), reply
        return name

    def boot(self, name: str, **fields: Any) -> str:
        """Order a server, wait until it is active, and return its identifier."""
        order = {
            "name": name,
            "imageRef": IMAGE,
            "flavorRef": self.flavor("guest"),
            "networks": [{"uuid": self.network}],
            "key_name": "mine",
        }
        reply = self.caller.post("/servers", {"server": order | fields})
        assert reply.status == 202, reply
        server = str(reply.body["server"]["id"])
        self.caller.settled(server, "ACTIVE", SECONDS)
        return server

    def act(self, server: str, verb: str, argument: Any, status: str) -> dict[str, Any]:
        """Order a verb, and return the server when that is done."""
        reply = self.caller.act(server, verb, argument)
        assert reply.status in (202, 204), reply
        return self.caller.settled(server, status, SECONDS)

    def delete(self, server: str) -> None:
        """Delete a server and wait until it is gone."""
        assert self.caller.delete(f"/servers/{server}").status in (204, 404)
        self.caller.gone(server, SECONDS)

    def host(self, server: str) -> ComputeHost:
        """Return the host that a server is on."""
        return self.cloud.computes[str(self.caller.server(server)["OS-EXT-SRV-ATTR:host"])]

    def console(self, server: str) -> list[str]:
        """Return the lines of a server's console, as the API has them."""
        reply = self.caller.act(server, "os-getConsoleOutput", {})
        assert reply.status == 200, reply
        return str(reply.body["output"]).splitlines()

    def told(self, server: str, pattern: str, after: int = 0) -> re.Match[str]:
        """Wait until a guest tells something on its console, and return the match."""
        found: list[re.Match[str]] = []
        lines: list[str] = []

        def heard() -> bool:
            lines[:] = self.console(server)[after:]
            matches = (re.search(f"GUEST: {pattern}", line) for line in lines)
            found.extend(match for match in matches if match)
            return bool(found)

        wait_for(heard, SECONDS, lambda: f"no {pattern!r} on the console:\n" + "\n".join(lines[-20:]))
        return found[0]

    def address(self, server: str) -> str:
        """Return a server's address."""
        return str(self.caller.server(server)["addresses"]["private"][0]["addr"])

    def ssh(self, server: str, command: str) -> str:
        """Run a command in a guest, by its key, from the host that is on the guests' network."""
        seen: list[str] = []

        def answered() -> bool:
            try:
                seen.append(self._ssh(self.address(server), command))
            except Failed as error:
                if "Permission denied" in str(error):
                    raise
                return False
            return True

        wait_for(answered, SECONDS, lambda: f"{server} does not answer by ssh")
        return seen[0]

    def _ssh(self, address: str, command: str) -> str:
        near = self.cloud.lab.hosts[self.cloud.network_host]
        near.write("/root/key", self.key.read_text(), 0o600)
        options = "-i /root/key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        words = f"ssh {options} -o LogLevel=ERROR -o ConnectTimeout=10 root@{address}".split()
        return near.run(*words, command)
