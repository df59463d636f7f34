from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from compute_service.clients.versions import highest_version
from compute_service.config.settings import Settings, settings_of
from compute_service.domain.errors import Unavailable


class Root(BaseHTTPRequestHandler):
    """The root of a service: a document with its versions."""

    document: dict[str, Any] = {}

    def do_GET(self) -> None:
        body = json.dumps(self.document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def root() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Root)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def settings(section: str, url: str) -> Settings:
    return settings_of({section: {"auth_type": "none", "endpoint": url, "timeout": 5}})


def test_a_service_tells_its_highest_microversion(root: str) -> None:
    Root.document = {
        "versions": [
            {
                "id": "v1.0",
                "status": "CURRENT",
                "min_version": "1.0",
                "max_version": "1.39",
                "links": [{"rel": "self", "href": ""}],
            }
        ]
    }
    assert highest_version(settings("placement", root), "placement") == "1.39"


def test_the_volume_service_is_found_by_its_catalog_info(root: str) -> None:
    Root.document = {
        "versions": [
            {
                "id": "v3.0",
                "status": "CURRENT",
                "min_version": "3.0",
                "version": "3.71",
                "links": [{"rel": "self", "href": f"{root}/v3/"}],
            }
        ]
    }
    assert highest_version(settings("cinder", f"{root}/v3/"), "cinder") == "3.71"


def test_a_service_without_versions_is_told(root: str) -> None:
    Root.document = {"hello": "world"}
    with pytest.raises(Unavailable, match="placement"):
        highest_version(settings("placement", root), "placement")


def test_a_service_that_does_not_answer_is_told() -> None:
    with pytest.raises(Unavailable, match="placement"):
        highest_version(settings("placement", "http://127.0.0.1:9"), "placement")


def test_a_section_without_credentials_is_told() -> None:
    with pytest.raises(Unavailable, match="auth_type"):
        highest_version(Settings(), "placement")
