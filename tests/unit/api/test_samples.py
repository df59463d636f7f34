"""Our answers against published samples of the API, in structure and type.

The samples are looked for in STRATUS_API_SAMPLES, or in `shared/api_samples` beside the repository; without
them there is nothing to compare with.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from compute_service.api.fields import Bad
from compute_service.api.routes import TABLE
from compute_service.api.shape import body_field
from compute_service.api.table import row_at
from compute_service.api.versions import minor
from compute_service.control.keys import new_key
from compute_service.domain.block_device import BlockDevice
from compute_service.domain.flavor import Flavor
from compute_service.domain.flow import Failure, FlowState, StepState
from compute_service.domain.guest import Diagnostics
from compute_service.domain.image import Image
from compute_service.domain.instance import Instance
from compute_service.domain.keypair import Keypair
from compute_service.domain.states import VmState
from compute_service.store.flavors import flavor_insert
from compute_service.store.flow_steps import step_start
from compute_service.store.flows import flow_insert
from compute_service.store.keypairs import keypair_insert
from compute_service.store.migrations import migration_insert
from compute_service.store.services import service_upsert
from tests.fixtures.records import a_flow, a_migration, a_service, a_step, new_uuid
from tests.unit.api.world import CELL, World, make_world
from tests.unit.api.wsgi import OTHER, OWN, Caller

BESIDE = Path(__file__).resolve().parents[3].parent / "shared" / "api_samples"
SAMPLES = Path(os.environ.get("STRATUS_API_SAMPLES", str(BESIDE)))
IMAGE = "70a599e0-31e7-49b7-b260-868f441e862b"
PUBLIC = new_key("ssh", "alice").public_key

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="no API samples here")


class Outside:
    """A host and an identity service that answer."""

    def console_output(self, uuid: str, length: int | None) -> str:
        return "text"

    def diagnostics(self, uuid: str) -> Diagnostics:
        return Diagnostics(num_cpus=1, num_disks=1, memory_maximum=512, cpu_times_ns=(7,), uptime=1)

    def project_exists(self, project_id: str) -> bool:
        return True


@dataclasses.dataclass
class Scene:
    """A world with one of everything."""

    world: World
    server: Instance
    version: str = "2.1"

    def caller(self, role: str = "admin") -> Caller:
        return self.world.caller("alice", OWN, role)

    def get(self, path: str, role: str = "admin") -> Any:
        return self.caller(role).get(path, self.version).body

    def post(self, path: str, body: Any, role: str = "admin") -> Any:
        return self.caller(role).post(path, body, self.version).body

    def put(self, path: str, body: Any, role: str = "admin") -> Any:
        return self.caller(role).put(path, body, self.version).body

    @property
    def url(self) -> str:
        return f"/servers/{self.server.uuid}"

    def act(self, name: str, value: Any) -> Any:
        return self.post(f"{self.url}/action", {name: value})

    def at_least(self, minor: int) -> bool:
        return int(self.version.split(".")[1]) >= minor


def a_scene() -> Scene:
    outside = Outside()
    world = make_world(agent=lambda cell, host: outside, identity=outside)
    world.images.add(Image(id=IMAGE, name="i", properties={"architecture": "x86_64"}))
    volume = BlockDevice(uuid=new_uuid(), source_type="volume", destination_type="volume", volume_id="v")
    server = world.server(
        task_state=None, locked_by=None, block_devices=(volume,), image_ref=IMAGE, fault=None,
        tags=("blue",), vm_state=VmState.ACTIVE, scheduler_hints={"same_host": ["a"]},
    )  # fmt: skip
    with world.store.api.write() as tx:
        for name, public in (("1", True), ("10", False)):
            flavor_insert(
                tx,
                Flavor(
                    flavorid=name, name=f"f{name}", vcpus=1, memory_mb=512, root_gb=1, is_public=public,
                    extra_specs={"hw:numa_nodes": "1"}, projects=() if public else (OTHER,),
                ),
            )  # fmt: skip
        keypair_insert(tx, Keypair(user_id="alice", name="k", public_key=PUBLIC, fingerprint="f"))
    with world.store.database(CELL).write() as tx:
        service_upsert(tx, a_service("host1", last_seen_up=world.svc.clock.now()))
        migration_insert(tx, a_migration(server.uuid, migration_type="live-migration", status="running"))
        flow = a_flow(
            instance_uuid=server.uuid, action="stop", state=FlowState.FAILED, request_id="req-1",
            user_id="alice", project_id=OWN,
        )  # fmt: skip
        flow_insert(tx, flow)
        failure = Failure(kind="HostRejected", message="no", details="trace")
        step_start(tx, a_step(flow.id, event="e", state=StepState.FAILED, host="host1", error=failure))
    return Scene(world, server)


def new_server(scene: Scene, **more: Any) -> Any:
    networks: Any = "none" if scene.at_least(37) else []
    server = {"name": "a", "flavorRef": "1", "imageRef": IMAGE, "networks": networks, **more}
    return scene.post("/servers", {"server": server})


def rebuilt(scene: Scene) -> Any:
    return scene.act("rebuild", {"imageRef": IMAGE})


def new_flavor(scene: Scene) -> Any:
    flavor = {"name": "new", "ram": 1, "vcpus": 1, "disk": 1, "id": "new"}
    return scene.post("/flavors", {"flavor": flavor})


def imported(scene: Scene) -> Any:
    return scene.post("/os-keypairs", {"keypair": {"name": "new", "public_key": PUBLIC}})


Ask = Callable[[Scene], Any]
ASKS: dict[tuple[str, str], Ask] = {
    ("servers", "server-get-resp"): lambda s: s.get(s.url),
    ("servers", "servers-details-resp"): lambda s: s.get("/servers/detail"),
    ("servers", "servers-details-with-changes-before"): lambda s: s.get(
        "/servers/detail?changes-before=2030-01-01T00:00:00Z"
    ),
    ("servers", "servers-list-resp"): lambda s: s.get("/servers"),
    ("servers", "servers-list-status-resp"): lambda s: s.get("/servers?limit=1&status=active"),
    ("servers", "servers-list-with-changes-before"): lambda s: s.get(
        "/servers?changes-before=2030-01-01T00:00:00Z"
    ),
    ("servers", "server-create-resp"): new_server,
    ("servers", "server-update-resp"): lambda s: s.put(s.url, {"server": {"name": "new"}}),
    ("servers", "server-put-resp"): lambda s: s.put(s.url, {"server": {"name": "new"}}),
    ("servers", "server-action-rebuild-resp"): rebuilt,
    ("servers", "server-action-create-image-resp"): lambda s: s.act("createImage", {"name": "i"}),
    ("servers-sort", "server-sort-keys-list-resp"): lambda s: s.get(
        "/servers?sort_key=display_name&sort_dir=asc"
    ),
    ("os-preserve-ephemeral-rebuild", "server-action-rebuild-preserve-ephemeral-resp"): rebuilt,
    ("os-multiple-create", "multiple-create-no-resv-post-resp"): lambda s: new_server(s, min_count=2),
    ("os-multiple-create", "multiple-create-post-resp"): lambda s: new_server(
        s, min_count=2, return_reservation_id=True
    ),
    ("os-server-tags", "server-tags-index-resp"): lambda s: s.get(f"{s.url}/tags"),
    ("os-server-tags", "server-tags-put-all-resp"): lambda s: s.put(f"{s.url}/tags", {"tags": ["a"]}),
    ("os-server-tags", "server-tags-show-details-resp"): lambda s: s.get(s.url),
    ("os-server-tags", "servers-tags-details-resp"): lambda s: s.get("/servers/detail"),
    ("server-ips", "server-ips-resp"): lambda s: s.get(f"{s.url}/ips"),
    ("server-ips", "server-ips-network-resp"): lambda s: s.get(f"{s.url}/ips/private"),
    ("server-metadata", "server-metadata-all-resp"): lambda s: s.get(f"{s.url}/metadata"),
    ("server-metadata", "server-metadata-resp"): lambda s: s.get(f"{s.url}/metadata/role"),
    ("server-migrations", "migrations-index"): lambda s: s.get(f"{s.url}/migrations"),
    ("server-migrations", "migrations-get"): lambda s: s.get(f"{s.url}/migrations/1"),
    ("os-server-diagnostics", "server-diagnostics-get-resp"): lambda s: s.get(f"{s.url}/diagnostics"),
    ("os-console-output", "console-output-post-resp"): lambda s: s.act("os-getConsoleOutput", {}),
    ("os-instance-actions", "instance-action-get-resp"): lambda s: s.get(
        f"{s.url}/os-instance-actions/req-1"
    ),
    ("os-instance-actions", "instance-action-get-non-admin-resp"): lambda s: s.get(
        f"{s.url}/os-instance-actions/req-1", "member"
    ),
    ("os-instance-actions", "instance-actions-list-resp"): lambda s: s.get(f"{s.url}/os-instance-actions"),
    ("os-instance-actions", "instance-actions-list-with-limit-resp"): lambda s: s.get(
        f"{s.url}/os-instance-actions?limit=1"
    ),
    ("os-instance-actions", "instance-actions-list-with-changes-since"): lambda s: s.get(
        f"{s.url}/os-instance-actions?changes-since=2020-01-01T00:00:00Z"
    ),
    ("os-instance-actions", "instance-actions-list-with-changes-before"): lambda s: s.get(
        f"{s.url}/os-instance-actions?changes-before=2030-01-01T00:00:00Z"
    ),
    ("flavors", "flavor-get-resp"): lambda s: s.get("/flavors/1"),
    ("flavors", "flavors-detail-resp"): lambda s: s.get("/flavors/detail"),
    ("flavors", "flavors-list-resp"): lambda s: s.get("/flavors"),
    ("flavor-manage", "flavor-create-post-resp"): new_flavor,
    ("flavor-manage", "flavor-update-resp"): lambda s: s.put("/flavors/1", {"flavor": {"description": "d"}}),
    ("flavor-access", "flavor-access-list-resp"): lambda s: s.get("/flavors/10/os-flavor-access"),
    ("flavor-access", "flavor-access-add-tenant-resp"): lambda s: s.post(
        "/flavors/10/action", {"addTenantAccess": {"tenant": "t"}}
    ),
    ("flavor-access", "flavor-access-remove-tenant-resp"): lambda s: s.post(
        "/flavors/10/action", {"removeTenantAccess": {"tenant": OTHER}}
    ),
    ("flavor-extra-specs", "flavor-extra-specs-list-resp"): lambda s: s.get("/flavors/1/os-extra_specs"),
    ("flavor-extra-specs", "flavor-extra-specs-get-resp"): lambda s: s.get(
        "/flavors/1/os-extra_specs/hw:numa_nodes"
    ),
    ("flavor-extra-specs", "flavor-extra-specs-create-resp"): lambda s: s.post(
        "/flavors/1/os-extra_specs", {"extra_specs": {"hw:cpu_policy": "shared", "hw:numa_nodes": "1"}}
    ),
    ("flavor-extra-specs", "flavor-extra-specs-update-resp"): lambda s: s.put(
        "/flavors/1/os-extra_specs/hw:numa_nodes", {"hw:numa_nodes": "2"}
    ),
    ("os-keypairs", "keypairs-get-resp"): lambda s: s.get("/os-keypairs/k"),
    ("os-keypairs", "keypairs-list-resp"): lambda s: s.get("/os-keypairs?limit=1"),
    ("os-keypairs", "keypairs-post-resp"): lambda s: s.post("/os-keypairs", {"keypair": {"name": "new"}}),
    ("os-keypairs", "keypairs-import-post-resp"): imported,
    ("versions", "v21-version-get-resp"): lambda s: s.caller().call("GET", "/v2.1/").body,
    ("versions", "v2-version-get-resp"): lambda s: s.caller().call("GET", "/v2/").body,
    ("versions", "versions-get-resp"): lambda s: s.caller().call("GET", "/").body,
}

FREE = {"metadata", "extra_specs", "properties", "scheduler_hints", "addresses", "meta"}
"""Objects whose keys are the user's: only their values are compared."""
WHOLE_KEYS = {"server-ips-network-resp", "flavor-extra-specs-get-resp", "flavor-extra-specs-update-resp"}
"""Samples that are such an object themselves."""
DOWN = {"v2.69"}
"""Samples of servers whose cell does not answer (creation apart, which is not affected)."""
UNKNOWN_WHILE_DOWN = {".server.flavor: missing", ".server.image: missing"}
"""What is only known in the cell."""
MAY_LACK = {"security_groups", "adminPass", "progress", "servers_links", "keypairs_links", "links",
            "flavors_links", "fault", "private_key"}  # fmt: skip
