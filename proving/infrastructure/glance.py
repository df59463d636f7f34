"""Glance, the image service, with its images in files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from proving.infrastructure.wsgi import VENV, WsgiService, service_program, write_conf

_TIMEOUT = 30.0


class Glance(WsgiService):
    """Serves version 2 at `url`/v2."""

    def __init__(self, folder: Path, port: int, database: str) -> None:
        self._database = database
        super().__init__("glance", folder, port, {"OS_GLANCE_CONFIG_DIR": str(folder)})

    def configure(self, tokens: Mapping[str, object]) -> None:
        """Write its configuration. `tokens` is the section by which it checks tokens."""
        stores = {name: self._folder / name for name in ("images", "staging", "tasks")}
        for path in stores.values():
            path.mkdir(exist_ok=True)
        write_conf(
            self._folder / "glance-api.conf",
            {
                "DEFAULT": {
                    "use_stderr": True,
                    "enabled_backends": "file:file",
                    "enabled_import_methods": "[glance-direct]",
                },
                "database": {"connection": self._database},
                "glance_store": {"default_backend": "file"},
                "file": {"filesystem_store_datadir": stores["images"]},
                "os_glance_staging_store": {"filesystem_store_datadir": stores["staging"]},
                "os_glance_tasks_store": {"filesystem_store_datadir": stores["tasks"]},
                "paste_deploy": {
                    "flavor": "keystone",
                    "config_file": VENV / "etc" / "glance" / "glance-api-paste.ini",
                },
                "keystone_authtoken": tokens,
            },
        )

    def install(self) -> None:
        """Make the schema."""
        conf = str(self._folder / "glance-api.conf")
        self.prepare(service_program("glance-manage"), "--config-file", conf, "db_sync")

    def add_image(self, token: str, image: Mapping[str, Any], data: bytes) -> None:
        """Make an image that has its data."""
        http = requests.Session()
        http.headers["X-Auth-Token"] = token
        made = http.post(f"{self.url}/v2/images", json=image, timeout=_TIMEOUT)
        made.raise_for_status()
        http.put(
            f"{self.url}/v2/images/{image['id']}/file",
            data=data,
            headers={"Content-Type": "application/octet-stream"},
            timeout=_TIMEOUT,
        ).raise_for_status()
