"""Starting, stopping and freezing guests. Each verb looks at the guest and does only what is missing."""

from __future__ import annotations

import logging
from collections.abc import Collection

from compute_service.domain.errors import Conflict, NotFound, NotReady
from compute_service.domain.guest import GuestSpec
from compute_service.domain.states import PowerState
from compute_service.virt.libvirt.definition import define
from compute_service.virt.libvirt.disks import make_config_drive
from compute_service.virt.libvirt.parts import Parts
from compute_service.virt.libvirt.spawn import OFF, complete, power_of, start
from compute_service.virt.libvirt.vifs import replug_all

LOG = logging.getLogger(__name__)

STEP = 0.5
"""Seconds between two looks at a guest that shuts down."""


def power_on(parts: Parts, spec: GuestSpec) -> PowerState:
    """Start the guest as `spec` says it is; one that runs is left as it is. Raises NotFound."""
    if power_of(parts, spec.uuid) is PowerState.RUNNING:
        return PowerState.RUNNING
    _check_there(parts, spec)
    return _boot(parts, spec)


def power_off(parts: Parts, uuid: str, timeout: int) -> PowerState:
    """Ask for a shutdown, and cut the power after `timeout` seconds."""
    if parts.connection.domain(uuid).power is PowerState.RUNNING and timeout > 0:
        shut_down(parts, uuid, timeout)
    parts.connection.cut(uuid)
    parts.connection.forget_saved(uuid)
    return PowerState.SHUTDOWN


def shut_down(parts: Parts, uuid: str, timeout: int) -> bool:
    """Ask a guest to shut down, again and again; return whether it did so within `timeout` seconds."""
    again = max(parts.settings.compute.shutdown_retry_interval, 1)
    end = parts.clock.time() + timeout
    due = parts.clock.time()
    while parts.connection.domain(uuid).power not in OFF:
        now = parts.clock.time()
        if now >= end:
            return False
        if now >= due:
            due = now + again
            _ask_to_shut_down(parts, uuid)
        parts.clock.sleep(STEP)
    return True


def shutdown_seconds(parts: Parts, spec: GuestSpec) -> int:
    """Return how long a guest may take to shut down: what its image says, or the default."""
    asked = spec.image.properties.get("os_shutdown_timeout", "") if spec.image is not None else ""
    return int(asked) if asked.isdecimal() else parts.settings.default.shutdown_timeout


def _ask_to_shut_down(parts: Parts, uuid: str) -> None:
    try:
        parts.connection.shutdown(uuid)
    except Conflict:
        LOG.debug("Guest %s went off by itself, or cannot be asked now", uuid)


def reboot(parts: Parts, spec: GuestSpec, hard: bool) -> PowerState:
    """Restart the guest: with its consent, or when it does not act on that or `hard`, without."""
    soft = not hard and parts.connection.domain(spec.uuid).power is PowerState.RUNNING
    if soft and shut_down(parts, spec.uuid, parts.settings.libvirt.wait_soft_reboot_seconds):
        start(parts, spec.uuid)
        return parts.connection.domain(spec.uuid).power
    _check_there(parts, spec)
    return _boot(parts, spec)


def _check_there(parts: Parts, spec: GuestSpec) -> None:
    if power_of(parts, spec.uuid) is None and not parts.disks.has(spec.uuid, "disk"):
        raise NotFound(f"Guest {spec.uuid} is not on host {parts.host}.")


def _boot(parts: Parts, spec: GuestSpec) -> PowerState:
    """Start the guest from nothing, under a fresh definition."""
    if power_of(parts, spec.uuid) is not None:
        parts.connection.cut(spec.uuid)
        parts.connection.forget_saved(spec.uuid)
    make_config_drive(parts, spec)
    return complete(parts, spec.replace(power=PowerState.RUNNING))


def pause(parts: Parts, uuid: str) -> PowerState:
    """Freeze a running guest."""
    if _among(parts, "pause", uuid, (PowerState.RUNNING, PowerState.PAUSED)) is PowerState.RUNNING:
        parts.connection.pause(uuid)
    return PowerState.PAUSED


def unpause(parts: Parts, uuid: str) -> PowerState:
    """Let a frozen guest go on."""
    if _among(parts, "unpause", uuid, (PowerState.RUNNING, PowerState.PAUSED)) is PowerState.PAUSED:
        parts.connection.unpause(uuid)
    return PowerState.RUNNING


def suspend(parts: Parts, uuid: str) -> PowerState:
    """Save a guest's memory and stop it."""
    if parts.connection.domain(uuid).power in OFF and parts.connection.is_saved(uuid):
        return PowerState.SHUTDOWN
    _among(parts, "suspend", uuid, (PowerState.RUNNING, PowerState.PAUSED))
    parts.connection.save(uuid)
    return PowerState.SHUTDOWN


def resume(parts: Parts, spec: GuestSpec) -> PowerState:
    """Bring a saved guest back; one whose memory is lost boots. Raises NotFound."""
    power = power_of(parts, spec.uuid)
    if power is PowerState.RUNNING:
        return power
    if power is PowerState.PAUSED:
        parts.connection.unpause(spec.uuid)
    elif power is not None and parts.connection.is_saved(spec.uuid):
        replug_all(parts.plugger, parts.directory(spec.uuid).ports, spec.uuid)
        parts.connection.start(spec.uuid)
        if parts.connection.domain(spec.uuid).power is PowerState.PAUSED:
            parts.connection.unpause(spec.uuid)
    else:
        _check_there(parts, spec)
        define(parts, spec)
        start(parts, spec.uuid)
    return parts.connection.domain(spec.uuid).power


def interrupt(parts: Parts, uuid: str) -> None:
    """Inject an interrupt that the guest cannot mask. Raises NotFound, NotReady, NotSupported.

    Done once and never again by itself: a guest that is to dump its memory would be disturbed in that.
    """
    if parts.connection.domain(uuid).power is not PowerState.RUNNING:
        raise NotReady(uuid)
    parts.connection.interrupt(uuid)


def revive(parts: Parts, uuid: str) -> PowerState:
    """Start a guest as it is defined, as after the host was restarted. Raises NotFound."""
    if parts.connection.domain(uuid).power in OFF:
        replug_all(parts.plugger, parts.directory(uuid).ports, uuid)
        start(parts, uuid)
    return parts.connection.domain(uuid).power


def _among(parts: Parts, verb: str, uuid: str, before: Collection[PowerState]) -> PowerState:
    """Return the guest's power. Raises Conflict when the verb is not for that."""
    power = parts.connection.domain(uuid).power
    if power not in before:
        raise Conflict(f"Cannot {verb} guest {uuid} in power state {power.name}.")
    return power
