"""What a shelved server keeps of its shelving, and the image that it stands on."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from compute_service.domain.errors import Conflict, Forbidden
from compute_service.domain.instance import Instance
from compute_service.flows.kinds.server import change, row_of
from compute_service.flows.step import Run

LOG = logging.getLogger(__name__)

SHELVED_AT = "shelved_at"
SHELVED_IMAGE = "shelved_image_id"
SHELVED_HOST = "shelved_host"
_NOTES = (SHELVED_AT, SHELVED_IMAGE, SHELVED_HOST)


def notes_shelved(seen: Instance, image_id: str, now: datetime) -> dict[str, str]:
    """Return a server's notes once it is shelved into an image."""
    notes = {**seen.system_metadata, SHELVED_AT: now.isoformat(), SHELVED_IMAGE: image_id}
    return notes if seen.host is None else {**notes, SHELVED_HOST: seen.host}


def notes_unshelved(seen: Instance) -> dict[str, str]:
    """Return a server's notes once it is not shelved any more."""
    return {key: value for key, value in seen.system_metadata.items() if key not in _NOTES}


def shelved_image(seen: Instance) -> str | None:
    """Return the image that a server was shelved into."""
    return seen.system_metadata.get(SHELVED_IMAGE)


def shelved_at(seen: Instance) -> datetime | None:
    """Return when a server was shelved."""
    said = seen.system_metadata.get(SHELVED_AT)
    return None if said is None else datetime.fromisoformat(said)


def remove_image(run: Run[Any], image_id: str) -> None:
    """Remove the image of a server that needs it no more; one that its owner protects stays."""
    try:
        run.svc.images.delete(image_id)
    except (Forbidden, Conflict) as error:
        LOG.warning("image %s of server %s stays: %s", image_id, run.params.uuid, error.message)


def remove_shelved_image(run: Run[Any]) -> None:
    """Remove the image that a server was shelved into, if it was, and what it keeps of that.

    A step of flows that end a server.
    """
    image_id = shelved_image(row_of(run))
    if image_id is not None:
        remove_image(run, image_id)
        change(run, lambda now: {"system_metadata": notes_unshelved(now)})