"""What an answer has only sometimes, so that a sample may have it or not."""
ADMINS = {"host_status", "events"}
"""What the sample's requester may or may not have seen."""


def samples() -> Iterator[Any]:
    if not SAMPLES.is_dir():
        return
    with (SAMPLES / "INDEX.tsv").open() as index:
        for row in csv.DictReader(index, delimiter="\t"):
            path = Path(row["path"])
            ask = ASKS.get((row["resource"], path.stem))
            if row["kind"] == "response" and ask is not None:
                yield pytest.param(path, row["microversion"], ask, id=str(path.with_suffix("")))


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__


def compare(ours: Any, theirs: Any, at: str, free: bool) -> list[str]:
    """Return where our answer differs from the sample."""
    if ours is None or theirs is None or theirs == []:
        return []
    if kind(ours) != kind(theirs):
        return [f"{at}: {kind(ours)} instead of {kind(theirs)}"]
    if isinstance(ours, list):
        found = [
            min((compare(item, sample, f"{at}[]", False) for sample in theirs), key=len) for item in ours
        ]
        return [line for lines in found for line in lines]
    return _compare_objects(ours, theirs, at, free) if isinstance(ours, dict) else []


def _compare_objects(ours: dict[str, Any], theirs: dict[str, Any], at: str, free: bool) -> list[str]:
    if free:
        one = next(iter(theirs.values()), None)
        return [line for key, value in ours.items() for line in compare(value, one, f"{at}.{key}", False)]
    lines = [f"{at}.{key}: missing" for key in theirs.keys() - ours.keys() if not _excused(key)]
    lines += [f"{at}.{key}: too much" for key in ours.keys() - theirs.keys() if not _excused(key)]
    for key in theirs.keys() & ours.keys():
        lines += compare(ours[key], theirs[key], f"{at}.{key}", key in FREE)
    return lines


