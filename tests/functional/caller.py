"""A small HTTP client for tests: one requester, one base address, any microversion."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

LATEST = "2.104"


@dataclass(frozen=True)
class Reply:
    """What came back; `body` is the decoded JSON, or None."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def message(self) -> str:
        """The message of a fault body."""
        return str(next(iter(self.body.values()))["message"])


@dataclass(frozen=True)
class Caller:
    """One requester. Status codes are returned, not raised."""

    url: str
    token: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, version: str | None = LATEST) -> Reply:
        """Send one request and return the reply."""
        data = None if body is None else json.dumps(body).encode()
        kind = None if data is None else "application/json"
        return self.send(method, path, data, kind, version)

    def send(
        self, method: str, path: str, data: bytes | None, kind: str | None, version: str | None = LATEST
    ) -> Reply:
        """Send bytes as they are, of the media type `kind`, and return the reply."""
        headers = {"X-Auth-Token": self.token, "Accept": "application/json", **self.headers}
        if kind is not None:
            headers["Content-Type"] = kind
        if version is not None:
            headers["OpenStack-API-Version"] = f"compute {version}"
        request = urllib.request.Request(self.url + path, data, headers, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return self._reply(answer)
        except urllib.error.HTTPError as refused:
            return self._reply(refused)

    @staticmethod
    def _reply(answer: Any) -> Reply:
        raw = answer.read()
        is_json = raw and "json" in (answer.headers.get("Content-Type") or "")
        return Reply(answer.status, answer.headers, json.loads(raw) if is_json else None)

    def get(self, path: str, version: str | None = LATEST) -> Reply:
        """GET."""
        return self.call("GET", path, None, version)

    def post(self, path: str, body: Any, version: str | None = LATEST) -> Reply:
        """POST."""
        return self.call("POST", path, body, version)

    def put(self, path: str, body: Any, version: str | None = LATEST) -> Reply:
        """PUT."""
        return self.call("PUT", path, body, version)

    def delete(self, path: str, version: str | None = LATEST) -> Reply:
        """DELETE."""
        return self.call("DELETE", path, None, version)

    def act(self, server: str, name: str, argument: Any = None, version: str | None = LATEST) -> Reply:
        """POST a server action."""
        return self.post(f"/servers/{server}/action", {name: argument}, version)

    def server(self, server: str, version: str | None = LATEST) -> dict[str, Any]:
        """Return a server's body."""
        reply = self.get(f"/servers/{server}", version)
        assert reply.status == 200, reply
        return dict(reply.body["server"])

    def settled(self, server: str, status: str, seconds: float = 20) -> dict[str, Any]:
        """Wait until a server is idle in `status` and return its body."""
        seen: dict[str, Any] = {}

        def idle() -> bool:
            seen.update(self.server(server))
            return seen["OS-EXT-STS:task_state"] is None and seen["status"] in (status, "ERROR")

        wait_for(idle, seconds, lambda: f"{seen.get('status')}/{seen.get('OS-EXT-STS:task_state')}")
        assert seen["status"] == status, (seen["status"], seen.get("fault"))
        return seen

    def idle(self, server: str, seconds: float = 30) -> dict[str, Any]:
        """Wait until nothing is being done to a server and return it."""
        wait_for(lambda: self.server(server)["OS-EXT-STS:task_state"] is None, seconds)
        return self.server(server)

    def gone(self, server: str, seconds: float = 20) -> None:
        """Wait until a server is not found."""
        wait_for(lambda: self.get(f"/servers/{server}").status == 404, seconds)


def wait_for(
    true: Callable[[], bool], seconds: float = 20, told: Callable[[], str] = lambda: "not in time"
) -> None:
    """Look every 20 ms until `true`, for a bounded time."""
    limit = time.monotonic() + seconds
    while not true():
        if time.monotonic() > limit:
            raise AssertionError(f"after {seconds} s: {told()}")
        time.sleep(0.02)
