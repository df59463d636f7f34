"""Keeps the stock filled and the site usable: what requests broke or removed is put right again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, unquote

from proving.fuzz.ask import Answer, Ask
from proving.fuzz.stock import FOREIGN, GONE, Stock
from proving.fuzz.target import Target

LATEST = "2.104"
_SERVERS, _FOREIGN, _MOST = 6, 2, 24
"""How many servers the main project and the other one have at least, and how many there are at most."""
_REMEMBERED = 8
_QUOTA = {"instances": 60, "cores": 200, "ram": 400_000, "key_pairs": 100, "server_groups": 40}
_FLAVORS = (("fuzz-1", 1, 64), ("fuzz-2", 2, 128), ("fuzz-private", 1, 64))
_VERBS = ("enable", "disable", "disable-log-reason", "force-down")
PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mKKoTJFC6IQp1xcGB3zJXHm9qJf0wGZyBdYQ2iS1d fuzz@example"


class Broken(RuntimeError):
    """The keeper's own request failed: the site is not usable any more."""


class Keeper:
    """Puts things right, as an admin and as users. `image` and `network` are what servers are made of, and
    `picture` an image that they are not made of."""

    def __init__(
        self, target: Target, stock: Stock, tokens: Mapping[str, str], fixed: Mapping[str, str]
    ) -> None:
        self._target, self._stock, self._tokens, self._fixed = target, stock, tokens, fixed
        for kind in ("image", "network", "picture"):
            stock.set(kind, (fixed[kind],))
        stock.set("public key", (PUBLIC_KEY,))
        stock.set("status", ("active", "enabled", "disabled", "completed", "ERROR"))
        stock.set("state", ("active", "error"))
        stock.set("user", ("demo", "admin", "nobody"))

    def tend(self) -> None:
        """Make everything usable and note what there is. Raises Broken."""
        self._hosts()
        self._quotas()
        self._catalog()
        self._groups()
        self._servers()

    def ask(
        self, method: str, path: str, body: Any = None, role: str = "admin", accept: tuple[int, ...] = ()
    ) -> Any:
        """Send a request that must succeed, or end with one of `accept`; return the decoded body."""
        answer = self._send(method, path, body, role)
        if answer.status >= 400 and answer.status not in accept:
            raise Broken(f"{method} {path}: {answer.status} {answer.body[:300]!r} {answer.trace}")
        return json.loads(answer.body) if answer.body else None

    def _send(self, method: str, path: str, body: Any, role: str) -> Answer:
        raw = b"" if body is None else json.dumps(body).encode()
        headers = [("X-Auth-Token", self._tokens[role]), ("OpenStack-API-Version", f"compute {LATEST}")]
        if raw:
            headers.append(("Content-Type", "application/json"))
        return self._target.send(
            Ask(0, -1, method, f"{self._fixed['prefix']}/v2.1{path}", tuple(headers), raw)
        )

    def _hosts(self) -> None:
        services = self.ask("GET", "/os-services")["services"]
        for one in services:
            if one["binary"] == "nova-compute" and (one["status"] == "disabled" or one["forced_down"]):
                self.ask("PUT", f"/os-services/{one['id']}", {"status": "enabled", "forced_down": False})
        self._stock.set("service", [*(one["id"] for one in services), *_VERBS])
        hypervisors = self.ask("GET", "/os-hypervisors")["hypervisors"]
        names = [one["hypervisor_hostname"] for one in hypervisors]
        self._stock.set("hypervisor", [*(one["id"] for one in hypervisors), *names])
        self._stock.set("host", names)

    def _quotas(self) -> None:
        projects = (self._fixed["project"], self._fixed["other project"])
        self._stock.set("project", (projects[0],))
        self._stock.set("project" + FOREIGN, (projects[1],))
        for project in projects:
            self.ask("DELETE", f"/os-quota-sets/{project}")
            for user in self._stock.of("user"):
                self.ask("DELETE", f"/os-quota-sets/{project}?user_id={user}")
        sizes = {"metadata_items": 128, "server_group_members": 10}
        self.ask("PUT", "/os-quota-class-sets/default", {"quota_class_set": {**_QUOTA, **sizes}})

    def _catalog(self) -> None:
        there = {one["id"] for one in self.ask("GET", "/flavors?is_public=None")["flavors"]}
        for name, vcpus, ram in _FLAVORS:
            if name not in there:
                flavor: dict[str, Any] = {"id": name, "name": name, "vcpus": vcpus, "ram": ram, "disk": 1}
                flavor["os-flavor-access:is_public"] = name != "fuzz-private"
                self.ask("POST", "/flavors", {"flavor": flavor}, accept=(409,))
        usable = [name for name, _, _ in _FLAVORS]
        self._surplus("flavor", sorted(there - set(usable)), 8, lambda one: f"/flavors/{one}")
        self._stock.set("flavor", usable)
        self._stock.set("flavor" + GONE, sorted(there - set(usable))[-4:])
        keys = [k["keypair"]["name"] for k in self.ask("GET", "/os-keypairs", role="member")["keypairs"]]
        for key in keys[20:]:
            self.ask("DELETE", f"/os-keypairs/{_quoted(key)}", role="member", accept=(404,))
        if "fuzz" not in keys:
            body = {"keypair": {"name": "fuzz", "public_key": PUBLIC_KEY}}
            self.ask("POST", "/os-keypairs", body, role="member", accept=(409,))
        self._stock.set("keypair", ["fuzz", *keys[:4]])

    def _groups(self) -> None:
        aggregates = self.ask("GET", "/os-aggregates")["aggregates"]
        for one in aggregates[6:]:
            for host in one["hosts"]:
                remove = {"remove_host": {"host": host}}
                self.ask("POST", f"/os-aggregates/{one['id']}/action", remove, accept=(404, 409))
            self.ask("DELETE", f"/os-aggregates/{one['id']}", accept=(404, 400, 409))
        if not aggregates:
            self.ask("POST", "/os-aggregates", {"aggregate": {"name": "fuzz"}}, accept=(409,))
        self._stock.set("aggregate", [str(one["id"]) for one in aggregates[:6]])
        groups = self.ask("GET", "/os-server-groups?limit=100", role="member")["server_groups"]
        self._surplus("group", [one["id"] for one in groups], 4, lambda one: f"/os-server-groups/{one}")
        if not groups:
            body = {"server_group": {"name": "fuzz", "policy": "soft-anti-affinity"}}
            self.ask("POST", "/os-server-groups", body, role="member", accept=(403,))
        self._stock.set("group", [one["id"] for one in groups[:4]])

    def _surplus(self, kind: str, there: list[str], most: int, path: Callable[[str], str]) -> None:
        for one in there[most:]:
            self.ask("DELETE", path(_quoted(one)), accept=(404, 409))

    def servers(self) -> list[dict[str, Any]]:
        """Return all servers."""
        living = self.ask("GET", "/servers/detail?all_tenants=1")["servers"]
        kept = self.ask("GET", "/servers/detail?all_tenants=1&status=SOFT_DELETED")["servers"]
        return [*living, *kept]

    def _servers(self) -> None:
        there = self.servers()
        mine = [one for one in there if one["tenant_id"] == self._fixed["project"]]
        others = [one for one in there if one["tenant_id"] == self._fixed["other project"]]
        usable = [one for one in mine if one["status"] not in ("ERROR", "SOFT_DELETED", "BUILD")]
        kept = [one["id"] for one in there if one["status"] == "SOFT_DELETED"]
        spent = [one["id"] for one in there if one["status"] == "ERROR"]
        surplus = [one["id"] for one in (*mine[_MOST:], *others[_MOST // 4 :])]
        for server in dict.fromkeys([*surplus, *kept[2:], *spent]):
            self.delete(server)
        for number in range(len(usable), _SERVERS):
            self._create(f"fuzz-{number}", "member")
        for number in range(len(others), _FOREIGN):
            self._create(f"foreign-{number}", "other")
        self._unlock(mine)
        self._settled(10.0)
        self._note(self.servers())

    def _create(self, name: str, role: str) -> None:
        order = {
            "name": name,
            "imageRef": self._fixed["image"],
            "flavorRef": _FLAVORS[0][0],
            "networks": [{"uuid": self._fixed["network"]}],
            "metadata": {"a": "1", "role": name},
            "tags": ["blue", "web"],
        }
        self.ask("POST", "/servers", {"server": order}, role, accept=(403, 409))

    def _unlock(self, servers: list[dict[str, Any]]) -> None:
        for one in servers:
            if one["locked"]:
                self.ask("POST", f"/servers/{one['id']}/action", {"unlock": None}, accept=(404, 409))

    def _note(self, there: list[dict[str, Any]]) -> None:
        """Let the stock have the servers that there are, and remember those that are gone."""
        project = self._fixed["project"]
        now = [one["id"] for one in there if one["tenant_id"] == project]
        gone = [one for one in self._stock.of("server") if one not in now]
        self._stock.set("server" + GONE, (*self._stock.of("server" + GONE), *gone)[-_REMEMBERED:])
        self._stock.set("server", now[-2 * _SERVERS :])
        self._stock.set("server" + FOREIGN, [one["id"] for one in there if one["tenant_id"] != project])
        actions = [
            action["request_id"]
            for one in now[:3]
            for action in self.ask("GET", f"/servers/{one}/os-instance-actions", accept=(404,)).get(
                "instanceActions", []
            )[:3]
        ]
        self._stock.set("request", actions)
        self._stock.set("console token", [self._console(one) for one in now[:1]])
        moves = self.ask("GET", "/os-migrations?limit=10")["migrations"]
        self._stock.set("migration", [str(one["id"]) for one in moves])

    def _console(self, server: str) -> str:
        """Return the token of a new console of a server, or nothing."""
        wanted = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
        made = self.ask("POST", f"/servers/{server}/remote-consoles", wanted, "member", accept=(404, 409))
        url = unquote(str(made.get("remote_console", {}).get("url", "")))
        return url.rpartition("token=")[2]

    def delete(self, server: str) -> None:
        """Delete a server for good, whatever its state."""
        self.ask("POST", f"/servers/{server}/action", {"forceDelete": None}, accept=(404, 409))

    def _settled(self, seconds: float) -> list[dict[str, Any]]:
        """Wait until no server is busy, for a bounded time; return those that are."""
        limit = time.monotonic() + seconds
        while True:
            busy = [
                one
                for one in self.servers()
                if one["OS-EXT-STS:task_state"] is not None or one["status"] == "BUILD"
            ]
            if not busy or time.monotonic() > limit:
                return busy
            time.sleep(0.02)


def _quoted(name: str) -> str:
    return quote(name, safe="")
