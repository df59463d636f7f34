"""Services as they were addressed before they had a UUID (microversion 2.53): by a number of their cell."""

from __future__ import annotations

from compute_service.control.services import Services
from compute_service.control.zones import all_services
from compute_service.domain.errors import Invalid, NotFound
from compute_service.domain.host import Service


def find_service_by_number(svc: Services, number: int) -> Service:
    """Return the service of a number. Raises NotFound, or Invalid when several cells have one."""
    found = [service for service in all_services(svc) if service.id == number]
    if len(found) > 1:
        raise Invalid(f"Service id {number} refers to multiple services.")
    if not found:
        raise NotFound(f"Service {number} could not be found.")
    return found[0]
