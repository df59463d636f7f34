"""An operator's terminal: commands are run as typed, on databases in files, and what they print is kept."""

from __future__ import annotations

import io
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from compute_service.clients.fake.placement import FakePlacement
from compute_service.config.settings import Settings, settings_of
from compute_service.domain.errors import Unavailable
from compute_service.domain.host import ComputeNode, HostFacts, Service
from compute_service.domain.instance import Instance
from compute_service.manage import app
from compute_service.manage.tools import Tools
from compute_service.store.compute_nodes import compute_node_upsert
from compute_service.store.engine import Store, StoreUrls
from compute_service.store.instances import instance_insert
from compute_service.store.mappings import InstanceMapping, cell_mapping_list, instance_mapping_insert
from compute_service.store.services import service_upsert
from tests.fakes.clock import ManualClock
from tests.fixtures.records import a_mapping, an_instance, new_uuid

TRANSPORT = "rabbit://openstack:secret@controller:5672/"


@dataclass
class Shell:
    """One operator's node."""

    directory: Path
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    placement: FakePlacement = field(default_factory=FakePlacement)
    clock: ManualClock = field(default_factory=ManualClock)
    versions: dict[str, str] = field(default_factory=dict)
    text: str = ""

    def __post_init__(self) -> None:
        self._store: Store | None = None

    def url(self, name: str) -> str:
        return f"sqlite:///{self.directory / name}"

    @property
    def settings(self) -> Settings:
        given: dict[str, dict[str, Any]] = {
            "DEFAULT": {"transport_url": TRANSPORT},
            "api_database": {"connection": self.url("nova_api")},
            "database": {"connection": self.url("nova")},
        }
        for section, options in self.sections.items():
            given[section] = given.get(section, {}) | options
        return settings_of(given)

    @property
    def store(self) -> Store:
        """The databases, as the daemons have them."""
        if self._store is None:
            settings = self.settings
            urls = StoreUrls(
                api=settings.api_database.connection or "",
                cell=settings.database.connection,
                transport=settings.default.transport_url,
            )
            self._store = Store(urls)
        self._store.refresh()
        return self._store

    def tools(self, out: io.StringIO) -> Tools:
        return Tools(
            settings=self.settings,
            clock=self.clock,
            out=out,
            open_store=lambda: self.store,
            open_placement=lambda: self.placement,
            versions=self._version,
        )

    def _version(self, service: str) -> str:
        if service not in self.versions:
            raise Unavailable("connection refused")
        return self.versions[service]

    def run(self, command: str) -> int:
        """Run a line such as `cell_v2 list_cells`; `text` is then what it printed."""
        out = io.StringIO()
        try:
            return app.main(shlex.split(command), self.tools(out))
        finally:
            self.text = out.getvalue()

    def install(self) -> str:
        """Do what a guide says up to `db sync`; return the cell's UUID."""
        for command in (
            "api_db sync",
            "cell_v2 map_cell0",
            "cell_v2 create_cell --name cell1 --verbose",
            "db sync",
        ):
            assert self.run(command) == 0, self.text
        return self.cell()

    def cell(self, name: str = "cell1") -> str:
        with self.store.api.read() as tx:
            return next(cell.uuid for cell in cell_mapping_list(tx) if cell.name == name)

    def another_cell(self, name: str = "cell2") -> str:
        """Map a second cell and make its schema."""
        command = f"cell_v2 create_cell --name {name} --transport-url rabbit://{name}/"
        assert self.run(f"{command} --database_connection {self.url(name)}") == 0, self.text
        before = self.sections.get("database", {})
        self.sections["database"] = {"connection": self.url(name)}
        assert self.run("db sync --local_cell") == 0, self.text
        self.sections["database"] = before
        return self.cell(name)

    def register(self, host: str, cell: str | None = None) -> ComputeNode:
        """Let a compute host report in."""
        facts = HostFacts(
            hypervisor_type="fake",
            hypervisor_version=1,
            hypervisor_hostname=host,
            vcpus=8,
            memory_mb=8192,
            local_gb=100,
        )
        with self.store.database(cell or self.cell()).write() as tx:
            service = service_upsert(
                tx, Service(uuid=new_uuid(), host=host, binary="nova-compute", topic="compute", version=1)
            )
            node = ComputeNode(
                uuid=new_uuid(), service_uuid=service.uuid, host=host, facts=facts, cell=tx.database
            )
            return compute_node_upsert(tx, node)

    def server(self, cell: str | None = None, mapped: bool = True, **fields: Any) -> Instance:
        """Put a server into a cell."""
        cell = cell or self.cell()
        with self.store.database(cell).write() as tx:
            made = instance_insert(tx, an_instance(**fields))
        if mapped:
            self.map(a_mapping(made, cell=cell))
        return made

    def map(self, mapping: InstanceMapping) -> None:
        with self.store.api.write() as tx:
            instance_mapping_insert(tx, mapping)
