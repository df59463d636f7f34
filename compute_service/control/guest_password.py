"""The password that a guest made for itself: posted once to the metadata service, encrypted with the key of
the server's owner, and read by the owner from the API.
"""

from __future__ import annotations

from compute_service.control.find import change_row
from compute_service.control.services import Services
from compute_service.domain.context import Context
from compute_service.domain.errors import Conflict, Invalid, NotFound, Stale
from compute_service.domain.instance import Instance
from compute_service.store.database import Database, Tx
from compute_service.store.instances import instance_get, instance_update
from compute_service.store.servers import Located

MOST_BYTES = 4096
"""Of a password: what RSA makes with a key of 16384 bits, in base64, and room to spare."""
_NOTE = "password"
_TRIES = 3


def guest_password(instance: Instance) -> str:
    """Return the password that a server's guest posted; nothing when it posted none."""
    return instance.system_metadata.get(_NOTE, "")


def clear_guest_password(ctx: Context, svc: Services, server: Located) -> None:
    """Forget the password; the guest may then post another."""

    def clear(tx: Tx, seen: Instance) -> Instance:
        left = {name: note for name, note in seen.system_metadata.items() if name != _NOTE}
        return instance_update(tx, seen, system_metadata=left) if left != seen.system_metadata else seen

    change_row(ctx, svc, server, clear)


def post_guest_password(database: Database, uuid: str, posted: bytes) -> None:
    """Keep the password that a guest posts. Raises Conflict when there is one, Invalid for what is none."""
    if len(posted) > MOST_BYTES:
        raise Invalid(f"A password has at most {MOST_BYTES} bytes.")
    try:
        text = posted.decode("ascii")
    except UnicodeDecodeError:
        raise Invalid("A password is text in ASCII, such as base64.") from None
    for last in (*[False] * (_TRIES - 1), True):
        try:
            with database.write() as tx:
                _keep(tx, uuid, text)
        except Stale:
            if last:
                raise
        else:
            return


def _keep(tx: Tx, uuid: str, text: str) -> None:
    seen = instance_get(tx, uuid)
    if seen is None:
        raise NotFound(f"Instance {uuid} could not be found.")
    if guest_password(seen):
        raise Conflict("The password of this server has been set.")
    if text:
        instance_update(tx, seen, system_metadata={**seen.system_metadata, _NOTE: text})
