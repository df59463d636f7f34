"""The cost of boots, one by one and many at once."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import local

from proving.bench.client import Client, Refused
from proving.bench.meter import Cost, Meter
from proving.bench.statements import boundaries, counting, statements
from proving.bench.target import Target

_POLL = 0.01
_LIMIT = 300.0
_SETTLE = 3.0
"""Seconds that whatever follows a change is given."""


@dataclass(frozen=True)
class Booted:
    """What a boot costs, without what goes on anyway."""

    cpu_ms: dict[str, float]
    """Group → median of the rounds."""
    statements: float
    boundaries: float
    by_word: dict[str, float]
    placement_calls: float
    load: float


@dataclass(frozen=True)
class Crowd:
    """What came of many creates at once."""

    count: int
    rate: float
    """Servers a second, from the first POST until the last is ACTIVE."""
    accepted: float
    """POSTs a second."""
    spread: dict[str, int]
    """Host → servers."""
    cpu_ms: float
    """Of all groups, for each server."""
    load: float


class Boots:
    """Makes and deletes servers on one endpoint."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._local = local()
        self._made = 0

    @property
    def client(self) -> Client:
        """The connection of this thread."""
        if not hasattr(self._local, "client"):
            self._local.client = Client(self.target)
        found: Client = self._local.client
        return found

    def post(self, name: str, count: int = 1) -> str:
        """Ask for servers without a network; returns the identifier of the first."""
        server: dict[str, object] = {
            "name": name,
            "imageRef": self.target.image,
            "flavorRef": self.target.flavor,
            "networks": "none",
        }
        if count > 1:
            server |= {"min_count": count, "max_count": count}
        return str(self.client.json("POST", "/servers", {"server": server})["server"]["id"])

    def wait(self, uuid: str) -> None:
        """Wait until a server is ACTIVE. Raises Refused when it is not in time, or fails."""
        deadline = time.monotonic() + _LIMIT
        while time.monotonic() < deadline:
            server = self.client.json("GET", f"/servers/{uuid}")["server"]
            if server["status"] == "ACTIVE":
                return
            if server["status"] == "ERROR":
                raise Refused(f"server {uuid} failed: {server.get('fault')}")
            time.sleep(_POLL)
        raise Refused(f"server {uuid} is not ACTIVE after {_LIMIT} s")

    def settle(self, prefix: str, count: int) -> float:
        """Wait until so many servers of a name are ACTIVE; returns how long that took. Raises Refused."""
        began = time.monotonic()
        while time.monotonic() < began + _LIMIT:
            if not self._names(prefix, "&status=BUILD&limit=1"):
                took = time.monotonic() - began
                active = len(self._names(prefix, "&status=ACTIVE"))
                if active < count:
                    raise Refused(f"{active} of {count} servers are ACTIVE")
                return took
            time.sleep(0.25)
        raise Refused(f"{count} servers are not ACTIVE after {_LIMIT} s")

    def latency(self, count: int) -> tuple[float, float]:
        """Boot servers one after the other; returns the median and 95th percentile of seconds to ACTIVE."""
        waits = []
        for number in range(count):
            began = time.monotonic()
            self.wait(self.post(self._name(f"latency-{number}")))
            waits.append(time.monotonic() - began)
        waits.sort()
        return statistics.median(waits), waits[round(0.95 * (len(waits) - 1))]

    def cost(self, count: int, rounds: int, pause: float) -> Booted:
        """Measure boots that come `pause` seconds apart, nobody asking for them meanwhile."""
        with Meter(self.target) as idle:
            time.sleep(max(10.0, count * pause))
        rates = {name: used / idle.cost.seconds for name, used in idle.cost.cpu.items()}
        costs = [self._cost(count, pause) for _ in range(rounds)]
        cpu_ms = {
            name: statistics.median((c.cpu[name] - rate * c.seconds) * 1e3 / count for c in costs)
            for name, rate in rates.items()
        }
        calls = idle.cost.placement_calls / idle.cost.seconds
        words = self._statements(count, pause)
        return Booted(
            cpu_ms,
            statements(words) / count,
            boundaries(words) / count,
            {word: number / count for word, number in words.items()},
            statistics.median((c.placement_calls - calls * c.seconds) / count for c in costs),
            statistics.median(c.load for c in costs),
        )

    def crowd(self, count: int, at_once: int = 8) -> Crowd:
        """Make servers by as many POSTs, several at a time, and see when all are ACTIVE and where."""
        prefix = self._name("crowd")
        with Meter(self.target) as meter:
            began = time.monotonic()
            with ThreadPoolExecutor(at_once) as pool:
                list(pool.map(lambda number: self.post(f"{prefix}-{number}"), range(count)))
            accepted = time.monotonic() - began
            self.settle(prefix, count)
            took = time.monotonic() - began
        servers = self.client.json("GET", f"/servers/detail?limit=1000&name={prefix}")["servers"]
        spread = Counter(str(server["OS-EXT-SRV-ATTR:host"]) for server in servers)
        cost: Cost = meter.cost
        return Crowd(count, count / took, count / accepted, dict(spread), cost.total * 1e3 / count, cost.load)

    def fill(self, total: int, step: int = 100) -> None:
        """Make servers until there are so many."""
        missing = total - len(self._names("", ""))
        while missing > 0:
            prefix = self._name("fill")
            self.post(prefix, min(step, missing))
            self.settle(prefix, min(step, missing))
            missing -= step

    def clear(self) -> None:
        """Delete all servers and wait until they are gone."""
        while found := self._names("", ""):
            for uuid in found:
                self.client.raw("DELETE", f"/servers/{uuid}")
            deadline = time.monotonic() + _LIMIT
            while self._names("", "&limit=1"):
                if time.monotonic() > deadline:
                    raise Refused(f"servers are not gone after {_LIMIT} s")
                time.sleep(0.25)

    def _cost(self, count: int, pause: float) -> Cost:
        prefix = self._name("cost")
        with Meter(self.target) as meter:
            self._at_pace(prefix, count, pause)
        self.settle(prefix, count)
        return meter.cost

    def _statements(self, count: int, pause: float) -> Counter[str]:
        """Return the statements that boots bring, without those that come anyway."""
        if self.target.connect is None:
            return Counter()
        prefix = self._name("statements")
        connection = self.target.connect()
        with tempfile.TemporaryDirectory() as folder:
            Path(folder).chmod(0o777)  # the database may run as somebody else
            began = time.monotonic()
            with counting(connection, self.target.schemas, Path(folder) / "boots") as busy:
                self._at_pace(prefix, count, pause)
            seconds = time.monotonic() - began
            with counting(connection, self.target.schemas, Path(folder) / "idle") as idle:
                time.sleep(seconds)
        connection.close()
        self.settle(prefix, count)
        busy.subtract(idle)
        return busy

    def _at_pace(self, prefix: str, count: int, pause: float) -> None:
        for number in range(count):
            began = time.monotonic()
            self.post(f"{prefix}-{number}")
            time.sleep(max(0.0, began + pause - time.monotonic()))
        time.sleep(_SETTLE)

    def _names(self, prefix: str, more: str) -> list[str]:
        answer = self.client.json("GET", f"/servers?name={prefix}{more}")
        return [str(server["id"]) for server in answer["servers"]]

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"bench-{kind}-{self._made}-{int(time.time()) % 100000}"
