"""A whole cloud on real parts: databases, broker, Keystone, Placement, Glance, and our daemons as processes.

    with site(folder, Plan(cells=2, hosts=10)) as s:
        s.compute_url ...

Everything listens on 127.0.0.1 and is ended on exit. `python -m proving.site` keeps one until Ctrl-C.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from compute_service.cmd.allinone_seed import IMAGE
from proving.compute import Compute
from proving.daemon import Daemon
from proving.infrastructure.glance import Glance
from proving.infrastructure.keystone import Keystone
from proving.infrastructure.mariadb import MariaDb
from proving.infrastructure.memcached import Memcached
from proving.infrastructure.placement import PlacementService
from proving.infrastructure.postgresql import PostgreSql
from proving.infrastructure.rabbitmq import RabbitMq
from proving.network import NetworkService
from proving.plan import MAIN, Plan
from proving.ports import free_ports
from proving.process import READY_SECONDS, Process, secret_file
from proving.seed import (
    CLOUD_USERS,
    SERVICES,
    clouds_text,
    invent_passwords,
    seed_flavors,
    seed_image,
    seed_users,
)

DatabaseServer = MariaDb | PostgreSql
_HOST_SECONDS = 0.5
"""What one host more may take to register."""


class Site:
    """One cloud. Made by `site`."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        """Raises Missing for what is not installed. Nothing runs yet."""
        self.folder, self.plan = folder, plan
        self.infrastructure: dict[str, Process] = {}
        self.daemons: dict[str, Daemon] = {}
        self.database_urls: dict[str, str] = {}
        """`api`, `cell0`, `cell1`, ... → where its database is."""
        self.broker_urls: dict[str, str] = {}
        """`api`, `cell1`, ... → where its virtual host is."""
        self.timings: dict[str, float] = {}
        """What was done while starting → seconds after the beginning when that was done."""
        self._began = time.monotonic()
        ports = free_ports(5)
        self.compute_url = f"http://127.0.0.1:{ports[4]}/v2.1"
        self._ports = dict(zip(("keystone", "placement", "glance", "network", "compute"), ports, strict=True))
        self.clouds_file = folder / "clouds.yaml"
        self._compute = Compute(folder, plan, self.database_urls, self.broker_urls)
        self.nova_conf = self._compute.conf
        self._network = NetworkService(ports[3])

    @property
    def identity_url(self) -> str:
        """Keystone, version 3."""
        return f"{self.keystone.url}/v3"

    @property
    def placement_url(self) -> str:
        """Placement."""
        return f"http://127.0.0.1:{self._ports['placement']}"

    @property
    def image_url(self) -> str:
        """Glance."""
        return f"http://127.0.0.1:{self._ports['glance']}"

    @property
    def network_url(self) -> str:
        """The network service."""
        return f"http://127.0.0.1:{self._ports['network']}"

    @property
    def image(self) -> str:
        """The identifier of an image that everybody sees."""
        return IMAGE

    @property
    def network(self) -> Any:
        """What is in the network service: a `FakeNetwork`."""
        return self._network.network

    @property
    def keystone(self) -> Keystone:
        """The identity service, for more users and projects."""
        return cast(Keystone, self.infrastructure["keystone"])

    def token(self, user: str = "admin", project: str | None = None) -> str:
        """Return a token of a user for a project, by default the user's own."""
        return self.keystone.token(user, project or CLOUD_USERS.get(user, user))

    def conf_of(self, cell: str) -> Path:
        """Return the nova.conf of a cell's hosts."""
        return self._compute.conf_of(cell)

    def manage(self, *words: str) -> str:
        """Run nova-manage and return what it prints. Raises RuntimeError when it fails."""
        return self._compute.manage(self.nova_conf, *words)

    def logs(self) -> str:
        """Return the ends of all logs."""
        processes: list[Process] = [*self.infrastructure.values(), *self.daemons.values()]
        return "\n".join(f"--- {one.name}\n{one.tail(4000)}" for one in processes)

    def start(self) -> None:
        """Start everything and wait until it serves. Raises Missing, NotReady or RuntimeError."""
        with ThreadPoolExecutor(12, "site") as pool:
            try:
                self._infrastructure(pool)
                self._start_daemons(pool)
            except BaseException:
                # Those that still wait for a server see it end.
                self.close()
                raise
        self._fill()

    def close(self) -> None:
        """End everything; never raises for what is gone already."""
        with suppress(OSError):
            self._network.stop()
        processes = [*self.daemons.values(), *self.infrastructure.values()]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda one: one.close(), processes))

    def add_daemon(self, name: str, program: str, *files: Path) -> Daemon:
        """Start one more daemon with these configuration files."""
        daemon = self.daemons[name] = Daemon(name, program, files, self.folder)
        daemon.start()
        return daemon

    def discover(self) -> None:
        """Map the hosts that there are to their cells."""
        self.manage("cell_v2", "discover_hosts")

    def _infrastructure(self, pool: ThreadPoolExecutor) -> None:
        """Start what the daemons need, each as soon as what it needs itself is there."""
        cache = Memcached(self._folder("memcached"))
        broker = RabbitMq(self._folder("rabbitmq"), ("/", *self.plan.cell_names))
        self.infrastructure |= {"memcached": cache, "rabbitmq": broker}
        self.broker_urls["api"] = broker.url()
        self.broker_urls |= {name: broker.url(name) for name in self.plan.cell_names}
        begun = [pool.submit(self._up, one) for one in (cache, broker)]
        own = {
            name: pool.submit(self._database_server, self.plan.database, name) for name in self.plan.servers
        }
        others = (
            own[MAIN]
            if self.plan.database == "mariadb"
            else pool.submit(self._database_server, "mariadb", MAIN)
        )
        mariadb = cast(MariaDb, others.result())
        mariadb.create("keystone", "placement", "glance")
        keystone = Keystone(self._folder("keystone"), self._ports["keystone"], mariadb.url("keystone"))
        invent_passwords(keystone)
        placement = PlacementService(
            self._folder("placement"), self._ports["placement"], mariadb.url("placement")
        )
        glance = Glance(self._folder("glance"), self._ports["glance"], mariadb.url("glance"))
        self.infrastructure |= {"keystone": keystone, "placement": placement, "glance": glance}
        placement.configure(self._tokens("placement"))
        glance.configure(self._tokens("glance"))
        begun += [
            pool.submit(self._identity, keystone),
            pool.submit(self._up, placement),
            pool.submit(self._images, glance),
        ]
        self._own_databases({name: future.result() for name, future in own.items()})
        begun.append(pool.submit(self._schemas))
        _all(begun)

    def _database_server(self, kind: str, suffix: str) -> DatabaseServer:
        name = f"{kind}-{suffix}" if suffix else kind
        made = (MariaDb if kind == "mariadb" else PostgreSql)(self._folder(name), name=name)
        self.infrastructure[name] = made
        self._up(made)
        return made

    def _own_databases(self, servers: Mapping[str, DatabaseServer]) -> None:
        for name, schema in self.plan.schemas.items():
            server = servers.get(name, servers[MAIN])
            server.create(schema)
            self.database_urls[name] = server.url(schema)

    def _tokens(self, user: str) -> dict[str, object]:
        """Return the section by which a service checks tokens."""
        cache = cast(Memcached, self.infrastructure["memcached"])
        return {
            **self.keystone.credentials(user),
            "www_authenticate_uri": self.identity_url,
            "memcached_servers": cache.address,
            "service_token_roles": "service",
            "service_token_roles_required": True,
        }

    def _identity(self, keystone: Keystone) -> None:
        keystone.install()
        self._up(keystone)
        seed_users(keystone)
        urls = {
            "compute": self.compute_url,
            "placement": self.placement_url,
            "image": self.image_url,
            "network": self.network_url,
        }
        for kind, url in urls.items():
            keystone.add_endpoint(kind, SERVICES[kind], url)
        tokens = self._tokens("neutron") | {
            "memcached_servers": [self._tokens("neutron")["memcached_servers"]]
        }
        self._network.start(tokens, keystone.projects["admin"])
        self._network.tell(self.compute_url, lambda: self.token("neutron", "service"))
        self._note("identity")

    def _images(self, glance: Glance) -> None:
        glance.install()
        self._up(glance)

    def _schemas(self) -> None:
        """Write the configuration files, and make cells and schemas."""
        self._compute.write(self._tokens("nova"), self.keystone.credentials(), self._ports["compute"])
        self._compute.make()
        self._note("schemas")

    def _start_daemons(self, pool: ThreadPoolExecutor) -> None:
        self.add_daemon("nova-scheduler", "nova-scheduler", self.nova_conf)
        for cell in self.plan.cell_names:
            for number in range(self.plan.conductors):
                self.add_daemon(f"nova-conductor-{cell}-{number}", "nova-conductor", self.nova_conf)
        self.add_daemon("nova-api", "nova-api", self.nova_conf)
        for cell in self.plan.cell_names if self.plan.hosts else ():
            self.add_daemon(f"nova-compute-{cell}", "nova-compute", self.conf_of(cell))
        patience = READY_SECONDS + _HOST_SECONDS * self.plan.hosts
        _all([pool.submit(daemon.ready, patience) for daemon in self.daemons.values()])
        self._note("daemons")

    def _fill(self) -> None:
        """Map the hosts, and make what a cloud has from the start."""
        if self.plan.hosts:
            self.discover()
        token = self.token()
        seed_flavors(self.compute_url, token)
        seed_image(cast(Glance, self.infrastructure["glance"]), token)
        secret_file(self.clouds_file, clouds_text(self.keystone, {"admin": "admin", "demo": "demo"}))
        self._note("ready")

    def _up(self, process: Process) -> None:
        process.start()
        process.ready()
        self._note(process.name)

    def _folder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir()
        return path

    def _note(self, what: str) -> None:
        self.timings[what] = time.monotonic() - self._began


@contextmanager
def site(folder: Path, plan: Plan | None = None) -> Iterator[Site]:
    """Run a cloud for as long as the block lasts. `folder` is empty, or made; it stays.

    Raises Missing for what is not installed, NotReady or RuntimeError for what does not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = Site(folder.resolve(), plan or Plan())
    try:
        made.start()
        yield made
    finally:
        made.close()


def _all(futures: Sequence[Future[Any]]) -> None:
    """Wait for all; raise what the first that failed raised."""
    for future in futures:
        future.result()


if __name__ == "__main__":
    from proving.keep import main

    sys.exit(main())
