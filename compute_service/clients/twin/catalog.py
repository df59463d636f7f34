"""The catalog of services in the identity API's form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from compute_service.clients.fake.identity import Endpoint


def catalog_of(endpoints: Iterable[Endpoint]) -> list[dict[str, Any]]:
    """Return endpoints grouped by service, as in a token."""
    services: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        service = services.setdefault(
            endpoint.service_id,
            {
                "id": endpoint.service_id,
                "type": endpoint.service_type,
                "name": endpoint.service_name,
                "endpoints": [],
            },
        )
        service["endpoints"].append(
            {
                "id": endpoint.id,
                "interface": endpoint.interface,
                "region": endpoint.region,
                "region_id": endpoint.region,
                "url": endpoint.url,
            }
        )
    return list(services.values())
