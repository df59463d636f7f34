"""The site on real parts: Keystone, Placement, Glance, a database server, a broker, and daemons as processes.

The compute agents run in this process, on the real broker, so that their fake hypervisors can be reached; the
network service is the one in memory, served over HTTP.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from compute_service.agent.start import Agent, agent_parts
from compute_service.clients.clock import SystemClock
from compute_service.cmd.metrics import Metrics
from compute_service.cmd.outside import image_service, placement_service
from compute_service.cmd.wiring import Buses, store_of
from compute_service.config.load import load
from compute_service.config.settings import Settings
from compute_service.domain.image import Image
from compute_service.virt.fake import FakeHypervisor
from proving.daemon import Daemon
from proving.infrastructure.glance import Glance
from proving.plan import Plan
from proving.seed import clouds_text
from proving.site import Site, site
from tests.functional.cloud import Cloud

HOSTS = 3
"""Hosts of each cell."""
_STOP_SECONDS = 10.0


class RealParts(Cloud):
    """A site of processes, with a few fake hosts in each cell."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._open = ExitStack()
        try:
            self._begin(folder, plan)
        except BaseException:
            self._open.close()
            raise

    def _begin(self, folder: Path, plan: Plan) -> None:
        self.site: Site = self._open.enter_context(site(folder, plan))
        self.url, self.network = self.site.compute_url, self.site.network
        settings = load(files=[self.site.nova_conf])
        self.metadata_url = self._start_metadata(settings)
        self.store = store_of(settings, Metrics())
        self._open.callback(self.store.close)
        self.images, self.placement = image_service(settings), placement_service(settings)
        self.hypervisors = {}
        self.agents = []
        for cell in plan.cell_names:
            self._start_agent(cell)
        self.site.discover()
        self.seed()

    def _start_metadata(self, settings: Settings) -> str:
        self.site.add_daemon("nova-api-metadata", "nova-api-metadata", self.site.nova_conf).ready()
        return f"http://127.0.0.1:{settings.default.metadata_listen_port}"

    def _start_agent(self, cell: str) -> None:
        """Start the hosts of a cell: host-1 and so on in the first, cell2-host-1 in the second."""
        settings = load(files=[self.site.conf_of(cell)])
        prefix = "host-" if cell == "cell1" else f"{cell}-host-"
        fakes = dataclasses.replace(settings.fake, hosts=HOSTS, host_prefix=prefix)
        settings = dataclasses.replace(settings, fake=fakes)
        buses = Buses(settings, Metrics())
        self._open.callback(buses.close)
        parts = agent_parts(settings, SystemClock(), buses.api, self.images, self.placement)
        agent = Agent(parts)
        agent.start()
        self.agents.append(agent)
        self.hypervisors |= cast(Mapping[str, FakeHypervisor], dict(parts.drivers))

    def close(self) -> None:
        """End it. Raises AssertionError when work was left undone, or a daemon does not end as it should."""
        with self._open:
            clean = all([agent.stop(_STOP_SECONDS) for agent in self.agents])
            daemons = self.site.daemons
            with ThreadPoolExecutor(len(daemons)) as pool:
                codes = dict(zip(daemons, pool.map(Daemon.stop, daemons.values()), strict=True))
        assert clean, "work was left undone"
        assert set(codes.values()) == {0}, codes

    def token(self, user: str, project: str | None = None) -> str:
        """Return a token."""
        return self.site.token(user, project)

    def user_id(self, user: str) -> str:
        """Return the identifier of a user."""
        return self.site.keystone.users[user]

    def project_id(self, name: str) -> str:
        """Return the identifier of a project, which is made if there is none of that name."""
        return self.site.keystone.add_project(name)

    def enlist(self, user: str, project: str, *roles: str) -> None:
        """Make a user with roles in a project, unless there is one of that name, and maybe the project."""
        self.site.keystone.add_user(user, project, roles)

    def add_image(self, image: Image, data: bytes) -> None:
        """Make an image that has its data."""
        body: dict[str, object] = {
            "id": image.id,
            "name": image.name,
            "disk_format": "raw",
            "container_format": "bare",
            "visibility": "public",
            **image.properties,
        }
        cast(Glance, self.site.infrastructure["glance"]).add_image(self.token("admin"), body, data)

    def clouds_yaml(self) -> str:
        """Return a clouds.yaml in which `stratus` is demo and `stratus-admin` is admin."""
        return clouds_text(self.site.keystone, {"stratus": "demo", "stratus-admin": "admin"})
