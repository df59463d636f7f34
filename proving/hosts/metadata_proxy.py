"""The metadata proxy of the guests' segment: says whose server asks, by its address, and signs that.

Runs on a host, with the folder that `segment.py` fills: `ports.json` (address → server and project), and
`proxy.json` (the metadata service's port of 127.0.0.1, and the secret). Plays the part of Neutron's agent.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ADDRESS = "169.254.169.254"
_SECONDS = 30


class Handler(BaseHTTPRequestHandler):
    """One request of a guest."""

    folder: Path

    def do_GET(self) -> None:
        """Pass it on."""
        self._pass(None)

    def do_POST(self) -> None:
        """Pass it on with what was posted."""
        self._pass(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _pass(self, body: bytes | None) -> None:
        asking = self._read("ports.json").get(self.client_address[0])
        if asking is None:
            self.send_error(404)
            return
        options = self._read("proxy.json")
        signature = hmac.new(options["secret"].encode(), asking["server"].encode(), hashlib.sha256)
        headers = {
            "X-Instance-ID": asking["server"],
            "X-Tenant-ID": asking["project"],
            "X-Instance-ID-Signature": signature.hexdigest(),
            "X-Forwarded-For": self.client_address[0],
        }
        service = http.client.HTTPConnection("127.0.0.1", options["port"], timeout=_SECONDS)
        service.request(self.command, self.path, body, headers)
        answer = service.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.getheader("Content-Type", "text/plain"))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _read(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())


if __name__ == "__main__":
    Handler.folder = Path(sys.argv[1])
    ThreadingHTTPServer((ADDRESS, 80), Handler).serve_forever()
