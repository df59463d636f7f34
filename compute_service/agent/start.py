"""`Agent`: what nova-compute is made of, and the order in which it comes up and goes down.

Up: who am I → what does the hypervisor say → register with the conductor → placement → guests that ought to
run → serve → signs of life. A host takes no message before the conductor knows it, and no server is stopped
because its host came back before its guests did.

Down: no new messages → wait for the work begun, within the limit → close the journal. What was not begun is
dropped: the conductor sends it again to the next process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from compute_service.agent.answers import Answers
from compute_service.agent.consoles import Consoles
from compute_service.agent.facts import FactsSource
from compute_service.agent.heartbeat import Beating, Heartbeat
from compute_service.agent.identity import NodeIdentity, identify, member_of
from compute_service.agent.image_cache import ImageKeeper
from compute_service.agent.inventory import Inventory
from compute_service.agent.journal import Journal
from compute_service.agent.lanes import Lanes, Pool
from compute_service.agent.orphans import Orphans
from compute_service.agent.periodic import Periodic, Rounds, spaced
from compute_service.agent.pool import ThreadPool
from compute_service.agent.power import PowerWatch
from compute_service.agent.registration import Registration
from compute_service.agent.revival import revive_guests
from compute_service.agent.service import BUILD, LIVE, SNAPSHOT, AgentService, ServiceParts
from compute_service.bus.stopping import stop_all
from compute_service.config.settings import Settings
from compute_service.domain.errors import ComputeError
from compute_service.domain.protocol import ComputeAgent, Conductor
from compute_service.ports.bus import Bus, Serving
from compute_service.ports.clock import Clock
from compute_service.ports.hypervisor import Hypervisor, capabilities_of
from compute_service.ports.images import Images
from compute_service.ports.placement import Placement
from compute_service.virt.driver import load_driver

LOG = logging.getLogger(__name__)

JOURNAL_FILE = "journal.sqlite"
PRUNE_JOURNAL_EVERY = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentParts:
    """What an agent is given. `bus` is that of its cell; `drivers` is host name → hypervisor."""

    settings: Settings
    clock: Clock
    bus: Bus
    images: Images
    placement: Placement
    drivers: Mapping[str, Hypervisor]
    journal: Journal
    pool: Pool


def agent_parts(
    settings: Settings, clock: Clock, bus: Bus, images: Images, placement: Placement
) -> AgentParts:
    """Return the parts of nova-compute as configured: its drivers, its journal on disk and its threads.

    Raises Invalid or NotSupported for the driver, Unavailable when another process has the journal.
    """
    return AgentParts(
        settings=settings,
        clock=clock,
        bus=bus,
        images=images,
        placement=placement,
        drivers=load_driver(settings, images, clock),
        journal=Journal.on_disk(Path(settings.default.state_path) / JOURNAL_FILE, clock.time),
        pool=ThreadPool(settings.stratus.agent_threads, "agent"),
    )


@dataclass(frozen=True, slots=True)
class Host:
    """One host of the process, put together."""

    identity: NodeIdentity
    driver: Hypervisor
    lanes: Lanes
    service: AgentService
    registration: Registration
    power: PowerWatch
    orphans: Orphans
    keeper: ImageKeeper
    beating: Beating


def assemble(parts: AgentParts, conductor: Conductor, identity: NodeIdentity) -> Host:
    """Put one host together. Nothing is sent yet."""
    settings, driver = parts.settings, parts.drivers[identity.host]
    limits = {
        BUILD: settings.default.max_concurrent_builds,
        SNAPSHOT: settings.default.max_concurrent_snapshots,
        LIVE: settings.default.max_concurrent_live_migrations,
    }
    lanes = Lanes(parts.pool, limits)
    capabilities = capabilities_of(driver)
    inventory = Inventory(identity.node_uuid, capabilities, parts.placement, settings, parts.clock)
    threshold = settings.compute.consecutive_build_service_disable_threshold
    facts = FactsSource(
        driver,
        lambda: {
            "failed_builds": service.failed_builds if threshold else 0,
            "io_workload": service.io_workload,
            "running_vms": len(driver.guests()),
        },
    )
    registration = Registration(identity, settings.default.my_ip, facts, capabilities, conductor, inventory)
    keeper = ImageKeeper(driver, settings.image_cache)
    service = AgentService(
        identity.host,
        ServiceParts(
            driver=driver,
            journal=parts.journal,
            lanes=lanes,
            answers=Answers(conductor, parts.clock),
            images=parts.images,
            keeper=keeper,
            registration=registration,
            consoles=Consoles(driver, settings),
        ),
    )
    power = PowerWatch(driver, lanes, settings.workarounds.handle_virt_lifecycle_events)
    orphans = Orphans(identity.host, driver, conductor, lanes, settings.default, parts.clock)
    beating = Beating(identity.host, facts, power, registration)
    return Host(identity, driver, lanes, service, registration, power, orphans, keeper, beating)


class Agent:
    """All hosts of one nova-compute: one as a rule, many when it poses as a fleet."""

    def __init__(self, parts: AgentParts) -> None:
        """Raises Conflict or Invalid when the identity on disk does not fit; see `identity`."""
        self._parts = parts
        options = parts.settings.default
        self._conductor = parts.bus.client(
            Conductor,  # type: ignore[type-abstract]
            "conductor",
            timeout=options.rpc_response_timeout,
        )
        own = identify(Path(options.state_path), options.host)
        self.hosts = tuple(
            assemble(parts, self._conductor, own if name == own.host else member_of(own, name))
            for name in parts.drivers
        )
        self.heartbeat = Heartbeat([host.beating for host in self.hosts], self._conductor, parts.clock)
        self._rounds = Rounds(self.periodic())
        self._serving: list[Serving] = []

    def start(self) -> None:
        """Come up. Raises Unavailable when no conductor answers, or what one says against a host."""
        for host in self.hosts:
            host.registration.begin(self._parts.clock)
            host.registration.update()
            if self._parts.settings.default.resume_guests_state_on_host_boot:
                revive_guests(host.identity.host, host.driver, self._conductor)
            host.power.scan()
        threads = 1 if len(self.hosts) > 1 else 4
        for host in self.hosts:
            name = host.identity.host
            self._serving.append(
                self._parts.bus.serve(ComputeAgent, "compute", name, host.service, threads=threads)
            )
        self.heartbeat.beat()
        self._rounds.start()
        LOG.info("nova-compute is up for %s", ", ".join(h.identity.host for h in self.hosts[:5]))

    def stop(self, timeout: float) -> bool:
        """Go down; True when all that had begun was finished within `timeout` seconds."""
        clock = self._parts.clock
        end = clock.time() + timeout
        self._rounds.stop(min(timeout, 5.0))
        clean = stop_all(self._serving, max(end - clock.time(), 0.0))
        for host in self.hosts:
            clean &= host.lanes.drain(max(end - clock.time(), 0.0))
        if clean:
            self._parts.journal.close()
        return clean

    def periodic(self) -> list[Periodic]:
        """Return what comes round on these hosts."""
        options = self._parts.settings.default
        beat = Periodic("heartbeat", options.report_interval, self.heartbeat.beat, options.report_interval)
        if not options.periodic_enable:
            return [beat]
        refresh = self._parts.settings.compute.resource_provider_association_refresh
        rows: tuple[tuple[str, float, Callable[[Host], object]], ...] = (
            ("inventory", options.update_resources_interval, lambda h: h.registration.update()),
            ("register", refresh or -1, lambda h: h.registration.renew()),
            ("power", options.sync_power_state_interval, lambda h: h.power.scan()),
            ("orphans", options.running_deleted_instance_poll_interval, lambda h: h.orphans.sweep()),
            ("images", self._parts.settings.image_cache.manager_interval, lambda h: h.keeper.prune()),
        )
        made = [beat, Periodic("journal", PRUNE_JOURNAL_EVERY, self._prune, PRUNE_JOURNAL_EVERY)]
        for name, seconds, run in rows:
            if (interval := spaced(seconds)) is not None:
                # What was evacuated while the host was away must not stay a moment longer than it has to.
                delay = 0.0 if name == "orphans" else min(interval, options.periodic_fuzzy_delay)
                made.append(Periodic(name, interval, partial(self._each, name, run), delay))
        return made

    def _each(self, name: str, run: Callable[[Host], object]) -> None:
        """Do one thing on every host; a host on which it fails does not keep it from the others."""
        for host in self.hosts:
            try:
                run(host)
            except ComputeError as error:
                LOG.warning("%s of host %s: %s", name, host.identity.host, error.message)

    def _prune(self) -> None:
        self._parts.journal.prune()
