"""What operators add to servers' metadata."""

from __future__ import annotations

from typing import Any, Protocol

from compute_service.domain.metadata.facts import ServerFacts


class VendorDataSource(Protocol):
    """Finds vendor data: what all servers get, and what services of the operator's say of one server."""

    def static(self) -> dict[str, Any] | None:
        """Return what every server gets; None where no provider gives such data."""

    def dynamic(self, facts: ServerFacts) -> dict[str, Any]:
        """Return what each service says of a server, by the service's name, {} for one that failed.

        Raises Unavailable when one failed and failures are fatal.
        """
