"""Rings the conductors for flows that were just logged."""

from __future__ import annotations

import logging

from compute_service.control.services import Services
from compute_service.domain.errors import ComputeError
from compute_service.domain.flow import FlowKey

LOG = logging.getLogger(__name__)


def ring(svc: Services, *keys: FlowKey) -> None:
    """Ring for flows; a ring that is lost costs a sweep's wait, so it never fails the caller."""
    if not keys:
        return
    try:
        svc.conductor.wake(keys)
    except ComputeError as error:
        LOG.warning("conductors were not rung for %d flows: %s", len(keys), error.message)
