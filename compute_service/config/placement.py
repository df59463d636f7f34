"""[placement]: the placement service."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.keystoneauth import Client
from compute_service.config.option import opt


@dataclass(frozen=True, kw_only=True)
class Placement(Client):
    """Options of the section [placement]."""

    service_type: str | None = opt("placement", "The type under which the catalog lists the service.")
