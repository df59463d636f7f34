"""The files of the web client that a proxy serves: one directory, nothing above it."""

from __future__ import annotations

import mimetypes
import posixpath
from pathlib import Path
from urllib.parse import unquote, urlsplit

_ALSO = {"vnc_auto.html": "vnc_lite.html", "spice_auto.html": "spice_auto.html"}
"""Pages that newer clients have under another name."""
_LARGEST = 16 * 1024 * 1024


class Pages:
    """A directory of files; None serves nothing."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def read(self, target: str) -> tuple[str, bytes] | None:
        """Return media type and content of the file that an address means, or None."""
        if self._directory is None:
            return None
        name = posixpath.normpath("/" + unquote(urlsplit(target).path)).lstrip("/")
        if not name or "\0" in name or any(part.startswith(".") for part in name.split("/")):
            return None
        for choice in (name, _ALSO.get(name, name)):
            path = self._directory / choice
            try:
                if path.is_file() and path.stat().st_size <= _LARGEST:
                    return _kind(choice), path.read_bytes()
            except OSError:
                continue
        return None


def _kind(name: str) -> str:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind.endswith("javascript") else kind
