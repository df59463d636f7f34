"""What the API's samples are about, on a site that runs: one project with one of everything."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from compute_service.domain.image import Image
from compute_service.domain.migration import Migration
from compute_service.store.migrations import migration_insert
from tests.functional.caller import Caller, Reply
from tests.functional.cloud import Cloud

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl somebody"
PICTURE = "70a599e0-31e7-49b7-b260-868f441e8629"


@dataclass
class Stage:
    """The things, and who asks for them: an admin in a project of their own."""

    cloud: Cloud
    admin: Caller
    member: Caller
    version: str = "2.1"
    asker: Caller | None = None
    """Who asks, if not the admin."""
    numbers: Any = field(default_factory=itertools.count)
    made: list[str] = field(default_factory=list)
    server_id: str = ""
    migration: int = 0
    a_group: str = ""
    an_aggregate: str = ""
    a_service: str = ""
    spare: str = ""

    @classmethod
    def build(cls, cloud: Cloud) -> Stage:
        """Make everything."""
        admin = cloud.newcomer("sampler", "samples", "admin", "manager", "member", "reader")
        stage = cls(cloud, admin, cloud.newcomer("sampler-member", "samples", "member", "reader"))
        cloud.add_image(Image(id=PICTURE, name="i", properties={"architecture": "x86_64"}), bytes(4096))
        stage._flavor("sampled")
        stage._flavor("sampled-private", **{"os-flavor-access:is_public": False})
        specs = {"extra_specs": {"hw:numa_nodes": "1"}}
        assert admin.post("/flavors/sampled/os-extra_specs", specs).status == 200
        stage.key("sampled")
        stage.server_id = stage.server("the one")
        stage.server_id = stage.server("sampled", hints={"different_host": [stage.server_id]})
        admin.act(stage.server_id, "os-stop")
        admin.settled(stage.server_id, "SHUTOFF")
        admin.act(stage.server_id, "os-start")
        admin.settled(stage.server_id, "ACTIVE")
        stage.an_aggregate, stage.a_service = stage.aggregate(), stage.service()
        stage.a_group, stage.spare = stage.group(), stage.spare_project()
        stage._failed_action()
        stage._live_migration()
        return stage

    def _flavor(self, name: str, **more: Any) -> None:
        flavor = {"id": name, "name": name, "ram": 64, "vcpus": 1, "disk": 1, **more}
        assert self.admin.post("/flavors", {"flavor": flavor}).status == 200

    def _failed_action(self) -> None:
        with self.cloud.failing("power_off", times=9):
            self.admin.act(self.server_id, "os-stop")
            self.admin.settled(self.server_id, self.admin.server(self.server_id)["status"])

    def _live_migration(self) -> None:
        now = datetime.now(UTC).replace(tzinfo=None)
        row = Migration(
            uuid=str(uuid4()), instance_uuid=self.server_id, migration_type="live-migration",
            status="running",
            source_compute="a", source_node="a", dest_compute="b", dest_node="b", dest_host="10.0.0.1",
            memory_total=3, memory_processed=2, memory_remaining=1, disk_total=3, disk_processed=2,
            disk_remaining=1, user_id="u", project_id="p", created_at=now, updated_at=now,
        )  # fmt: skip
        with self.cloud.database_of(self.server_id).write() as tx:
            self.migration = migration_insert(tx, row).id

    def end(self) -> None:
        """Take down what stands on hosts."""
        for uuid in self.made:
            self.admin.delete(f"/servers/{uuid}")
        for uuid in self.made:
            self.admin.gone(uuid)

    @property
    def url(self) -> str:
        """The standing server."""
        return f"/servers/{self.server_id}"

    @property
    def host(self) -> str:
        """A host."""
        return self.cloud.hosts[0]

    @property
    def project(self) -> str:
        """The project's identifier."""
        return str(self.admin.server(self.server_id)["tenant_id"])

    def spare_project(self) -> str:
        """Return a project whose quotas matter to nobody."""
        return self.cloud.project_id("spare")

    def at_least(self, minor: int) -> bool:
        """Tell whether the version asked for is 2.`minor` or later."""
        return int(self.version.split(".")[1]) >= minor

    def unique(self, name: str) -> str:
        """Return a name that nothing has yet."""
        return f"{name}-{next(self.numbers)}"

    def get(self, path: str) -> Reply:
        """GET."""
        return (self.asker or self.admin).get(path, self.version)

    def post(self, path: str, body: Any) -> Reply:
        """POST."""
        return (self.asker or self.admin).post(path, body, self.version)

    def put(self, path: str, body: Any) -> Reply:
        """PUT."""
        return (self.asker or self.admin).put(path, body, self.version)

    def act(self, action: str, value: Any = None) -> Reply:
        """Do something to a new server."""
        return self.post(f"/servers/{self.server()}/action", {action: value})

    def server(self, name: str = "sampled", hints: Any = None, **more: Any) -> str:
        """Return a new server, once it runs."""
        server = {
            "name": name, "imageRef": PICTURE, "flavorRef": "sampled", "metadata": {"foo": "bar"},
            "networks": [{"uuid": self.cloud.private_network}], "tags": ["blue"], "key_name": "sampled",
            "user_data": "IyEvYmluL2Jhc2gK", "accessIPv4": "1.2.3.4", "accessIPv6": "80fe::", **more,
        }  # fmt: skip
        body = {"server": server} | ({} if hints is None else {"os:scheduler_hints": hints})
        reply = self.admin.post("/servers", body)
        assert reply.status == 202, reply
        self.made.append(reply.body["server"]["id"])
        return str(self.admin.settled(self.made[-1], "ACTIVE")["id"])

    def key(self, name: str) -> None:
        """Make a key pair."""
        body = {"keypair": {"name": name, "public_key": PUBLIC_KEY, "type": "ssh"}}
        assert self.admin.post("/os-keypairs", body).status == 201

    def group(self) -> str:
        """Return a server group."""
        groups = self.admin.get("/os-server-groups").body["server_groups"]
        if groups:
            return str(groups[0]["id"])
        rules = {"max_server_per_host": 3}
        body = {"server_group": {"name": "sampled", "policy": "anti-affinity", "rules": rules}}
        return str(self.admin.post("/os-server-groups", body).body["server_group"]["id"])

    def aggregate(self, host: bool = False) -> str:
        """Return the path of a new aggregate, maybe with a host in it."""
        body = {"aggregate": {"name": self.unique("sampled")}}
        path = f"/os-aggregates/{self.admin.post('/os-aggregates', body).body['aggregate']['id']}"
        if host:
            assert self.admin.post(f"{path}/action", {"add_host": {"host": self.host}}).status == 200
        return path

    def service(self) -> str:
        """Return the identifier of the host's compute service."""
        found = self.admin.get(f"/os-services?binary=nova-compute&host={self.host}").body["services"]
        return str(found[0]["id"])

    def hypervisor(self) -> str:
        """Return the path of a hypervisor, as the version names it."""
        found = self.get("/os-hypervisors").body["hypervisors"]
        return f"/os-hypervisors/{found[0]['id']}"

    def request_id(self, action: str) -> str:
        """Return the request that did something to the standing server."""
        log = self.admin.get(f"{self.url}/os-instance-actions").body["instanceActions"]
        return str(next(one["request_id"] for one in log if one["action"] == action))
