"""The QEMU guest agent, where a guest has it.

Source: QEMU documentation, "QEMU Guest Agent Protocol Reference".
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from compute_service.domain.errors import ComputeError, HostRejected, NotReady, NotSupported
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt.assemble.consoles import AGENT
from compute_service.virt.libvirt.definition import defined
from compute_service.virt.libvirt.parts import Parts

LOG = logging.getLogger(__name__)
SECONDS = 30
ADMINISTRATOR = "root"
"""Who a guest's administrator is unless its definition says another."""


def has_agent(parts: Parts, uuid: str) -> bool:
    """Return whether a running guest has a channel on which an agent listens."""
    channels = defined(parts, uuid, lasting=False).channels
    return any(each.target_name == AGENT and each.state == "connected" for each in channels)


def ask(parts: Parts, uuid: str, command: str, **arguments: Any) -> Any:
    """Return what the agent answers. Raises Timeout, HostRejected and what `Connection.ask_agent` does."""
    words: dict[str, Any] = {"execute": command}
    if arguments:
        words["arguments"] = arguments
    text = parts.connection.ask_agent(uuid, json.dumps(words), SECONDS)
    try:
        return json.loads(text)["return"]
    except (ValueError, KeyError, TypeError):
        raise HostRejected(f"The agent in guest {uuid} did not answer {command}.") from None


def set_password(parts: Parts, uuid: str, password: str) -> None:
    """Change the password of the guest's administrator. Raises NotFound, NotReady, NotSupported."""
    if parts.connection.domain(uuid).power is not PowerState.RUNNING:
        raise NotReady(uuid)
    guest = defined(parts, uuid, lasting=False)
    states = [each.state for each in guest.channels if each.target_name == AGENT]
    if not states:
        raise NotSupported(f"Guest {uuid} has no agent: its image lacks hw_qemu_guest_agent.")
    if "connected" not in states:
        raise NotSupported(f"No agent answers in guest {uuid}.")
    user = guest.server.admin_user if guest.server is not None else None
    parts.connection.set_password(uuid, user or ADMINISTRATOR, password)


@contextmanager
def quiet(parts: Parts, uuid: str) -> Iterator[None]:
    """Have the guest's file systems at rest meanwhile, where its agent can do that."""
    frozen = False
    if has_agent(parts, uuid):
        try:
            ask(parts, uuid, "guest-fsfreeze-freeze")
            frozen = True
        except ComputeError as error:
            LOG.warning("The file systems of guest %s are not brought to rest: %s", uuid, error.message)
    try:
        yield
    finally:
        if frozen:
            ask(parts, uuid, "guest-fsfreeze-thaw")
