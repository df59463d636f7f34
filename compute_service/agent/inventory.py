"""A host's entry in placement: its resource provider with inventories and traits.

What placement holds is remembered, so a host on which nothing changes makes no calls; it is read anew after
`[compute]resource_provider_association_refresh` seconds, and always before something is written, so that
inventories, traits and aggregates that others put on the provider stay.

Ratios: the configured one; else what placement has; else `initial_*` (compute service configuration
reference).
"""

from __future__ import annotations

import logging
import threading

from compute_service.config.settings import Settings
from compute_service.domain.errors import ComputeError, Conflict
from compute_service.domain.host import HostFacts, ResourceInventory
from compute_service.ports.clock import Clock
from compute_service.ports.placement import Placement, Provider

LOG = logging.getLogger(__name__)

CONFLICT_TRIES = 4
DISABLED = "COMPUTE_STATUS_DISABLED"
ALWAYS = ("COMPUTE_NODE", "OWNER_NOVA")
OWNED_PREFIXES = ("COMPUTE_", "HW_CPU_", "OWNER_NOVA")
"""Traits that begin so are ours to add and take away; all others are somebody else's."""
CAPABILITY_TRAITS: dict[str, tuple[str, ...]] = {
    "AttachesNics": ("COMPUTE_NET_ATTACH_INTERFACE",),
    "Migrates": ("COMPUTE_SAME_HOST_COLD_MIGRATE",),
}
"""Traits that follow from a capability of the driver (a name of `ports.hypervisor.CAPABILITIES`)."""
IMAGE_TYPE = "COMPUTE_IMAGE_TYPE_"


class Inventory:
    """The provider of one host."""

    def __init__(
        self,
        node_uuid: str,
        capabilities: tuple[str, ...],
        placement: Placement,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._node_uuid = node_uuid
        self._capabilities = capabilities
        self._placement = placement
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._disabled = False
        self._seen: Provider | None = None
        self._seen_at = 0.0

    def set_disabled(self, disabled: bool) -> None:
        """Say whether the service is disabled; the next `sync` tells placement."""
        self._disabled = disabled

    def sync(self, facts: HostFacts) -> bool:
        """Make the provider what the facts say; False when placement could not be brought up to date.

        The reason is then logged, and the next call tries again.
        """
        with self._lock:
            for attempt in range(1, CONFLICT_TRIES + 1):
                try:
                    self._once(facts)
                except Conflict as error:
                    self._seen = None
                    LOG.info("Placement changed under host %s: %s", facts.hypervisor_hostname, error.message)
                    if attempt == CONFLICT_TRIES:
                        LOG.warning("Placement is not up to date for %s", facts.hypervisor_hostname)
                except ComputeError as error:
                    self._seen = None
                    LOG.warning("Placement is not up to date: %s", error.message)
                    return False
                else:
                    return True
        return False

    def _once(self, facts: HostFacts) -> None:
        if self._seen is not None and not self._old() and _same(self._seen, self.wanted(self._seen, facts)):
            return
        self._seen = self._placement.provider(self._node_uuid)
        self._seen_at = self._clock.time()
        wanted = self.wanted(self._seen, facts)
        if self._seen is None or not _same(self._seen, wanted):
            self._seen = self._placement.ensure_provider(wanted)

    def _old(self) -> bool:
        refresh = self._settings.compute.resource_provider_association_refresh
        return refresh > 0 and self._clock.time() - self._seen_at >= refresh

    def wanted(self, seen: Provider | None, facts: HostFacts) -> Provider:
        """Return the provider as it should be, given what is there."""
        seen = seen or Provider(uuid=self._node_uuid, name=facts.hypervisor_hostname)
        inventories = {**seen.inventories}
        for name, inventory in _inventories(facts, seen, self._settings).items():
            if inventory is None:
                inventories.pop(name, None)
            else:
                inventories[name] = inventory
        others = [trait for trait in seen.traits if not trait.startswith(OWNED_PREFIXES)]
        return seen.replace(
            name=facts.hypervisor_hostname,
            inventories=inventories,
            traits=tuple(sorted({*others, *self._traits(facts)})),
        )

    def _traits(self, facts: HostFacts) -> set[str]:
        excluded = {f"{IMAGE_TYPE}{name.upper()}" for name in self._settings.compute.image_type_exclude_list}
        found = {*ALWAYS, *facts.traits} - excluded
        for capability in self._capabilities:
            found.update(CAPABILITY_TRAITS.get(capability, ()))
        return found | {DISABLED} if self._disabled else found


def _same(one: Provider, other: Provider) -> bool:
    return (
        one.name == other.name
        and one.inventories == other.inventories
        and set(one.traits) == set(other.traits)
    )


def _inventories(facts: HostFacts, seen: Provider, settings: Settings) -> dict[str, ResourceInventory | None]:
    """Return each class of ours with its inventory, or None when the host has nothing of it."""
    options = settings.default
    rows = (
        (
            "VCPU",
            facts.vcpus,
            options.reserved_host_cpus,
            options.cpu_allocation_ratio,
            options.initial_cpu_allocation_ratio,
        ),
        (
            "MEMORY_MB",
            facts.memory_mb,
            options.reserved_host_memory_mb,
            options.ram_allocation_ratio,
            options.initial_ram_allocation_ratio,
        ),
        (
            "DISK_GB",
            facts.local_gb,
            (options.reserved_host_disk_mb + 1023) // 1024,
            options.disk_allocation_ratio,
            options.initial_disk_allocation_ratio,
        ),
    )
    return {
        name: _inventory(total, reserved, _ratio(configured, seen.inventories.get(name), initial))
        for name, total, reserved, configured, initial in rows
    }


def _inventory(total: int, reserved: int, ratio: float) -> ResourceInventory | None:
    if total <= 0:
        return None
    return ResourceInventory(
        total=total, reserved=min(reserved, total), max_unit=total, allocation_ratio=ratio
    )


def _ratio(configured: float | None, seen: ResourceInventory | None, initial: float) -> float:
    """Zero counts as not set, as it always has in this option."""
    if configured:
        return configured
    return seen.allocation_ratio if seen is not None else initial
