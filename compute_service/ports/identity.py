"""The identity service, as far as compute asks it anything of its own."""

from __future__ import annotations

from typing import Protocol


class Identity(Protocol):
    """Questions about projects."""

    def project_exists(self, project_id: str) -> bool | None:
        """Tell whether a project exists; None when nobody can say now."""
