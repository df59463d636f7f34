"""Whether Keystone refuses a password, as the modules find out."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.unit.bundle.conftest import COLLECTIONS


@pytest.fixture
def refuses(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(COLLECTIONS))
    from ansible_collections.stratus.compute.plugins.module_utils.identity import refuses

    return refuses


@pytest.fixture
def keystone() -> Iterator[str]:
    """A server that gives tokens for the password `right`, fails for `broken` and refuses all others."""

    class Tokens(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            user = asked["auth"]["identity"]["password"]["user"]
            code = {"right": 201, "broken": 503}.get(user["password"], 401)
            self.send_response(code if self.path == "/v3/auth/tokens" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Tokens) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v3"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("password", "refused"), [("right", False), ("wrong", True), ("broken", False)])
def test_only_a_password_that_is_refused_is_wrong(
    refuses: Any, keystone: str, password: str, refused: bool
) -> None:
    assert refuses(keystone, "admin", password) is refused


def test_a_keystone_that_does_not_answer_refuses_nobody(refuses: Any) -> None:
    assert refuses("http://127.0.0.1:9/v3", "admin", "any", timeout=2) is False
