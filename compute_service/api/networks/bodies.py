"""What requests about floating addresses hold. Source: Compute API reference, "Floating IPs"."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType

from compute_service.api.fields import IP, Text
from compute_service.api.shape import Body


class PoolName(Body):
    """POST /os-floating-ips; any pool if it names none."""

    pool: Annotated[str | UnsetType | None, Text()] = UNSET


class AddressAdded(Body):
    """The addresses of addFloatingIp."""

    address: Annotated[str, IP]
    fixed_address: Annotated[str | UnsetType, IP] = UNSET


class AddressRemoved(Body):
    """The address of removeFloatingIp."""

    address: Annotated[str, IP]