def _excused(key: str) -> bool:
    return key in MAY_LACK or key in ADMINS or key.startswith("OS-EXT-SRV-ATTR:")


@pytest.mark.parametrize(("path", "version", "ask"), list(samples()))
def test_an_answer_has_the_form_of_the_sample(path: Path, version: str, ask: Ask) -> None:
    scene = a_scene()
    scene.version = version
    if path.parent.name in DOWN and "create" not in path.stem:
        scene.world.cell_is_down()
    ours = ask(scene)
    scene.world.store.close()
    theirs = json.loads((SAMPLES / path).read_text())
    assert ours is not None
    assert not {"badRequest", "itemNotFound", "forbidden", "computeFault"} & ours.keys(), ours
    whole = path.stem in WHOLE_KEYS or (version, path.stem) == ("2.1", "server-diagnostics-get-resp")
    found = compare(ours, theirs, "", whole)
    if path.parent.name in DOWN:
        found = [line for line in found if line not in UNKNOWN_WHILE_DOWN]
    assert found == []


OURS = {
    "servers", "flavors", "flavor-access", "flavor-extra-specs", "flavor-manage", "os-keypairs",
    "os-lock-server", "os-pause-server", "os-suspend-server", "os-server-tags", "os-console-output",
    "os-deferred-delete", "os-migrate-server", "os-multiple-create", "os-preserve-ephemeral-rebuild",
    "server-metadata", "os-admin-actions", "os-create-backup", "os-evacuate", "os-shelve",
}  # fmt: skip
LATER = {"server-create-req-v237": "2.37", "server-create-req-v257": "2.57"}
"""Samples of a later version than their folder says."""
REFUSED = {
    "os-keypairs/v2.92/keypairs-post-req.json",
    "servers/v2.90/server-create-req.json",
    "servers/v2.94/server-create-req.json",
}
"""Samples that lack what their version requires."""
ANY_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def requests() -> Iterator[Any]:
    if not SAMPLES.is_dir():
        return
    with (SAMPLES / "INDEX.tsv").open() as index:
        for row in csv.DictReader(index, delimiter="\t"):
            if row["kind"] != "request" or row["resource"] not in OURS:
                continue
            method, _, path = row["method_and_route"].split(";")[0].partition(" ")
            yield pytest.param(
                Path(row["path"]),
                LATER.get(Path(row["path"]).stem, row["microversion"]),
                method,
                path.split()[0].split("/")[1:],
                id=row["path"],
            )


@pytest.mark.parametrize(("path", "version", "method", "parts"), list(requests()))
def test_a_sample_of_a_request_is_understood(path: Path, version: str, method: str, parts: list[str]) -> None:
    found = TABLE.find(parts)
    body = json.loads((SAMPLES / path).read_text().replace(ANY_UUID, IMAGE))
    assert found is not None
    rows = found[0].methods.get(method) or found[0].actions.get(next(iter(body)))
    if rows is None:
        pytest.skip("an action that is not served yet")
    row = row_at(rows, minor(version))
    assert row is not None
    if row.handler is None or row.body is None:
        return
    value = body if row.action is None else body[row.action]
    if value is None and row.optional:
        return
    check = body_field(row.body, minor(version)).check
    if str(path) in REFUSED:
        with pytest.raises(Bad, match="is a required property"):
            check(value)
        return
    check(value)
