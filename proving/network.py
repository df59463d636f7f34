"""The network service of a site: the one in memory, behind Neutron's API, served by this process.

Tokens are checked by the site's Keystone, and the compute API is told of changed addresses as Neutron does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import requests

from compute_service.clients.fake.network import FakeNetwork
from compute_service.clients.twin.network import network_app
from compute_service.cmd.authenticate import checking_tokens
from compute_service.cmd.threaded import ThreadedServer, WsgiApp

LOG = logging.getLogger(__name__)
_TIMEOUT = 20.0


class NetworkService:
    """Serves `url`; `network` is what is in it."""

    def __init__(self, port: int) -> None:
        self.network = FakeNetwork()
        self._server = ThreadedServer("127.0.0.1", port, {})
        self.url = f"http://127.0.0.1:{self._server.port}"

    def start(self, tokens: Mapping[str, Any], owner: str) -> None:
        """Begin to serve: one network that all share and one that leads out, both of the project `owner`.

        `tokens` are the options by which tokens are checked.
        """
        self.network.add_network("private", "10.1.0.0/16", owner, shared=True)
        self.network.add_network("public", "203.0.113.0/24", owner, external=True)
        app = network_app(self.network)
        self._server.mounts[""] = _open_root(app, checking_tokens(app, dict(tokens)))
        self._server.start()

    def tell(self, compute_url: str, token: Callable[[], str]) -> None:
        """Tell the compute API from now on of servers whose addresses changed."""

        def changed(server: str) -> None:
            events = {"events": [{"name": "network-changed", "server_uuid": server}]}
            headers = {"X-Auth-Token": token()}
            url = f"{compute_url}/os-server-external-events"
            answer = requests.post(url, json=events, headers=headers, timeout=_TIMEOUT)
            if answer.status_code not in (200, 207, 404):
                LOG.error("the compute API answers %s to an event: %s", answer.status_code, answer.text)

        self.network.floating.changed = changed

    def stop(self) -> None:
        """Stop serving."""
        self._server.stop(2)


def _open_root(app: WsgiApp, checked: WsgiApp) -> WsgiApp:
    """Return an application whose root, which tells the versions, needs no token."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        is_root = (environ.get("PATH_INFO", "").rstrip("/") or "/") == "/"
        return (app if is_root else checked)(environ, start_response)

    return answer
