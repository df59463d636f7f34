"""Users, who lead servers through their lives and remember what was promised to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import quote

from proving.chaos.client import Answer, Client, Tally
from proving.chaos.lives import Life

IDLE_SECONDS = 90.0
"""For which a user waits until a server is idle, before going on without."""
_HALT_SECONDS = 600.0
"""For which a user may be held up."""


@dataclass(frozen=True)
class Orders:
    """What servers are made of."""

    image: str
    network: str
    flavor: str = "42"
    bigger_flavor: str = "1"


@dataclass(frozen=True)
class Promise:
    """A request that was accepted."""

    server: str
    act: str
    request_id: str


@dataclass
class Book:
    """What happened, over all users."""

    promises: list[Promise] = field(default_factory=list)
    servers: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    """Servers whose deletion was accepted."""
    slow: list[str] = field(default_factory=list)
    """What a user did not wait for any longer."""
    times: dict[str, list[float]] = field(default_factory=dict)
    """Verb → seconds from each asking for it until all servers that it was asked for were idle again."""
    tally: Tally = field(default_factory=Tally)

    def note(self, server: str, act: str, answer: Answer) -> None:
        """Remember an answer to a change of one server."""
        if not answer.accepted:
            return
        with self.tally.lock:
            self.promises.append(Promise(server, act, answer.request_id))
            if act == "delete":
                self.deleted.add(server)
        self.tally.add(f"accepted {act}")

    def timed(self, act: str, seconds: float) -> None:
        """Remember how long a verb took."""
        with self.tally.lock:
            self.times.setdefault(act, []).append(seconds)


class Halt:
    """Holds users up between two verbs, so that it can be seen when all that they asked for is done."""

    def __init__(self) -> None:
        self._asked, self._over = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self.halted = 0
        """Users that wait."""

    def ask(self) -> None:
        """Have each user stop when the current verb is done."""
        self._asked.set()

    def end(self) -> None:
        """Let them go on."""
        self._over.set()

    def here(self) -> None:
        """Wait, if that is asked."""
        if self._asked.is_set() and not self._over.is_set():
            with self._lock:
                self.halted += 1
            self._over.wait(_HALT_SECONDS)


BODIES: dict[str, Callable[[Orders, str], Any]] = {
    "stop": lambda orders, name: {"os-stop": None},
    "start": lambda orders, name: {"os-start": None},
    "pause": lambda orders, name: {"pause": None},
    "unpause": lambda orders, name: {"unpause": None},
    "suspend": lambda orders, name: {"suspend": None},
    "resume": lambda orders, name: {"resume": None},
    "rescue": lambda orders, name: {"rescue": None},
    "unrescue": lambda orders, name: {"unrescue": None},
    "reboot soft": lambda orders, name: {"reboot": {"type": "SOFT"}},
    "reboot hard": lambda orders, name: {"reboot": {"type": "HARD"}},
    "resize": lambda orders, name: {"resize": {"flavorRef": orders.bigger_flavor}},
    "migrate": lambda orders, name: {"migrate": None},
    "confirm": lambda orders, name: {"confirmResize": None},
    "revert": lambda orders, name: {"revertResize": None},
    "snapshot": lambda orders, name: {"createImage": {"name": f"{name}-image"}},
    "restore": lambda orders, name: {"restore": None},
    "rebuild": lambda orders, name: {"rebuild": {"imageRef": orders.image}},
}


class User:
    """One after the other, takes a life and leads it. Runs in a thread of its own."""

    def __init__(
        self, client: Client, orders: Orders, book: Book, work: SimpleQueue[Life], halt: Halt
    ) -> None:
        self._client, self._orders, self._book, self._work = client, orders, book, work
        self._halt = halt

    def run(self) -> None:
        """Lead lives until there are no more."""
        while True:
            try:
                life = self._work.get_nowait()
            except Empty:
                return
            self._lead(life)

    def _lead(self, life: Life) -> None:
        began, servers = time.monotonic(), self._create(life)
        last = len(life.acts) - 1
        if servers and not (life.hasty and not life.acts):
            self._wait(servers, "create", began)
        for number, act in enumerate(life.acts):
            self._halt.here()
            began = time.monotonic()
            for server in servers:
                self._ask(server, act, f"{life.name}-{number}")
            if not (life.hasty and number == last):
                self._wait(servers, act, began)
        if life.ends:
            self._end(life, servers)

    def _ask(self, server: str, act: str, name: str) -> None:
        path = f"/servers/{server}"
        if act == "soft delete":
            answer = self._client.ask("DELETE", path)
        elif act == "attach":
            wanted = {"net_id": self._orders.network}
            answer = self._client.ask("POST", f"{path}/os-interface", {"interfaceAttachment": wanted})
        elif act == "detach":
            answer = self._detach(f"{path}/os-interface")
        else:
            answer = self._client.ask("POST", f"{path}/action", BODIES[act](self._orders, name))
        self._book.note(server, act, answer)

    def _detach(self, path: str) -> Answer:
        """Have a server's last interface taken; its first one stays."""
        found = self._client.get(path)
        ports = [one["port_id"] for one in found.body["interfaceAttachments"]] if found.accepted else []
        return self._client.ask("DELETE", f"{path}/{ports[-1]}") if len(ports) > 1 else Answer(None)

    def _end(self, life: Life, servers: Sequence[str]) -> None:
        if not life.hasty:
            self._halt.here()
        began = time.monotonic()
        for server in servers:
            self._delete(server)
        self._wait(servers, "delete", began)

    def _create(self, life: Life) -> list[str]:
        server = {
            "name": life.name,
            "imageRef": self._orders.image,
            "flavorRef": self._orders.flavor,
            "networks": [{"uuid": self._orders.network}],
            "min_count": life.servers,
            "max_count": life.servers,
        }
        answer = self._client.ask("POST", "/servers", {"server": server})
        # Whatever came back, servers of this name are ours, and what was not made is not.
        found = self._client.get(f"/servers?name={quote(f'^{life.name}(-[0-9]+)?$')}")
        made = [one["id"] for one in found.body["servers"]] if found.status == 200 else []
        if answer.accepted and answer.body["server"]["id"] not in made:
            made.append(answer.body["server"]["id"])
        with self._book.tally.lock:
            self._book.servers.update(made)
        for uuid in made if answer.accepted else ():
            self._book.note(uuid, "create", answer)
        return made

    def _delete(self, server: str) -> None:
        """Ask until it is accepted, or the server is gone: users want rid of what they pay for."""
        for _ in range(20):
            answer = self._client.ask("POST", f"/servers/{server}/action", {"forceDelete": None})
            self._book.note(server, "delete", answer)
            if answer.accepted or answer.status == 404:
                return
            time.sleep(0.5)

    def _wait(self, servers: Iterable[str], act: str, began: float) -> None:
        """Wait until all are idle, or gone."""
        limit = time.monotonic() + IDLE_SECONDS
        for server in servers:
            while True:
                seen = self._client.get(f"/servers/{server}")
                if seen.status != 200 or is_idle(seen.body["server"]):
                    break
                if time.monotonic() > limit:
                    self._book.slow.append(f"{server} ({act})")
                    break
                time.sleep(0.15)
        self._book.timed(act, time.monotonic() - began)


def is_idle(server: dict[str, Any]) -> bool:
    """Tell whether nothing is being done to a server, as its user sees it."""
    return server.get("OS-EXT-STS:task_state") is None and server["status"] not in ("BUILD", "UNKNOWN")


def begin(users: Iterable[User]) -> list[threading.Thread]:
    """Let users lead their lives side by side."""
    threads = [
        threading.Thread(target=user.run, name=f"user-{n}", daemon=True) for n, user in enumerate(users)
    ]
    for thread in threads:
        thread.start()
    return threads
