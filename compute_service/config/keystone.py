"""[keystone]: the identity service, for questions about projects."""

from __future__ import annotations

from dataclasses import dataclass

from compute_service.config.keystoneauth import Client
from compute_service.config.option import opt


@dataclass(frozen=True, kw_only=True)
class Keystone(Client):
    """Options of the section [keystone]."""

    service_type: str | None = opt("identity", "The type under which the catalog lists the service.")
