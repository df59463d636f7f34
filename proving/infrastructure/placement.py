"""Placement, which keeps what resources there are and who holds them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from proving.infrastructure.wsgi import WsgiService, write_conf


class PlacementService(WsgiService):
    """Serves at `url`; it makes its schema when it starts."""

    def __init__(self, folder: Path, port: int, database: str) -> None:
        self._database = database
        super().__init__("placement", folder, port, {"OS_PLACEMENT_CONFIG_DIR": str(folder)})

    def configure(self, tokens: Mapping[str, object]) -> None:
        """Write its configuration. `tokens` is the section by which it checks tokens."""
        write_conf(
            self._folder / "placement.conf",
            {
                "DEFAULT": {"use_stderr": True},
                "api": {"auth_strategy": "keystone"},
                "placement_database": {"connection": self._database, "sync_on_startup": True},
                "keystone_authtoken": tokens,
            },
        )
