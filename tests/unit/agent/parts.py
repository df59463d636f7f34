"""What agent tests are built from: a conductor that remembers, and a host put together on it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compute_service.agent.identity import identify
from compute_service.agent.journal import Journal
from compute_service.agent.lanes import Stepper
from compute_service.agent.start import AgentParts, Host, assemble
from compute_service.config.settings import Settings, settings_of
from compute_service.domain.console import ConsoleToken
from compute_service.domain.flow import FlowKey, StepKey, StepPhase, StepResult
from compute_service.domain.host import HostRegistration, HostReport, ServerOnHost
from compute_service.domain.protocol import Registered
from compute_service.ports.placement import Placement, Provider
from compute_service.virt.fake import Exchange, FakeHypervisor
from tests.contract.hypervisor.conftest import stored_images
from tests.fakes.clock import ManualClock


def step_key(flow: str = "f1", phase: StepPhase = StepPhase.DO, attempt: int = 0, seq: int = 3) -> StepKey:
    return StepKey(database="cell", flow_id=flow, seq=seq, phase=phase, attempt=attempt)


class RecordingConductor:
    """Remembers what hosts tell it. `refuse` are errors to raise, one a call; `servers` is what it knows."""

    VERSION = 1

    def __init__(self) -> None:
        self.answers: list[tuple[StepKey, StepResult]] = []
        self.fractions: list[float] = []
        self.details: list[dict[str, int]] = []
        self.registrations: list[HostRegistration] = []
        self.reports: list[HostReport] = []
        self.servers: list[ServerOnHost] = []
        self.away: set[str] = set()
        self.told_guests: list[tuple[str, ...]] = []
        self.disabled = False
        self.refuse: list[Exception] = []

    def _try(self) -> None:
        if self.refuse:
            raise self.refuse.pop(0)

    def wake(self, keys: tuple[FlowKey, ...]) -> None:
        raise AssertionError("a host wakes no flows")

    def finished(self, key: StepKey, result: StepResult) -> None:
        self._try()
        self.answers.append((key, result))

    def progress(self, key: StepKey, fraction: float, details: dict[str, int]) -> None:
        self._try()
        self.fractions.append(fraction)
        self.details.append(details)

    def console(self, token: str) -> ConsoleToken:
        raise AssertionError("a host asks for no consoles")

    def register(self, registration: HostRegistration) -> Registered:
        self._try()
        self.registrations.append(registration)
        return Registered(service_uuid="s", disabled=self.disabled, cell="c")

    def report(self, reports: tuple[HostReport, ...]) -> None:
        self._try()
        self.reports.extend(reports)

    def servers_on_host(self, host: str) -> tuple[ServerOnHost, ...]:
        self._try()
        return tuple(self.servers)

    def strays(self, host: str, guests: tuple[str, ...]) -> tuple[str, ...]:
        self._try()
        return tuple(uuid for uuid in guests if uuid in self.away)

    def vacated(self, host: str, guests: tuple[str, ...]) -> int:
        self._try()
        self.told_guests.append(guests)
        return 0


class NoBus:
    """A bus that nobody needs."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody needs the bus's {name}")


@dataclass
class Bench:
    """A host and all around it, with work that runs when told to."""

    tmp_path: Path
    placement: Placement
    settings: Settings = field(default_factory=Settings)
    conductor: RecordingConductor = field(default_factory=RecordingConductor)
    clock: ManualClock = field(default_factory=ManualClock)
    stepper: Stepper = field(default_factory=Stepper)
    journal: Journal = field(default_factory=Journal.in_memory)
    name: str = "h1"
    exchange: Exchange | None = None

    def __post_init__(self) -> None:
        self.images = stored_images(self.clock)
        self.driver = FakeHypervisor(self.name, self.images, self.clock, exchange=self.exchange)
        self.host = self.assemble()

    def assemble(self) -> Host:
        parts = AgentParts(
            settings=self.settings,
            clock=self.clock,
            bus=NoBus(),
            images=self.images,
            placement=self.placement,
            drivers={self.name: self.driver},
            journal=self.journal,
            pool=self.stepper,
        )
        return assemble(parts, self.conductor, identify(self.tmp_path, self.name))

    def restart(self) -> None:
        """Kill the agent and start it anew: what it did not finish is forgotten, its journal is not."""
        self.stepper.clear()
        self.journal = self.journal.restarted()
        self.host = self.assemble()


def with_options(settings: Settings, section: str, **options: Any) -> Settings:
    """Return settings with options of one section changed."""
    changed = dataclasses.replace(getattr(settings, section), **options)
    return dataclasses.replace(settings, **{section: changed})


def provider_settings(**default: Any) -> Settings:
    """Return settings with options of [DEFAULT]."""
    return settings_of({"DEFAULT": default})


class NoPlacement:
    """A placement that nobody needs: every call fails the test, but for the host's own provider."""

    def provider(self, uuid: str) -> Provider | None:
        raise AssertionError("nobody needs placement here")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody needs placement's {name}")
