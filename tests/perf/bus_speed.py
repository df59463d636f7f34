"""Measures the bus: `python -m tests.perf.bus_speed [--rabbit]`. The best of several batches counts."""

from __future__ import annotations

import argparse
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from compute_service.bus.local import LocalBus
from compute_service.config.settings import settings_of
from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import StepKey, StepPhase
from compute_service.domain.guest import GuestSpec
from compute_service.domain.protocol import ComputeAgent
from compute_service.ports.bus import Bus
from tests.fixtures.rabbitmq import broker

KEY = StepKey(database="d", flow_id="f", seq=1, phase=StepPhase.DO)
FLAVOR = Flavor(flavorid="1", name="tiny", vcpus=1, memory_mb=64, root_gb=1)
SPEC = GuestSpec(
    uuid="u", name="n", display_name="d", hostname="h", project_id="p", user_id="u", flavor=FLAVOR
)


class Agent:
    """Answers every verb at once and counts."""

    def __init__(self) -> None:
        self.count = 0
        self.seen = threading.Condition()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def verb(**_: Any) -> Any:
            with self.seen:
                self.count += 1
                self.seen.notify_all()
            return "text" if name == "console_output" else None

        return verb


def best(work: Callable[[], None], batches: int = 7) -> float:
    """Return the shortest time of several runs."""
    times = []
    for _ in range(batches):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def measure(name: str, bus: Bus, calls: int) -> None:
    """Print microseconds for a call, for sending a cast, and for a cast to arrive."""
    agent = Agent()
    bus.serve(ComputeAgent, "compute", "h", agent)
    client: Any = bus.client(ComputeAgent, "compute", "h")  # type: ignore[type-abstract]
    client.console_output("u", None)

    def call() -> None:
        for _ in range(calls):
            client.console_output("u", None)

    sent: list[float] = []

    def cast() -> None:
        target, started = agent.count + calls, time.perf_counter()
        for _ in range(calls):
            client.spawn(KEY, SPEC)
        sent.append(time.perf_counter() - started)
        with agent.seen:
            agent.seen.wait_for(lambda: agent.count >= target, 60)

    call_us, arrive_us = (best(work) / calls * 1e6 for work in (call, cast))
    cast_us = min(sent) / calls * 1e6
    print(f"{name:<16} call {call_us:7.0f} µs   cast {cast_us:5.0f} µs, there in {arrive_us:6.0f} µs")


@contextlib.contextmanager
def over_rabbit(quorum: bool) -> Iterator[Bus]:
    """A bus over a broker of our own."""
    from compute_service.bus.oslo import OsloBus

    with broker() as running:
        bus = OsloBus(settings_of({"oslo_messaging_rabbit": {"rabbit_quorum_queue": quorum}}), running.url())
        yield bus
        bus.close()


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rabbit", action="store_true", help="also over RabbitMQ, which it starts")
    measure("in process", LocalBus(), 1000)
    if parser.parse_args().rabbit:
        for quorum in (False, True):
            with over_rabbit(quorum) as bus:
                measure("RabbitMQ quorum" if quorum else "RabbitMQ", bus, 200)


if __name__ == "__main__":
    main()
