"""A metadata service over a store with two cells, and a guest that asks it through the proxy."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from compute_service.clients.fake.network import FakeNetwork
from compute_service.config.settings import Settings, settings_of
from compute_service.domain.instance import Instance, ServerKeypair
from compute_service.domain.metadata.facts import ServerFacts
from compute_service.metadata.app import MetadataApp, Parts
from compute_service.metadata.servers import AllCells, Servers
from compute_service.metadata.signature import sign
from compute_service.store.engine import Store
from compute_service.store.instances import instance_insert
from compute_service.store.mappings import instance_mapping_insert
from tests.fakes.clock import ManualClock
from tests.fixtures.records import a_full_instance, a_mapping
from tests.fixtures.stores import EAST, EPOCH, make_store

SECRET = "shared"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Operator:
    """An operator's vendor data, and how often it was asked for."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None

    def static(self) -> dict[str, Any] | None:
        return {"org": "us"}

    def dynamic(self, facts: ServerFacts) -> dict[str, Any]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return {"ad": {"for": facts.uuid}}


@dataclass
class Site:
    """The service and what stands behind it."""

    store: Store
    clock: ManualClock = field(default_factory=ManualClock)
    network: FakeNetwork = field(default_factory=FakeNetwork)
    operator: Operator = field(default_factory=Operator)
    app: Any = None

    def start(self, settings: Settings | None = None, servers: Servers | None = None) -> None:
        """Start the service, behind the proxy unless `settings` say otherwise."""
        proxied = {"neutron": {"service_metadata_proxy": True, "metadata_proxy_shared_secret": SECRET}}
        self.app = MetadataApp(
            Parts(
                settings=settings or settings_of(proxied),
                clock=self.clock,
                servers=servers or AllCells(self.store),
                network=lambda: self.network,
                vendor_data=self.operator,
            )
        )

    def add(self, cell: str = EAST, **fields: Any) -> Instance:
        """Add a server to a cell."""
        given = {
            "user_data": base64.b64encode(b"#!/bin/sh\n").decode(),
            "keypair": ServerKeypair(name="mine", public_key="ssh-ed25519 AAAA"),
        }
        server = a_full_instance(**given | fields)
        with self.store.api.write() as tx:
            instance_mapping_insert(tx, a_mapping(server, cell))
        with self.store.database(cell).write() as tx:
            return instance_insert(tx, server)

    def call(
        self, path: str, headers: Mapping[str, str], method: str = "GET", body: bytes = b"", **more: Any
    ) -> Answer:
        """Make a request with just these headers."""
        environ: dict[str, Any] = {
            "PATH_INFO": path,
            "REQUEST_METHOD": method,
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
        seen: list[Any] = []
        sent = b"".join(self.app(environ | more, lambda *started: seen.append(started)))
        [(status, sent_headers)] = seen
        return Answer(int(status.split()[0]), dict(sent_headers), sent)

    def ask(self, server: Instance, path: str, **more: Any) -> Answer:
        """Ask as a server's guest, through the proxy."""
        return self.call(path, signed(server.uuid, server.project_id), **more)


def signed(uuid: str, project_id: str, secret: str = SECRET) -> dict[str, str]:
    """Return the headers of the proxy."""
    return {
        "X-Instance-ID": uuid,
        "X-Tenant-ID": project_id,
        "X-Instance-ID-Signature": sign(secret, uuid),
        "X-Forwarded-For": "10.0.0.5",
    }


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site(make_store(lambda: "sqlite://", lambda: EPOCH))
    made.start()
    yield made
    made.store.close()


@pytest.fixture
def server(site: Site) -> Instance:
    return site.add()
