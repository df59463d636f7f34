"""What requests about images ask for. Source: Compute API reference, "Images"."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from compute_service.api.query import NEVER, Limit, Query

_STATUSES = {
    "ACTIVE": "active",
    "SAVING": "saving",
    "DELETED": "deleted",
    "ERROR": "killed",
}
"""What a user calls a status → what the image service does."""


class ImageQuery(Query):
    """GET /images and /images/detail; properties may be asked for too, as `property-<name>`."""

    STRICT = NEVER

    limit: Limit = UNSET
    marker: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    server: str | UnsetType = UNSET
    type: str | UnsetType = UNSET


def filters_of(pairs: list[tuple[str, str]], limit: int) -> list[tuple[str, str]]:
    """Return the image service's own parameters for those of a request."""
    found = [("limit", str(limit))]
    for name, value in pairs:
        if name in ("marker", "name"):
            found.append((name, value))
        elif name == "status":
            found.append(("status", _STATUSES.get(value.upper(), value.lower())))
        elif name == "changes-since":
            found.append(("updated_at", f"gte:{value}"))
        elif name == "server":
            found.append(("instance_uuid", value.rstrip("/").rpartition("/")[2]))
        elif name == "type":
            found.append(("image_type", value))
        elif name in ("minRam", "minDisk"):
            found.append(({"minRam": "min_ram", "minDisk": "min_disk"}[name], value))
        elif name.startswith("property-"):
            found.append((name.removeprefix("property-"), value))
    return found
