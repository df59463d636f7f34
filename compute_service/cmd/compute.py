"""nova-compute: the agent of a compute host. It has no database; its broker is that of its cell."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from compute_service.agent.start import Agent, agent_parts
from compute_service.clients.clock import SystemClock
from compute_service.cmd.daemon import Part, run
from compute_service.cmd.runner import Runner
from compute_service.cmd.wiring import Buses
from compute_service.config.settings import Settings

BINARY = "nova-compute"


def assemble(settings: Settings, runner: Runner) -> Part:
    """Return the agent with what it works with. Raises ComputeError when the host cannot be one."""
    from compute_service.cmd.outside import image_service, observer_of, placement_service

    buses = Buses(settings, runner.metrics)
    runner.on_stop("bus", lambda _: buses.close())
    runner.health.add("broker", buses.check)
    observe = observer_of(settings, runner.metrics)
    images, placement = image_service(settings, observe), placement_service(settings, observe)
    return Agent(agent_parts(settings, SystemClock(), buses.api, images, placement))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon; returns its exit code."""
    return run(BINARY, argv, assemble)


if __name__ == "__main__":
    sys.exit(main())
