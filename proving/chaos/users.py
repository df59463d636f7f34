"""Users, who lead servers through their lives and remember what was promised to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import quote

from proving.chaos.client import Answer, Client, Tally
from proving.chaos.lives import Life

IDLE_SECONDS = 90.0
"""For which a user waits until a server is idle, before going on without."""


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
    waits: list[float] = field(default_factory=list)
    """Seconds for which users waited until a server was idle again."""
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


BODIES: dict[str, Callable[[Orders, str], Any]] = {
    "stop": lambda orders, name: {"os-stop": None},
    "start": lambda orders, name: {"os-start": None},
    "pause": lambda orders, name: {"pause": None},
    "unpause": lambda orders, name: {"unpause": None},
    "suspend": lambda orders, name: {"suspend": None},
    "resume": lambda orders, name: {"resume": None},
    "reboot soft": lambda orders, name: {"reboot": {"type": "SOFT"}},
    "reboot hard": lambda orders, name: {"reboot": {"type": "HARD"}},
    "resize": lambda orders, name: {"resize": {"flavorRef": orders.bigger_flavor}},
    "migrate": lambda orders, name: {"migrate": None},
    "confirm": lambda orders, name: {"confirmResize": None},
    "revert": lambda orders, name: {"revertResize": None},
    "snapshot": lambda orders, name: {"createImage": {"name": f"{name}-image"}},
    "rebuild": lambda orders, name: {"rebuild": {"imageRef": orders.image}},
}


class User:
    """One after the other, takes a life and leads it. Runs in a thread of its own."""

    def __init__(self, client: Client, orders: Orders, book: Book, work: SimpleQueue[Life]) -> None:
        self._client, self._orders, self._book, self._work = client, orders, book, work

    def run(self) -> None:
        """Lead lives until there are no more."""
        while True:
            try:
                life = self._work.get_nowait()
            except Empty:
                return
            self._lead(life)

    def _lead(self, life: Life) -> None:
        servers = self._create(life)
        last = len(life.acts) - 1
        if servers and not (life.hasty and not life.acts):
            self._wait(servers)
        for number, act in enumerate(life.acts):
            for server in servers:
                body = BODIES[act](self._orders, f"{life.name}-{number}")
                self._book.note(server, act, self._client.ask("POST", f"/servers/{server}/action", body))
            if not (life.hasty and number == last):
                self._wait(servers)
        if life.ends:
            for server in servers:
                self._delete(server)

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
            answer = self._client.ask("DELETE", f"/servers/{server}")
            self._book.note(server, "delete", answer)
            if answer.accepted or answer.status == 404:
                return
            time.sleep(0.5)

    def _wait(self, servers: Iterable[str]) -> None:
        began = time.monotonic()
        for server in servers:
            while True:
                seen = self._client.get(f"/servers/{server}")
                if seen.status != 200 or is_idle(seen.body["server"]):
                    break
                if time.monotonic() - began > IDLE_SECONDS:
                    self._book.slow.append(server)
                    break
                time.sleep(0.15)
        self._book.waits.append(time.monotonic() - began)


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
